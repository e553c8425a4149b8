"""A reconciliation as an Excel workbook: summary, differences, and a sheet for each side.

Totals and control sums are formulas, so that whoever gets the workbook can see that they are right. A text is
always written as a text: nothing that a claim or a bill says can become a formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.context import plain
from engine.cli.reconcile_words import cause_word, mark_text, weight_word
from engine.clock import SHANGHAI
from engine.errors import UsageError
from engine.language import tr
from engine.run.reconcile.model import Standing
from engine.run.words import stage_word, state_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from engine.run.reconcile.execute import Reconciliation
    from engine.run.reconcile.model import Bill, Claim, Difference

__all__ = ["check_target", "write_workbook"]

_MONEY = "#,##0.00;[Red]-#,##0.00"
_COUNT = "0;[Red]-0"
_DAY = "yyyy-mm-dd"
_SUFFIX = ".xlsx"
_LONGEST_TEXT = 32_000
_DIGITS_MOST = 15
"""Excel keeps so many digits of a number; an amount with more is written as text rather than rounded."""


def check_target(name: str) -> None:
    """Refuse early what could not be written in the end. Raises UsageError."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        raise UsageError(
            tr("--excel needs the package openpyxl, which is not installed"),
            hint=tr("install it with: pip install 'integration-engine[excel]'"),
        ) from None
    path = Path(name)
    if path.suffix.lower() != _SUFFIX:
        raise UsageError(tr("'{file}' must end in {suffix}", file=name, suffix=_SUFFIX))
    if not path.absolute().parent.is_dir():
        raise UsageError(tr("there is no folder '{folder}'", folder=path.parent))


def write_workbook(compared: Reconciliation, name: str) -> None:
    """Write the workbook. Raises UsageError when the file cannot be written."""
    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    if first is not None:
        book.remove(first)
    claims, bills = tr("{name} claims", name=compared.source), tr("{name} bills", name=compared.target)
    _summary(_sheet(book, tr("summary")), compared, _title(claims), _title(bills))
    _differences(_sheet(book, tr("differences")), compared.differences)
    _claims(_sheet(book, claims), compared.claims)
    _bills(_sheet(book, bills), compared.bills)
    try:
        book.save(name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(tr("'{file}' cannot be written: {reason}", file=name, reason=reason)) from None


# --- the sheets ---------------------------------------------------------------------------------------


def _summary(sheet: Worksheet, compared: Reconciliation, claims: str, bills: str) -> None:
    begin, end = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for at in (compared.since, compared.until))
    about = (
        (tr("scheme"), f"{compared.name} ({compared.scheme})"),
        (tr("environment"), compared.environment),
        (tr("period"), f"{begin} – {end}"),
        (tr("other documents of {form}", form=compared.form), compared.others.count),
    )
    for label, value in about:
        _put(sheet, [label, value])
    _put(sheet, [tr("their amount"), compared.others.amount])
    sheet.append([])
    top = sheet.max_row + 1
    _head(
        sheet,
        [
            tr("day"),
            tr("organisation"),
            tr("process"),
            tr("claims"),
            tr("claimed"),
            tr("bills"),
            tr("billed"),
            tr("count difference"),
            tr("amount difference"),
            tr("without amount"),
        ],
        [12, 14, 30, 9, 16, 9, 16, 12, 16, 12],
    )
    for line in compared.lines:
        row = sheet.max_row + 1
        _put(
            sheet,
            [
                line.day,
                line.organisation,
                line.process,
                line.claims.count,
                line.claims.amount,
                line.bills.count,
                line.bills.amount,
                _Formula(f"=D{row}-F{row}"),
                _Formula(f"=E{row}-G{row}", money=True),
                line.claims.unpriced + line.bills.unpriced,
            ],
        )
    last = sheet.max_row
    _total(sheet, top + 1, last)
    _control(sheet, last + 1, claims, bills)
    _frozen(sheet, top, last)


def _total(sheet: Worksheet, first: int, last: int) -> None:
    sums: list[Any] = [tr("total"), "", ""]
    for column in "DEFGHIJ":
        cells = f"{column}{first}:{column}{last}"
        sums.append(_Formula(f"=SUM({cells})" if last >= first else "=0", money=column in "EGI"))
    _put(sheet, sums, bold=True)


def _control(sheet: Worksheet, total: int, claims: str, bills: str) -> None:
    """Sums of the other sheets beside those of this one; what is left must be 0."""
    differences = _title(tr("differences"))
    sheet.append([])
    _put(
        sheet,
        [tr("control sums"), "", "", tr("this sheet"), "", tr("other sheet"), "", tr("left")],
        bold=True,
    )
    checks = (
        (tr("claims that count"), f"=D{total}", f"=SUM('{claims}'!H:H)", False),
        (tr("amount of the claims"), f"=E{total}", f"=SUMIF('{claims}'!H:H,1,'{claims}'!E:E)", True),
        (tr("bills that count"), f"=F{total}", f"=SUM('{bills}'!G:G)", False),
        (tr("amount of the bills"), f"=G{total}", f"=SUMIF('{bills}'!G:G,1,'{bills}'!E:E)", True),
        (
            tr("the differences explain the difference"),
            f"=I{total}",
            f"=SUM('{differences}'!F:F)-SUM('{differences}'!G:G)",
            True,
        ),
    )
    for label, here, there, is_money in checks:
        row = sheet.max_row + 1
        left = _Formula(f"=ROUND(D{row}-F{row},2)", money=is_money)
        mark = _Formula(f'=IF(H{row}=0,"✓","✗")')
        cells = [
            label,
            "",
            "",
            _Formula(here, money=is_money),
            "",
            _Formula(there, money=is_money),
            "",
            left,
            mark,
        ]
        _put(sheet, cells)


def _differences(sheet: Worksheet, found: Iterable[Difference]) -> None:
    headings = (
        (tr("open or not"), 10),
        (tr("cause"), 22),
        (tr("number"), 26),
        (tr("day"), 12),
        (tr("organisation"), 12),
        (tr("claimed"), 14),
        (tr("billed"), 14),
        (tr("bills"), 30),
        (tr("what is the matter"), 60),
        (tr("what mends it"), 60),
        (tr("command"), 50),
        (tr("dealt with"), 40),
    )
    _head(sheet, [name for name, _ in headings], [width for _, width in headings])
    for each in found:
        _put(
            sheet,
            [
                weight_word(each.weight),
                cause_word(each.cause),
                each.name,
                each.day,
                each.organisation,
                each.claim_amount if each.claim and each.claim.counts else None,
                each.bill_amount if each.bills else None,
                ", ".join(bill.number for bill in each.bills),
                each.text,
                "\n".join(each.mend),
                each.command,
                mark_text(each),
            ],
            wrap=(9, 10, 12),
        )
    _frozen(sheet, 1, sheet.max_row)


def _claims(sheet: Worksheet, claims: Iterable[Claim]) -> None:
    headings = (
        (tr("number"), 26),
        (tr("day"), 12),
        (tr("organisation"), 12),
        (tr("payee"), 14),
        (tr("amount"), 14),
        (tr("stands"), 16),
        (tr("key number"), 28),
        (tr("counts so"), 8),
        (tr("in the ledger"), 14),
        (tr("its id"), 40),
        (tr("reason"), 60),
    )
    _head(sheet, [name for name, _ in headings], [width for _, width in headings])
    for claim in claims:
        _put(
            sheet,
            [
                claim.number,
                claim.day,
                claim.organisation,
                str(claim.facts.get("payee", "")),
                claim.amount,
                _standing(claim.standing),
                claim.key or "",
                int(claim.counts),
                state_word(claim.told.state) if claim.told else "",
                claim.id,
                claim.reason,
            ],
        )
    _frozen(sheet, 1, sheet.max_row)


def _bills(sheet: Worksheet, bills: Iterable[Bill]) -> None:
    headings = (
        (tr("number"), 26),
        (tr("day"), 12),
        (tr("organisation"), 12),
        (tr("payee"), 14),
        (tr("amount"), 14),
        (tr("how far"), 12),
        (tr("counts so"), 8),
        (tr("key number"), 28),
        (tr("its id"), 14),
        (tr("last changed"), 20),
    )
    _head(sheet, [name for name, _ in headings], [width for _, width in headings])
    for bill in bills:
        changed = bill.changed.astimezone(SHANGHAI) if bill.changed else None
        _put(
            sheet,
            [
                bill.number,
                bill.day,
                bill.organisation,
                str(bill.facts.get("payee", "")),
                bill.amount,
                tr("cancelled")
                if bill.cancelled
                else stage_word(bill.stage)
                if bill.stage
                else tr("a draft"),
                int(not bill.cancelled),
                bill.key,
                bill.id,
                f"{changed:%Y-%m-%d %H:%M:%S}" if changed else "",
            ],
        )
    _frozen(sheet, 1, sheet.max_row)


def _standing(standing: Standing) -> str:
    return {
        Standing.DUE: tr("to be paid"),
        Standing.FAILED: tr("failed"),
        Standing.WAITING: tr("not yet agreed"),
        Standing.LEFT_OUT: tr("left out"),
        Standing.AMENDS: tr("changes another"),
    }[standing]


# --- cells --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Formula:
    """A formula of our own making; `money` says how its result is shown."""

    text: str
    money: bool = False


def _sheet(book: Workbook, name: str) -> Worksheet:
    return book.create_sheet(_title(name))


def _title(name: str) -> str:
    """A sheet's name as Excel allows it."""
    return "".join(" " if letter in "[]:*?/\\'" else letter for letter in plain(name))[:31]


def _head(sheet: Worksheet, names: Sequence[str], widths: Sequence[int]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    row = sheet.max_row + 1 if sheet.max_row > 1 or sheet.cell(1, 1).value is not None else 1
    for column, (name, width) in enumerate(zip(names, widths, strict=True), 1):
        cell = sheet.cell(row, column, name)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDE6F0")
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(column)].width = width


def _frozen(sheet: Worksheet, head: int, last: int) -> None:
    """Keep the heading in sight, on paper too; let its columns be filtered."""
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = f"A{head + 1}"
    sheet.print_title_rows = f"{head}:{head}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.auto_filter.ref = f"A{head}:{get_column_letter(sheet.max_column)}{max(last, head)}"


def _put(sheet: Worksheet, values: Sequence[Any], *, bold: bool = False, wrap: Sequence[int] = ()) -> None:
    """Add a row below the last one; Decimals as money, dates as days, texts as nothing but text."""
    from openpyxl.styles import Alignment, Font

    row = sheet.max_row + 1 if sheet.max_row > 1 or sheet.cell(1, 1).value is not None else 1
    for column, value in enumerate(values, 1):
        if value is None or value == "":
            continue
        cell = sheet.cell(row, column)
        _fill(cell, value)
        if bold:
            cell.font = Font(bold=True)
        if column in wrap:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _fill(cell: Any, value: Any) -> None:
    from datetime import date
    from decimal import Decimal

    if isinstance(value, _Formula):
        cell.value = value.text
        cell.number_format = _MONEY if value.money else _COUNT
    elif isinstance(value, Decimal):
        # As text first: openpyxl would write a number through a float, and 987654.32 as 987654.3199999999.
        cell.value = format(value, "f")
        cell.data_type = "s" if len(value.as_tuple().digits) > _DIGITS_MOST else "n"
        cell.number_format = _MONEY
    elif isinstance(value, date):
        cell.value = value
        cell.number_format = _DAY
    elif isinstance(value, int):
        cell.value = value
    else:
        cell.value = plain(str(value).replace("\n", "\x00")).replace("\x00", "\n")[:_LONGEST_TEXT]
        cell.data_type = "s"
