"""Submit, Audit, UnAudit and Delete as calls: for each bill named, a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.kingdee.simulator.answers import MsgCode, Outcome, Problem, Refusal, failed, succeeded
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.lifecycle import AUDIT, SUBMIT, TRANSITIONS, Transition, said
from connectors.kingdee.simulator.saving import indexed
from connectors.kingdee.simulator.site import Site, bill_form, named_bills, present

if TYPE_CHECKING:
    from connectors.kingdee.simulator.forms import Form
    from engine.connector.simulator import Store

__all__ = ["Moving", "Tally"]


@dataclass(slots=True)
class Tally:
    """What went through and what did not, over one call."""

    outcomes: list[Outcome]
    problems: list[Problem]

    def answer(self, **more: Any) -> dict[str, Any]:
        if self.problems:
            return failed(self.problems, self.outcomes, **more)
        return succeeded(self.outcomes, **more)


class Moving:
    """Takes bills from status to status."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def operation(self, body: Body, user: str) -> dict[str, Any]:
        """ExcuteOperation (the vendor's spelling): an operation by its number."""
        number = str(body.named.get("opnumber") or "").strip()
        if not number:
            raise Refusal("操作编码不能为空", MsgCode.NO_OPERATION)
        if number.lower() not in TRANSITIONS:
            raise Refusal(f"操作“{number}”不存在", MsgCode.NOT_OPERABLE)
        return self.apply(TRANSITIONS[number.lower()], body)

    def apply(self, transition: Transition, body: Body) -> dict[str, Any]:
        """The operation for each bill named; those that there are not are passed over beside others."""
        form, data = bill_form(self._site, body.form_id()), body.data()
        with self._site.reading() as store:
            bills = list(named_bills(BillStore(store), form, data))
        if not bills:
            raise Refusal(f"{form.label}不存在，请检查传入的编码或内码", MsgCode.NOT_FOUND)
        tally = Tally([], [])
        for index, bill in enumerate(bills):
            problem = self.move(transition, form, bill.id)
            if problem is not None:
                tally.problems += indexed([problem], index)
            else:
                tally.outcomes.append(Outcome(bill.id, bill.number, index))
        return tally.answer()

    def move(self, transition: Transition, form: Form, id: int) -> Problem | None:
        with self._site.transaction() as store:
            bills = BillStore(store)
            bill = bills.get(form.id, id)
            if bill is None:
                return Problem(f"内码为“{id}”的{form.label}不存在", code=MsgCode.NOT_FOUND)
            problem = transition.refusal(form, bill) or self._obstacle(store, transition, form, bill)
            if problem is None:
                transition.apply(bills, form, bill, present(self._site, store))
            return problem

    def _obstacle(self, store: Store, transition: Transition, form: Form, bill: Bill) -> Problem | None:
        """What the site is told to find fault with: a closed period, refused submits and audits."""
        if transition is SUBMIT and self._site.fault("submit_fails", store):
            return Problem(said(form, bill, "提交失败：未找到可用的审批流程"))
        if transition is not AUDIT:
            return None
        dated = str(bill.values.get(form.date or "") or "")
        if dated and dated < self._site.site.closed_before:
            return Problem(said(form, bill, "业务日期所在的会计期间已关闭，不允许审核"), form.date)
        if self._site.fault("audit_fails", store):
            return Problem(said(form, bill, "审核校验不通过：付款金额超出资金计划额度"))
        return None
