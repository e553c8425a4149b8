"""What a bill may go through: Submit, Audit, CancelAssign, UnAudit, Delete (reference §5, "State rules")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.kingdee.simulator.answers import Problem
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.forms import STATUS_FIELD, Form

__all__ = ["AUDIT", "CANCEL", "DELETE", "SUBMIT", "TRANSITIONS", "Transition"]


@dataclass(frozen=True, slots=True)
class Transition:
    """One operation: from which status to which, and what is said where it is not allowed.

    A status that leads to '' means that the bill is gone.
    """

    name: str
    allowed: Mapping[str, str]
    refused: Mapping[str, str]

    def refusal(self, form: Form, bill: Bill) -> Problem | None:
        """Why the bill cannot go this way, None when it can."""
        if bill.status in self.allowed:
            return None
        return Problem(said(form, bill, self.refused[bill.status]))

    def apply(self, bills: BillStore, form: Form, bill: Bill, now: str) -> None:
        """Take the bill there, within the open transaction."""
        bill.status = self.allowed[bill.status]
        if bill.status == "":
            bills.delete(bill)
            return
        _note(form, bill, STATUS_FIELD, bill.status)
        _note(form, bill, "FAPPROVEDATE", now if bill.status == "C" else None)
        bills.put(bill)


def said(form: Form, bill: Bill, what: str) -> str:
    """A refusal in the product's words: ``单据编号为“X”的付款单，单据已经审核！``"""
    return f"单据编号为“{bill.number}”的{form.label}，{what}！"


def _note(form: Form, bill: Bill, key: str, value: str | None) -> None:
    found = form.field(key)
    if found is not None:
        bill.values[found.key] = value


SUBMIT = Transition(
    "Submit",
    {"Z": "B", "A": "B", "D": "B"},
    {"B": "单据已经提交", "C": "单据已经审核，不允许提交"},
)
AUDIT = Transition(
    "Audit",
    {"B": "C"},
    {
        "C": "单据已经审核",
        "Z": "单据为暂存状态，不允许审核",
        "A": "单据未提交，不允许审核",
        "D": "单据未提交，不允许审核",
    },
)
CANCEL = Transition(
    "CancelAssign",
    {"B": "A"},
    {"C": "单据已经审核，不允许撤销", **dict.fromkeys("ZAD", "单据未提交，不允许撤销")},
)
UNAUDIT = Transition(
    "UnAudit",
    {"C": "D"},
    dict.fromkeys("ZABD", "单据未审核，不允许反审核"),
)
DELETE = Transition(
    "Delete",
    {"Z": "", "A": "", "D": ""},
    {"B": "单据已提交，不允许删除", "C": "单据已审核，不允许删除"},
)
TRANSITIONS = {transition.name.lower(): transition for transition in (SUBMIT, AUDIT, CANCEL, UNAUDIT, DELETE)}
