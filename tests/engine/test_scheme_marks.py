"""A scheme or table in which a merge has left a choice says so, with the line, and does not run by half."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.scheme.lint import validate
from engine.scheme.load import load_scheme, load_scheme_text
from engine.scheme.marks import open_choices

SCHEMES = Path(__file__).parents[2] / "schemes"
MARKED = "<<<<<<< 我的 mine\n{mine}=======\n{theirs}>>>>>>> 市场 market 1.1.0\n"

LAST_LINE_OF_A_TEXT = (
    "      项目报销类型 | default('', true), 费用归属项目 | default('', true)]"
    " | select | join(' / ') | cut(255) }}\"\n"
)


@pytest.fixture
def scheme(tmp_path: Path) -> Path:
    file = tmp_path / "expense_to_paybill.yaml"
    file.write_text((SCHEMES / file.name).read_text("utf-8"), "utf-8")
    (tmp_path / "tables").mkdir()
    for table in (SCHEMES / "tables").iterdir():
        (tmp_path / "tables" / table.name).write_bytes(table.read_bytes())
    return file


def marked(file: Path, line: str, other: str) -> int:
    text = file.read_text("utf-8")
    assert line in text
    text = text.replace(line, MARKED.format(mine=line, theirs=other))
    file.write_text(text, "utf-8")
    return text[: text.index("<<<<<<<")].count("\n") + 1


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("  batch: 20\n", "  batch: 50\n"),
        ("  batch: 20\n", ""),
        ("id: expense_to_paybill\n", "id: another\n"),
        # within a text of two lines the marks would be YAML, and part of the text
        (LAST_LINE_OF_A_TEXT, ""),
    ],
)
def test_a_scheme_with_marks_has_one_finding(scheme: Path, line: str, other: str) -> None:
    where = marked(scheme, line, other)
    for loaded in (load_scheme(scheme), load_scheme_text(scheme.read_text("utf-8"), scheme)):
        assert loaded.scheme is None
        assert [(finding.code, finding.position.line) for finding in loaded.findings] == [("S108", where)]
        assert "nobody has chosen" in loaded.findings[0].message
        assert "delete the lines with the marks" in (loaded.findings[0].hint or "")
    assert [finding.code for finding in validate(scheme)] == ["S108"]


def test_every_open_choice_is_told_in_one_go(scheme: Path) -> None:
    """Who mends the file need not validate it anew for each of them."""
    wanted = [marked(scheme, "id: expense_to_paybill\n", "id: another\n")]
    later = marked(scheme, "  batch: 20\n", "  batch: 50\n")
    text = scheme.read_text("utf-8")
    wanted.append(text[: text.rindex("<<<<<<<")].count("\n") + 1)
    assert later == wanted[0]  # `marked` tells of the first in the file
    scheme.write_text(text + "=======\n", "utf-8")
    wanted.append(text.count("\n") + 1)
    assert [(found.code, found.position.line) for found in validate(scheme)] == [
        ("S108", line) for line in wanted
    ]


def test_a_mark_that_was_left_over_is_found(scheme: Path) -> None:
    text = scheme.read_text("utf-8")
    scheme.write_text(text + ">>>>>>> market\n", "utf-8")
    assert [(finding.code, finding.position.line) for finding in load_scheme(scheme).findings] == [
        ("S108", text.count("\n") + 1)
    ]


def test_a_table_with_marks_says_so_too(scheme: Path) -> None:
    table = scheme.parent / "tables" / "expense_item.csv"
    where = marked(table, "办公费,FYXM05_SYS\n", "办公费,FYXM06_SYS\n")
    found = [finding for finding in validate(scheme) if finding.position.file.endswith(".csv")]
    assert [(finding.code, finding.position.line) for finding in found] == [("S108", where)]


def test_every_wrong_line_of_a_table_is_told_in_one_go(scheme: Path) -> None:
    table = scheme.parent / "tables" / "expense_item.csv"
    text = table.read_text("utf-8")
    lines = text.count("\n")
    table.write_text(text + "甲,1,2,3,4\n办公费,FYXM06_SYS\n,FYXM07_SYS\n乙,1.2E+10\n", "utf-8")
    found = [finding for finding in validate(scheme) if finding.position.file.endswith(".csv")]
    assert [finding.position.line for finding in found] == [lines + n for n in (1, 2, 3, 4)]
    assert {finding.code for finding in found} == {"S504"}


def test_marks_are_whole_lines_at_the_left() -> None:
    assert not open_choices("a: |\n  <<<<<<< x\n  =======\nb: '======='\n# >>>>>>> \n")
    assert open_choices("a: 1\r\n=======\r\n") == [2]
