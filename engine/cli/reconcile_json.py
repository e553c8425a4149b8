"""The object that `engine reconcile --json` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.run.reconcile.balance import proof, total
from engine.run.reconcile.texts import digits

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from engine.run.reconcile.balance import Line, Side
    from engine.run.reconcile.execute import Reconciliation
    from engine.run.reconcile.model import Bill, Difference

__all__ = ["as_json"]


def as_json(compared: Reconciliation) -> dict[str, Any]:
    """Amounts are text with their digits, days ISO dates, moments ISO times in Asia/Shanghai."""
    claims, bills = total(compared.lines)
    counts = Counter(str(each.cause) for each in compared.open)
    return {
        "scheme": compared.scheme,
        "environment": compared.environment,
        "since": _moment(compared.since),
        "until": _moment(compared.until),
        "source": compared.source,
        "target": compared.target,
        "form": compared.form,
        "process": compared.process,
        "agrees": not compared.open,
        "totals": {
            **_sides(claims, bills),
            "unexplained": _amount(proof(compared.lines, compared.differences)),
        },
        "days": [_line(line) for line in compared.lines],
        "counts": dict(counts),
        "differences": [_difference(each) for each in compared.differences],
        "others": _side(compared.others),
        "expected_calls": dict(compared.expected),
        "calls": {name: dict(calls) for name, calls in compared.calls.items()},
        "seconds": round(compared.seconds, 1),
        "ledger": compared.ledger,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "day": _day(line.day),
        "organisation": line.organisation,
        "process": line.process,
        **_sides(line.claims, line.bills),
    }


def _sides(claims: Side, bills: Side) -> dict[str, Any]:
    return {
        "claims": _side(claims),
        "bills": _side(bills),
        "difference": {"count": claims.count - bills.count, "amount": _amount(claims.amount - bills.amount)},
    }


def _side(side: Side) -> dict[str, Any]:
    return {"count": side.count, "amount": _amount(side.amount), "without_amount": side.unpriced}


def _difference(each: Difference) -> dict[str, Any]:
    claim = each.claim
    return {
        "cause": str(each.cause),
        "weight": str(each.weight),
        "name": each.name,
        "id": claim.id if claim else None,
        "day": _day(each.day),
        "organisation": each.organisation,
        "claim_amount": _amount(claim.amount) if claim and claim.amount is not None else None,
        "bill_amount": _amount(each.bill_amount) if each.bills else None,
        "bills": [_bill(bill) for bill in each.bills],
        "text": each.text,
        "mend": list(each.mend),
        "command": each.command or None,
        "handled": None
        if each.mark is None
        else {"reason": each.mark.reason, "by": each.mark.by or None, "at": _moment(each.mark.at)},
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "id": bill.id,
        "number": bill.number,
        "stage": bill.stage or None,
        "cancelled": bill.cancelled,
        "day": _day(bill.day),
        "amount": _amount(bill.amount) if bill.amount is not None else None,
    }


def _amount(value: Decimal) -> str:
    return digits(value)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _moment(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
