"""The workbook: its sums are formulas that come out right, its amounts exact, its texts nothing but text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

openpyxl = pytest.importorskip("openpyxl")

SCHEME = "expense_to_paybill"
EVIL = '=HYPERLINK("http://evil.example","pay")'


class Sheets:
    """A workbook whose formulas are worked out, as far as this workbook uses them."""

    def __init__(self, path: Path) -> None:
        self.book = openpyxl.load_workbook(path)

    def value(self, sheet: str, cell: str) -> Any:
        found = self.book[sheet][cell].value
        if self.book[sheet][cell].data_type != "f":
            return found
        return self.work_out(sheet, str(found)[1:])

    def work_out(self, sheet: str, text: str) -> Any:
        if match := re.fullmatch(r"IF\((.*)=0,\"✓\",\"✗\"\)", text):
            return "✓" if self.work_out(sheet, match[1]) == 0 else "✗"
        if match := re.fullmatch(r"ROUND\((.*),2\)", text):
            return round(self.work_out(sheet, match[1]), 2)
        if match := re.fullmatch(r"SUMIF\('(.*)'!(\w):\w,1,'(.*)'!(\w):\w\)", text):
            pairs = zip(self.column(match[1], match[2]), self.column(match[3], match[4]), strict=True)
            return sum((Decimal(str(value or 0)) for mark, value in pairs if mark == 1), Decimal(0))
        if match := re.fullmatch(r"(.+?)-(SUM\(.*\)|\w+)", text):
            return self.work_out(sheet, match[1]) - self.work_out(sheet, match[2])
        if match := re.fullmatch(r"SUM\('(.*)'!(\w):\w\)", text):
            return self.total(self.column(match[1], match[2]))
        if match := re.fullmatch(r"SUM\((\w)(\d+):\w(\d+)\)", text):
            cells = (f"{match[1]}{row}" for row in range(int(match[2]), int(match[3]) + 1))
            return self.total(self.value(sheet, cell) for cell in cells)
        found = 0 if text == "0" else self.value(sheet, text)
        return Decimal(str(found or 0))

    def column(self, sheet: str, column: str) -> list[Any]:
        return [cell.value for cell in self.book[sheet][column]]

    def total(self, values: Any) -> Decimal:
        return sum(
            (Decimal(str(one)) for one in values if isinstance(one, int | float | Decimal)), Decimal(0)
        )

    def find(self, sheet: str, text: str) -> int:
        return next(cell.row for cell in self.book[sheet]["A"] if cell.value == text)


@pytest.fixture
def planted(world: Any) -> Any:
    """A company in which much is amiss."""
    world.without_callback()
    claims = [world.claim(amount) for amount in ("0.10", "0.20", "987654.32", "33.33", "50.00", "7.77")]
    world.run()
    world.claim("19.99")
    world.claim("5.00", status="RUNNING")
    world.claim("6.00", result="refuse")
    bills = {bill["number"]: bill for bill in world.kingdee.bills}
    bills[f"DD{claims[3].number}"]["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("30.30")
    world.kingdee.bills.remove(bills[f"DD{claims[4].number}"])
    bills[f"DD{claims[5].number}"]["model"]["FCONTACTUNIT"] = {"FNumber": EVIL}
    typed = {**bills[f"DD{claims[0].number}"]["model"], "FBillNo": "DD-typed"}
    world.kingdee.put({**typed, "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal("4.44")}]}, "C")
    return world


def written(world: Any, **environment: str) -> tuple[Any, Path]:
    path = world.folder / "report.xlsx"
    found = world.engine("reconcile", SCHEME, "--json", "--excel", str(path), **environment)
    return found, path


def test_totals_and_control_sums_come_out_right(planted: Any) -> None:
    found, path = written(planted)
    assert found.code == 1
    book = Sheets(path)
    assert book.book.sheetnames == ["summary", "differences", "dingtalk claims", "kingdee bills"]
    row = book.find("summary", "total")
    totals = found.json["totals"]
    values = [book.value("summary", f"{column}{row}") for column in "DEFGHI"]
    assert values == [
        totals["claims"]["count"],
        Decimal(totals["claims"]["amount"]),
        totals["bills"]["count"],
        Decimal(totals["bills"]["amount"]),
        totals["difference"]["count"],
        Decimal(totals["difference"]["amount"]),
    ]
    start = book.find("summary", "control sums") + 1
    marks = [book.value("summary", f"I{row}") for row in range(start, start + 5)]
    assert marks == ["✓"] * 5
    rows = list(book.book["differences"].iter_rows(min_row=2, values_only=True))
    assert sorted(row[1] for row in rows) == sorted(each["cause"] for each in found.json["differences"])
    assert all(row[10].startswith("engine ") for row in rows if row[0] == "open")


def test_a_wrong_figure_shows(planted: Any) -> None:
    _, path = written(planted)
    book = Sheets(path)
    book.book["kingdee bills"]["E2"].value = 999
    start = book.find("summary", "control sums") + 1
    assert [book.value("summary", f"I{row}") for row in range(start, start + 5)].count("✗") == 1


def test_amounts_are_exact_numbers_and_texts_are_texts(planted: Any) -> None:
    _, path = written(planted)
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    together = "".join(sheets)
    assert "<v>987654.32</v>" in together
    assert "<v>0.1" in together
    formulas = re.findall(r"<f>(.*?)</f>", together)
    assert formulas
    assert not [formula for formula in formulas if "HYPERLINK" in formula]
    book = openpyxl.load_workbook(path)
    payees = [cell for cell in book["kingdee bills"]["D"] if cell.value == EVIL]
    assert [cell.data_type for cell in payees] == ["s"]
    for sheet in book:
        assert sheet.freeze_panes
        assert sheet.auto_filter.ref
        assert sheet.print_title_rows
        assert max(dimension.width for dimension in sheet.column_dimensions.values()) >= 26
    money = book["kingdee bills"]["E2"]
    assert (money.data_type, money.number_format) == ("n", "#,##0.00;[Red]-#,##0.00")
    assert book["kingdee bills"]["B2"].number_format == "yyyy-mm-dd"


def test_the_workbook_speaks_chinese(planted: Any) -> None:
    _, path = written(planted, ENGINE_LANG="zh")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["汇总", "差异", "钉钉源单", "金蝶云星空单据"]
    words = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    assert {
        "日期",
        "应付金额",
        "付款单金额",
        "勾稽",
        "合计",
        "原因",
        "怎样处理",
        "金额不符",
        "付款单被删除",
    } <= set(words)
    book_of = Sheets(path)
    start = book_of.find("汇总", "勾稽") + 1
    assert [book_of.value("汇总", f"I{row}") for row in range(start, start + 5)] == ["✓"] * 5


def test_an_empty_period_makes_a_workbook_too(world: Any) -> None:
    found, path = written(world)
    assert found.code == 0
    book = Sheets(path)
    assert book.value("summary", f"E{book.find('summary', 'total')}") == 0


def test_without_openpyxl_it_says_what_to_install(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openpyxl", None)
    found, path = written(world)
    assert (found.code, path.exists()) == (2, False)
    assert "integration-engine[excel]" in found.json["error"]["hint"]


def test_a_file_that_cannot_be_written_is_said(world: Any) -> None:
    (world.folder / "report.xlsx").mkdir()
    found, _ = written(world)
    assert found.code == 2
    assert "report.xlsx" in found.json["error"]["message"]


def numbers(text: str) -> Iterator[str]:
    yield from re.findall(r"\d+\.\d\d", text)


def test_the_terminal_shows_days_differences_and_commands(planted: Any) -> None:
    shown = planted.engine("reconcile", SCHEME)
    assert shown.code == 1
    for word in (
        "organisation",
        "PROC-EXPENSE-SANDBOX",
        "total",
        "amount differs",
        "bill deleted",
        "→ ",
        "calls",
    ):
        assert word in shown.out
    assert "\n5 differences: " in shown.out
    assert "explained, nothing to do: " in shown.out
    assert list(numbers(shown.out))
    chinese = planted.engine("reconcile", SCHEME, ENGINE_LANG="zh")
    assert "金额不符" in chinese.out
    assert "付款组织" in chinese.out


def test_many_differences_of_a_cause_are_cut_short_in_the_terminal(world: Any) -> None:
    world.without_callback()
    world.claims(30)
    shown = world.engine("reconcile", SCHEME)
    assert shown.out.count("\nnot read by any run  ") == 20
    assert "not read by any run: 10 more; --json and --excel FILE have them all" in shown.out
    assert "30 differences: not read by any run 30" in shown.out
