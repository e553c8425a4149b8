"""What claims and bills say is shown as text: it steers no terminal and is no formula in a workbook."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openpyxl import load_workbook
from outside_dingtalk import expense_form

pytestmark = pytest.mark.usefixtures("hurried")

SCHEME = "expense_to_paybill"
FORMULAS = (
    '=HYPERLINK("http://evil.example","pay")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r=1",
    "|cmd",
    "＝1",
)
ESCAPES = (
    *("\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07", "\x1b[2J\x1b[H"),
    *(
        "\x9b2J",
        "\x90$q\x9c",
        "\x07\x08\x08",
        "\u202e0.001",
        "\u2066x",
        "a\rb",
        "\x7f",
        "\x00",
        "\u2028x",
        "\x0e",
    ),
    *("\ud800", "[bold red]rich[/]", "[link=http://evil.example]x[/link]", "x" * 40_000),
)
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
OURS = re.compile(r"\x1b\[[0-9;]*m")
"""Colours, which a stream that is no terminal does not get at all."""


@pytest.fixture
def evil(world: Any) -> Any:
    for n, text in enumerate((*FORMULAS, *ESCAPES)):
        form = expense_form([("办公费", "2024-05-06", "100.00")], "100.00")
        claim = world.claim("100.00", form=form, title=text)
        if n % 3 == 0:
            form[2]["value"] = json.dumps(
                [
                    {
                        "rowValue": [
                            {"label": "报销金额(元)", "value": text},
                            {"label": "费用明细", "value": text},
                        ]
                    }
                ]
            )
        elif n % 3 == 1:
            claim.userid = text if STEERS.search(text) is None else "52370000000000" + "99"
        world.kingdee.refuse[("batchsave", "DD" + claim.number)] = text
    return world


def test_nothing_that_a_system_says_steers_the_terminal(evil: Any) -> None:
    evil.run()
    rows = evil.listed()
    assert len(rows) == len((*FORMULAS, *ESCAPES))
    assert any(row["state"] == "failed" for row in rows)
    commands = [("run", SCHEME), ("records", "list", SCHEME), ("preview", SCHEME, "--all")]
    commands += [("reconcile", SCHEME, "--since", "-9d"), ("runs", "list")]
    for row in rows:
        commands += [("why", row["number"]), ("records", "show", SCHEME, row["id"])]
        commands += [("preview", SCHEME, "--record", row["id"])] if row["state"] == "failed" else []
    for command in commands:
        shown = evil.engine(*command)
        text = shown.out + shown.err
        assert "engine itself" not in text, text
        assert STEERS.search(text) is None, (command, STEERS.search(text))
        told = evil.engine(*command, "--json").out
        assert STEERS.search(told) is None
        json.loads(told)


def test_nothing_that_a_system_says_is_a_formula(evil: Any) -> None:
    evil.run()
    for n, bill in enumerate(evil.kingdee.bills):
        bill["model"]["FREMARK"] = FORMULAS[n % len(FORMULAS)]
        bill["number"] = FORMULAS[n % len(FORMULAS)] if n % 2 else bill["number"]
    done = evil.engine("reconcile", SCHEME, "--since", "-9d", "--excel", "x.xlsx")
    assert done.code in (0, 1), done.err
    ours = re.compile(r"=(SUM|SUMIFS?|COUNTIFS?|IF|ROUND|'|[A-Z]+\d)")
    for sheet in load_workbook(evil.folder / "x.xlsx"):
        for row in sheet.iter_rows():
            for cell in row:
                text = cell.value if isinstance(cell.value, str) else ""
                if cell.data_type == "f":
                    assert ours.match(text), text
                    assert "HYPERLINK" not in text
                assert cell.hyperlink is None or str(cell.hyperlink.location or "").startswith("'"), text
