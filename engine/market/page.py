"""The page of a market scheme, README.md: made from what the folder holds, the same for every reader.

It is in Chinese first, with English beside it, whatever the language of the one who makes it.
"""

from __future__ import annotations

import csv
import io
import posixpath
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.connector.registry import catalog
from engine.document.markdown import block, code, table, text
from engine.document.walk import target_fields
from engine.errors import EngineError, SchemeError
from engine.language import tr
from engine.market.check import laid_out, load_schemes
from engine.market.deeds import deeds_of
from engine.market.page_fields import field_rows, mapping_rows
from engine.scheme.reach import Reach
from engine.scheme.testing import worked_out
from engine.yaml_nodes import decode_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from engine.connector.catalog import Field
    from engine.market.card import Card, ParamCard, Words
    from engine.market.folder import Folder
    from engine.scheme.model import ParamSpec, Scheme, TableSpec, TestSpec

__all__ = ["make_page"]

_REACH = Reach(catalog)
_LINES_MOST = 150
_KINDS = {"reads": "读 reads", "looks up": "查 looks up", "writes": "写 writes", "tells": "回写 tells"}
_FIELD_HEADINGS = ("字段 field", "名称 label", "类型 type", "必填 required", "说明 description")


def make_page(folder: Folder) -> str:
    """The page of a folder that was checked. Raises SchemeError where a scheme cannot be read."""
    card = folder.card
    if card is None:
        raise SchemeError(tr("there is no {name}", name="market.yaml"))
    with laid_out(folder) as place:
        schemes = load_schemes(card, place)
        if len(schemes) < len(card.schemes):
            raise SchemeError(tr("a scheme of {name} cannot be read; check it first", name=card.name))
        lines = list(_lines(folder, card, schemes))
    return "\n".join(lines).rstrip("\n") + "\n"


def _lines(folder: Folder, card: Card, schemes: list[Scheme]) -> Iterator[str]:
    yield "<!-- 由 engine market page 生成，请勿手改 · written by engine market page; do not edit -->"
    yield ""
    yield f"# {text(card.title.zh)}"
    yield ""
    yield from _words(card.title, first=False)
    yield from _words(card.summary)
    yield f"{code(card.name)} {card.release}"
    yield ""
    runs = [f"engine run {scheme.id}" for scheme in schemes if not scheme.is_callback]
    yield from block("sh", "\n".join([f"engine market copy {card.name}", *runs]))
    yield from _what_it_does(schemes)
    yield from _params(card, schemes)
    yield from _tables(folder, schemes)
    for scheme in schemes:
        yield from _interfaces(scheme, card.unsure)
    yield from _sample(schemes[0])
    yield from _tests(schemes)
    yield from _unsure(card)
    yield from _changes(card)


def _words(words: Words, *, first: bool = True) -> Iterator[str]:
    for each in words.both if first else words.both[1:]:
        yield text(each)
        yield ""


# --- what it does ------------------------------------------------------------------------------------------


def _what_it_does(schemes: list[Scheme]) -> Iterator[str]:
    yield "## 连接什么 · What it connects"
    yield ""
    headings = ("", "系统 system", "接口 interface", "名称 label", "表单 form", "做到 until", "方案 scheme")
    yield from table(
        headings,
        [
            (
                _KINDS[deed.kind],
                text(deed.connector_label),
                code(deed.interface),
                text(deed.label),
                f"{code(deed.form)} {text(deed.form_label)}".strip(),
                code(deed.until),
                code(deed.scheme) + (f" {code(deed.table)}" if deed.table else ""),
            )
            for deed in deeds_of(schemes)
        ],
    )
    source, target = schemes[0].source, schemes[0].target
    guard = schemes[0].node.get("target")
    conditions = [
        ("办结 final", source.final.text if source.final else ""),
        ("只取 where", source.where.text if source.where else ""),
        ("交给人 hold", source.hold.text if source.hold else ""),
        ("从何时起 since", _plain(source.window.start) if source.window else ""),
        ("幂等键 key", target.key),
        ("一次最多 guard", _inline(guard.get("guard").plain()) if guard and guard.get("guard") else ""),  # type: ignore[union-attr]
    ]
    yield from table(("条件 condition", ""), [(name, code(value)) for name, value in conditions if value])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else str(value.text)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {part}" for key, part in value.items())
    return str(value)


def _params(card: Card, schemes: list[Scheme]) -> Iterator[str]:
    rows = [
        (
            code(name),
            text(spec.label),
            spec.type + ("" if spec.required else "，可不填 optional"),
            code("" if spec.default is None else spec.default),
            code(more.example if (more := card.params.get(name)) and more.example else ""),
            _help(spec, more),
            code(scheme.id),
        )
        for scheme in schemes
        for name, spec in scheme.params.items()
    ]
    if not rows:
        return
    yield "## 参数 · Params"
    yield ""
    headings = (
        "参数 param",
        "名称 label",
        "类型 type",
        "默认 default",
        "例 example",
        "说明 help",
        "方案 scheme",
    )
    yield from table(headings, rows)


def _help(spec: ParamSpec, more: ParamCard | None) -> str:
    said = [spec.description] if spec.description else []
    said += more.help.both if more and more.help else ()
    lines = [text(each) for each in said]
    if more and more.choices:
        lines.append(f"可选项 choices: {code(more.choices)}")
    return "<br>".join(lines)


def _tables(folder: Folder, schemes: list[Scheme]) -> Iterator[str]:
    rows = [
        (
            code(spec.name),
            _table_source(spec),
            " → ".join(code(each) for each in (spec.key, spec.value) if each),
            (code(spec.default) or "空 empty") if spec.has_default else "查不到就失败 a miss fails",
            _table_size(folder, spec),
            code(scheme.id),
        )
        for scheme in schemes
        for spec in scheme.tables.values()
    ]
    if not rows:
        return
    yield "## 翻译表 · Tables"
    yield ""
    headings = (
        "表 table",
        "来自 from",
        "查什么 → 得什么 key → value",
        "查不到 default",
        "行数 rows",
        "方案 scheme",
    )
    yield from table(headings, rows)


def _table_source(spec: TableSpec) -> str:
    if spec.file is not None:
        return code(spec.file)
    if spec.interface is not None:
        return f"{code(spec.connection)} {code(spec.interface)}"
    return "方案里 inline"


def _table_size(folder: Folder, spec: TableSpec) -> str:
    if spec.values is not None:
        return str(len(spec.values))
    data = folder.files.get(posixpath.normpath(spec.file)) if spec.file is not None else None
    if data is None:
        return ""
    try:
        shown = decode_text(data, "table")
    except SchemeError:
        shown = data.decode("gb18030", "replace")
    rows = [row for row in csv.reader(io.StringIO(shown, newline="")) if any(cell.strip() for cell in row)]
    return str(max(0, len(rows) - 1))


# --- interfaces and mapping --------------------------------------------------------------------------------


def _interfaces(scheme: Scheme, unsure: Collection[str]) -> Iterator[str]:
    source, target = scheme.source, scheme.target
    if source.connection is not None:
        known = _REACH.interface(source.connection, source.interface)
        yield f"## 读什么 · What {code(scheme.id)} reads"
        yield ""
        yield f"{code(source.interface)} {text(known.label if known else '')}"
        yield ""
        yield from _fields("请求 · Request", known.fields if known else {})
        yield from _fields("响应 · Response", known.response if known else {})
        if known and known.open:
            yield "响应里还有表单自己的字段，随模板而异。The response has the form's own fields, too."
            yield ""
    yield f"## 写什么 · What {code(scheme.id)} writes"
    yield ""
    fields = target_fields(scheme, _REACH)
    headings = ("目标字段 field", "名称 label", "取值 from", "规则 rules")
    yield from table(headings, mapping_rows(target.mapping, fields, unsure))
    checks = [(code(check.that.text), _said(check.say)) for check in target.mapping.checks]
    yield from table(("发送前核对 checked before sending", "不符时 else"), checks)
    yield from _fields("目标表单的全部字段 · All fields of the target", fields)


def _said(say: Any) -> str:
    for name in ("value", "template", "path"):
        found = getattr(say, name, None)
        if found is not None:
            return text(found if name == "value" else found.text)
    return ""


def _fields(title: str, fields: Mapping[str, Field]) -> Iterator[str]:
    rows = field_rows(fields)
    if not rows:
        return
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield from table(_FIELD_HEADINGS, rows)
    yield "</details>"
    yield ""


# --- sample, tests, history --------------------------------------------------------------------------------


def _sample(scheme: Scheme) -> Iterator[str]:
    """The first record of which a test expects a document, and what the engine makes of it."""
    test = next((test for test in scheme.tests if test.document is not None), None)
    if test is None:
        return
    try:
        record, made = worked_out(scheme, test)
    except EngineError:
        return
    yield "## 样例 · Sample"
    yield ""
    yield f"测试「{text(test.name)}」的源数据，和引擎由它做出的单据。"
    yield "The record of that test, and the document that the engine makes of it."
    yield ""
    yield from _json("源数据 · record", record)
    if made is not None:
        yield from _json("目标单据 · document", made)


def _json(title: str, value: Any) -> Iterator[str]:
    lines = jsontext.indented(value).split("\n")
    if len(lines) > _LINES_MOST:
        lines = [*lines[:_LINES_MOST], "…"]
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield from block("json" if lines[-1] != "…" else "text", "\n".join(lines))
    yield "</details>"
    yield ""


def _tests(schemes: list[Scheme]) -> Iterator[str]:
    yield "## 测试 · Tests"
    yield ""
    rows = [
        (text(test.name), _expected(test), code(scheme.id)) for scheme in schemes for test in scheme.tests
    ]
    yield from table(("测试 test", "预期 expected", "方案 scheme"), rows)


def _expected(test: TestSpec) -> str:
    if test.document is not None:
        return "单据 document"
    if test.skipped:
        return "跳过 skipped"
    if test.held:
        return "交给人 held"
    if test.waiting:
        return "等待 waiting"
    return f"失败 error {code(test.error or '')}".strip()


def _unsure(card: Card) -> Iterator[str]:
    if not card.unsure:
        return
    yield "## 未经证实的字段 · Fields not confirmed"
    yield ""
    yield "下面的字段名没有公开资料可以证实，请先在自己的账套里核对。"
    yield "No public source confirms the names of these fields: compare them with your own system first."
    yield ""
    yield from (f"- {code(field)}" for field in card.unsure)
    yield ""


def _changes(card: Card) -> Iterator[str]:
    if not card.changes:
        return
    yield "## 变更 · Changes"
    yield ""
    rows = [(change.release, " ".join(text(each) for each in change.words.both)) for change in card.changes]
    yield from table(("版本 release", "改了什么 what changed"), rows)
