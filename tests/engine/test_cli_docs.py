"""The interface design document holds every row of the one it replaces, in all its forms."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.scheme.discovered.file import file_of, written
from engine.scheme.discovered.model import EVERY, Discovered, FoundField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.conftest import Prompt

SCHEME = "schemes/expense_to_paybill.yaml"
REFERENCE = Path(__file__).parent / "data" / "interface_design.txt"
"""The tables of the hosted platform's document of the same integration, as it was exported."""


@dataclass(frozen=True)
class Row:
    """One row of an interface's tables."""

    system: str
    field: str
    label: str
    type: str
    description: str

    def __str__(self) -> str:
        return f"{self.system} {self.field}"


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def reference() -> Iterator[Row]:
    system, described = "", False
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if line.endswith("接口明细"):
            system = line.removesuffix("接口明细")
        elif "|" in line:
            field, label, kind, *more = cells_of(line)
            if field == "字段":
                described = bool(more)
            else:
                yield Row(system, field, label, kind, more[0].removeprefix("_") if described and more else "")


ROWS = list(reference())


def unescaped(cell: str) -> str:
    """A cell of Markdown as it is read."""
    fenced = re.fullmatch(r"(`+) ?(.*?) ?\1", cell)
    text = fenced[2].replace("\\|", "|") if fenced else re.sub(r"\\(.)", r"\1", cell)
    return text if fenced else text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def documented(markdown: str) -> dict[str, list[dict[str, str]]]:
    """The rows of a document's tables by system, each as head → cell."""
    found: dict[str, list[dict[str, str]]] = {}
    system = ""
    head: list[str] = []
    for line in markdown.splitlines():
        if line.startswith("## "):
            system, head = line.removeprefix("## ").removesuffix("接口明细"), []
        elif not line.startswith("|"):
            head = []
        elif not head:
            head = [unescaped(cell.strip()) for cell in line.strip("|").split("|")]
        elif "---" not in line:
            cells = [unescaped(cell.strip()) for cell in re.split(r"(?<!\\)\|", line[1:-1])]
            found.setdefault(system, []).append(dict(zip(head, cells, strict=True)))
    return found


@pytest.fixture(scope="module")
def markdown(prompt: Prompt) -> str:
    said = prompt("docs", SCHEME, language="zh")
    assert said.code == 0, said.err
    return said.out


@pytest.fixture(scope="module")
def tables(markdown: str) -> dict[str, list[dict[str, str]]]:
    return documented(markdown)


def test_the_reference_is_read_whole() -> None:
    assert len([row for row in ROWS if row.system == "钉钉"]) == 5 + 33
    assert len([row for row in ROWS if row.system == "金蝶云星空"]) == 25 + 6


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_of_the_reference_is_there(row: Row, tables: dict[str, list[dict[str, str]]]) -> None:
    found = [each for each in tables[row.system] if each.get("字段") == row.field]
    assert found, "no such row"
    assert (row.label, row.type) in {(each["名称"], each["类型"]) for each in found}
    if row.description:
        assert any(row.description in each["描述"].split("；") for each in found)


def test_the_interfaces_are_named_as_in_the_reference(markdown: str) -> None:
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        name, colon, value = line.removeprefix("- ").partition(":")
        if line.startswith("- ") and colon:
            assert re.search(rf"^- {name}：{re.escape(value)}", markdown, re.MULTILINE), line


def test_the_mapping_says_where_each_field_comes_from(tables: dict[str, list[dict[str, str]]]) -> None:
    rows = {row["目标字段"]: row for row in tables["数据映射"]}
    assert rows["FBillNo"]["来自"] == "DD{{ extend.business_id }}"
    assert rows["FBillNo"]["源字段"] == "extend.business_id（审批编号）"
    assert rows["FCONTACTUNIT"]["规则"] == "经表 employee 翻译"
    assert rows["FPURPOSEID" if "FPURPOSEID" in rows else "FPAYBILLENTRY.FPURPOSEID"]["规则"] == "固定值"
    assert rows["FPAYBILLENTRY"]["来自"] == "$.项目费用明细[*]"
    assert len([row for row in tables["数据映射"] if row["目标字段"] == "FPAYBILLENTRY"]) == 2


def test_every_shipped_scheme_has_a_document(prompt: Prompt) -> None:
    schemes = [
        *(prompt.folder / "schemes").glob("*.yaml"),
        *(prompt.folder / "schemes/market").glob("*/*.yaml"),
    ]
    schemes = [file for file in schemes if file.name != "market.yaml"]
    assert len(schemes) > 5
    for file in schemes:
        said = prompt("docs", str(file.relative_to(prompt.folder)), language="zh")
        assert said.code == 0, said.err
        assert "## 数据映射" in said.out


def test_the_language_is_the_readers_or_the_one_asked_for(prompt: Prompt) -> None:
    assert "## 数据映射" in prompt("docs", SCHEME, language="zh").out
    assert "## Mapping" in prompt("docs", SCHEME, language="en").out
    assert "## Mapping" in prompt("docs", SCHEME, "--lang", "en", language="zh").out
    said = prompt("docs", SCHEME, "--lang", "zh", "--out", "a.md", language="en")
    assert said.out == "the document is a.md\n"
    assert "## 数据映射" in (prompt.folder / "a.md").read_text(encoding="utf-8")


def test_json_holds_the_document(prompt: Prompt) -> None:
    found = prompt("docs", SCHEME, "--json", language="zh").json
    assert (found["format"], found["file"]) == ("md", None)
    titles = [section["title"] for section in found["document"]["sections"]]
    assert titles[:4] == ["对接系统", "数据流程", "钉钉接口明细", "金蝶云星空接口明细"]


def test_what_was_discovered_is_in_it(fresh_prompt: Prompt) -> None:
    found = Discovered(
        "expense_to_paybill",
        "sandbox",
        (
            FoundField(("报销类别",), "报销类别", "string", seen=4, of=10, choices=("行政报销", "项目报销")),
            FoundField(("报销明细", EVERY, "税额"), "税额", "string", seen=1, of=1, examples=("99.99",)),
            FoundField(("事由",), "事由", "string", seen=0, of=10, formerly=("用途",)),
        ),
        records=10,
    )
    file = file_of(fresh_prompt.folder / "schemes", found.subject)
    file.parent.mkdir()
    file.write_text(written(found), encoding="utf-8")
    said = fresh_prompt("docs", SCHEME, language="zh")
    assert said.code == 0, said.err
    rows = {row["字段"]: row["描述"] for row in documented(said.out)["钉钉"]}
    assert rows["报销类别"] == "autoFillResponse；40% 有值；取值：行政报销, 项目报销"
    assert rows["报销明细.税额"] == "autoFillResponse；100% 有值；例：99.99"
    assert rows["事由"] == "autoFillResponse；0% 有值；曾叫 用途"
    assert {row.field for row in ROWS if row.system == "钉钉"} <= rows.keys()


def test_a_callback_is_told_what_the_names_of_its_data_mean(tables: dict[str, list[dict[str, str]]]) -> None:
    rows = {row["目标字段"]: row for row in tables["付款单 → 钉钉审批评论 · 数据映射"]}
    assert "name（收款信息）" in rows["text"]["源字段"]
    assert rows["process_instance_id"]["源字段"] == "id（审批实例ID）"


def kinds_of(markdown: str) -> set[str]:
    """The kinds of parts that a reader of Markdown sees."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return {part.type for token in tokens for part in (token, *(token.children or ()))}


# --- HTML and Word -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The cells of a page's tables, the tags it has, and whatever it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self._inside = False
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [f"{name}={value}" for name, value in attrs if name not in ("lang", "charset", "id")]
        if tag in ("td", "th"):
            self.cells.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


def texts_of(content: bytes) -> list[str]:
    """The cells of a Word document's tables."""
    import docx

    book = docx.Document(io.BytesIO(content))
    return [cell.text for table in book.tables for row in table.rows for cell in row.cells]


def test_html_holds_the_same_and_loads_nothing(prompt: Prompt, tables: dict[str, Any]) -> None:
    assert prompt("docs", SCHEME, "--out", "page.html", language="zh").code == 0
    page = Page((prompt.folder / "page.html").read_text(encoding="utf-8"))
    wanted = {cell for rows in tables.values() for row in rows for cell in row.values()}
    assert wanted <= set(page.cells)
    assert all(re.fullmatch(r"href=#s\d+", each) for each in page.loads)
    assert not page.tags & {"script", "img", "iframe", "link"}


def test_word_holds_the_same(prompt: Prompt, tables: dict[str, Any]) -> None:
    assert prompt("docs", SCHEME, "--out", "design.docx", language="zh").code == 0
    cells = set(texts_of((prompt.folder / "design.docx").read_bytes()))
    assert {cell for rows in tables.values() for row in rows for cell in row.values()} <= cells


def test_word_needs_a_file(prompt: Prompt) -> None:
    said = prompt("docs", SCHEME, "--format", "docx")
    assert said.code == 2
    assert "--out FILE.docx" in said.err


def test_word_says_what_to_install(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    said = prompt("docs", SCHEME, "--out", "design2.docx")
    assert said.code == 2
    assert "pip install 'integration-engine[word]'" in said.err
    assert not (prompt.folder / "design2.docx").exists()


def test_a_file_that_cannot_be_written_is_told(prompt: Prompt) -> None:
    said = prompt("docs", SCHEME, "--out", "no/such/folder/design.md")
    assert said.code == 2
    assert "cannot be written" in said.err


HOSTILE = '<script>alert(1)</script> | [x](javascript:1) `y` ![i](http://h/) "q" <img src=x> ``z'


def test_no_text_of_a_scheme_becomes_markup(fresh_prompt: Prompt) -> None:
    file = fresh_prompt.folder / SCHEME
    text, quoted = file.read_text(encoding="utf-8"), json.dumps(HOSTILE)
    for before in (
        "name: 钉钉费用报销 → 金蝶云星空付款单",
        "label: 付款组织",
        "FBillTypeID: FKDLX02_SYS",
        "say: 明细合计与总金额不符",
    ):
        assert before in text
        text = text.replace(before, f"{before.partition(':')[0]}: {quoted}", 1)
    file.write_text(text[: text.index("\ntests:")], encoding="utf-8")
    written = fresh_prompt("docs", SCHEME, language="zh")
    assert written.code == 0, written.err
    assert kinds_of(written.out).isdisjoint({"html_inline", "html_block", "link_open", "image"})
    rows = documented(written.out)
    assert rows["数据映射"][1]["来自"] == HOSTILE
    assert rows["参数"][3]["名称"] == HOSTILE
    assert fresh_prompt("docs", SCHEME, "--out", "page.html", language="zh").code == 0
    page = Page((fresh_prompt.folder / "page.html").read_text(encoding="utf-8"))
    assert not page.tags & {"script", "img"}
    assert page.cells.count(HOSTILE) == 3
    assert fresh_prompt("docs", SCHEME, "--out", "page.docx", language="zh").code == 0
    assert HOSTILE in texts_of((fresh_prompt.folder / "page.docx").read_bytes())
