"""Save, Draft and BatchSave as calls: each bill is a transaction, so a batch keeps what went through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connectors.kingdee.simulator.answers import MsgCode, Outcome, Problem, Refusal
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.body import Body, flag
from connectors.kingdee.simulator.lifecycle import AUDIT, SUBMIT
from connectors.kingdee.simulator.moving import Moving, Tally
from connectors.kingdee.simulator.saving import SaveOptions, Saver, indexed
from connectors.kingdee.simulator.site import Site, bill_form, present
from engine import jsontext

if TYPE_CHECKING:
    from connectors.kingdee.simulator.forms import Form

__all__ = ["Writing"]

_PACKAGE = "package"


class Writing:
    """Writes bills."""

    def __init__(self, site: Site, moving: Moving) -> None:
        self._site = site
        self._moving = moving

    def save(self, body: Body, user: str) -> dict[str, Any]:
        """One bill; the answer also has ``Result.Id`` and ``Number``."""
        return self._save_one(body, user, draft=False)

    def draft(self, body: Body, user: str) -> dict[str, Any]:
        """One bill as 暂存: no required fields, status Z."""
        return self._save_one(body, user, draft=True)

    def batch_save(self, body: Body, user: str) -> dict[str, Any]:
        """Many bills, each kept by itself; an index can be missing from the answer (fault missing_dindex)."""
        form, data = bill_form(self._site, body.form_id()), body.data()
        models = data.get("Model")
        if not isinstance(models, list):
            raise Refusal("参数 Model 应为数组", MsgCode.BAD_ARGUMENT)
        tally, returned, _ = self._save_all(form, data, models, user, draft=False)
        if self._site.fault("missing_dindex") and models:
            lost = len(models) - 1
            tally.outcomes = [outcome for outcome in tally.outcomes if outcome.index != lost]
            tally.problems = [problem for problem in tally.problems if problem.index != lost]
        return tally.answer(NeedReturnData=returned)

    def _save_one(self, body: Body, user: str, *, draft: bool) -> dict[str, Any]:
        form, data = bill_form(self._site, body.form_id()), body.data()
        model = data.get("Model")
        if isinstance(model, list) or model is None:
            raise Refusal("参数 Model 应为对象", MsgCode.BAD_ARGUMENT)
        tally, returned, saved = self._save_all(form, data, [model], user, draft=draft)
        if not saved or (tally.problems and not self._site.site.auto_audit_ids):
            return tally.answer(Id="", Number="", NeedReturnData=returned or [{}])
        return tally.answer(Id=saved[0].id, Number=saved[0].number, NeedReturnData=returned)

    def _save_all(
        self, form: Form, data: Mapping[str, Any], models: Sequence[Any], user: str, *, draft: bool
    ) -> tuple[Tally, list[dict[str, Any]], list[Bill]]:
        options = SaveOptions.read(data, draft=draft)
        self._refuse_repeated(form, data, models)
        saver = Saver(form, self._site.base, options)
        tally, saved = Tally([], []), []
        for index, model in enumerate(models):
            found = self._keep(saver, model, user)
            if not isinstance(found, Bill):
                tally.problems += indexed(found, index)
                continue
            saved.append(found)
            problem = self._submit_and_audit(form, found) if options.submit_and_audit else None
            if problem is not None:
                tally.problems += indexed([problem], index)
            if problem is None or self._site.site.auto_audit_ids:
                tally.outcomes.append(Outcome(found.id, found.number, index))
        return tally, [saver.returned(bill) for bill in saved], saved

    def _keep(self, saver: Saver, model: Any, user: str) -> Bill | list[Problem]:
        with self._site.transaction() as store:
            return saver.save(
                BillStore(store),
                model,
                now=present(self._site, store),
                user=user,
                unique=self._site.fault("unique_number", store),
                numbered=not self._site.fault("number_ignored", store),
            )

    def _submit_and_audit(self, form: Form, bill: Bill) -> Problem | None:
        """IsAutoSubmitAndAudit: the bill stays where it got to; the first refusal is the answer."""
        for transition in (SUBMIT, AUDIT):
            problem = self._moving.move(transition, form, bill.id)
            if problem is not None:
                return problem
        return None

    def _refuse_repeated(self, form: Form, data: Mapping[str, Any], models: Sequence[Any]) -> None:
        """ValidateRepeatJson: an identical package is taken only once (its window is not documented)."""
        if not flag(data, "ValidateRepeatJson", False):
            return
        package = hashlib.sha256(f"{form.id}\n{jsontext.dumps(list(models))}".encode()).hexdigest()
        with self._site.transaction() as store:
            if store.get(_PACKAGE, package) is not None:
                raise Refusal("JSON数据包重复提交", MsgCode.INVALID)
            store.put(_PACKAGE, package, {})
