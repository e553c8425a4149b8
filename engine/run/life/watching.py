"""Looking after delivered bills: are they still in the target, and as far as they were brought?

Once a day, and at `--recheck`: one question for a batch of keys. What is not there is asked for by its
id, too, since somebody may have given it another number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.connector.api import Retracting
from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import deliveries, events, lookups
from engine.ledger.rows import Fault, State
from engine.run import outcome
from engine.run.amendments import AMENDED
from engine.run.compare import differences
from engine.run.life import marks
from engine.run.life.taking_back import may_be_alive
from engine.run.outcome import Stale
from engine.run.stages import by_intent
from engine.run.words import stage_word

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.connector.api import Existing
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.asking import Asker
    from engine.run.lane import Lane, Work
    from engine.run.stages import Stages

__all__ = ["MENDED", "Watch"]

MENDED = "mended"
"""Event: the engine brings a bill back to where it was, once for each kind of damage."""

_DAY = timedelta(days=1)
_PAGE = 200
_AT_ONCE = 100
_WATCH = "watch"


@dataclass(frozen=True, slots=True)
class _Damage:
    """What was found of one bill. `kind` is the policy's name; `harmless` says that acting can be right."""

    kind: str
    reason: str
    sign: str
    hit: Existing | None = None
    harmless: bool = True


class Watch:
    """Looks at the delivered bills of one lane."""

    def __init__(self, asker: Asker, stages: Stages) -> None:
        self.asker = asker
        self.stages = stages
        self.lane: Lane = asker.lane
        self.work: Work = asker.work

    async def look(self, *, at_once: bool) -> list[Delivery]:
        """Look at all bills that are due; returns those that are to be sent again."""
        lane, work = self.lane, self.work
        if lane.target.asking != "first" or {
            lane.scheme.life.bill_deleted,
            lane.scheme.life.bill_unaudited,
        } == {"ignore"}:
            return []
        began = work.clock.now()
        page = await work.ledger.do(partial(self._begin, at_once=at_once, began=began))
        anew: list[Delivery] = []
        looked = False
        while page:
            for part in by_intent(page, _AT_ONCE):
                if not await self._look_at(part, anew):
                    return anew
            looked, after = True, page[-1].id
            page = await work.ledger.do(partial(self._page, at_once=at_once, after=after))
        if looked:
            await work.ledger.do(lambda tx: self._note(tx, began))
        return anew

    def _begin(self, tx: Transaction, *, at_once: bool, began: datetime) -> list[Delivery]:
        """The first bills to look at; none where that was done within a day."""
        of = (self.lane.to.system, _WATCH, self.lane.scheme.id)
        if not at_once and lookups.get(tx, *of, began - _DAY) is not None:
            return []
        page = self._page(tx, at_once=at_once, after=0)
        if not page:
            self._note(tx, began)
        return page

    def _note(self, tx: Transaction, began: datetime) -> None:
        """Keep when it was looked last."""
        lookups.put(tx, self.lane.to.system, _WATCH, self.lane.scheme.id, {"run": self.work.run}, began)

    def _page(self, tx: Transaction, *, at_once: bool, after: int) -> list[Delivery]:
        lane, now = self.lane, self.work.clock.now()
        return deliveries.delivered_between(
            tx,
            lane.scheme.id,
            lane.to.system,
            now - lane.scheme.life.watch,
            now if at_once else now - _DAY,
            after=after,
            limit=_PAGE,
        )

    async def _look_at(self, part: Sequence[Delivery], anew: list[Delivery]) -> bool:
        """Look at bills that were sent in one way; False when the target could not be asked."""
        target = self.lane.target_of(part[0].intent)
        key_field = (part[0].intent or {}).get("key_field") or self.lane.scheme.target.key
        found = await self.asker.find(target, key_field, [each.key or "" for each in part])
        if found is None:
            return False
        lost = [each for each in part if not _own(each, found.get(each.key or "", []))]
        elsewhere: dict[str, Existing] = {}
        if lost and isinstance(target, Retracting):
            there = await self.asker.by_id(target, [each.target_id or "" for each in lost])
            if there is None:
                return False
            elsewhere = there
        for each in part:
            damage = self._judge(each, found.get(each.key or "", []), elsewhere)
            try:
                await self._heed(each, damage, anew)
            except Stale:
                continue
        return self.work.brake.may_send

    def _judge(
        self, delivery: Delivery, hits: Sequence[Existing], elsewhere: dict[str, Existing]
    ) -> _Damage | None:
        """What is wrong with a bill, None when nothing is."""
        number = delivery.target_number or delivery.key or ""
        own = _own(delivery, hits) or elsewhere.get(delivery.target_id or "")
        if own is None:
            sign = f"deleted:{delivery.target_id}"
            if hits:
                reason = tr(
                    "bill '{number}' was deleted in the target, and another one bears its number",
                    number=number,
                )
                return _Damage("bill_deleted", reason, sign, harmless=False)
            sure = isinstance(self.lane.target, Retracting)
            return _Damage(
                "bill_deleted",
                tr("bill '{number}' was deleted in the target", number=number),
                sign,
                harmless=sure,
            )
        if own.cancelled:
            reason = tr("bill '{number}' was made void in the target: it pays nothing", number=number)
            return _Damage("bill_deleted", reason, f"void:{own.id}", own, harmless=False)
        if own.number and own.number != delivery.target_number:
            reason = tr(
                "bill '{number}' bears another number in the target: '{other}'",
                number=number,
                other=own.number,
            )
            return _Damage("bill_deleted", reason, f"renumbered:{own.id}:{own.number}", own, harmless=False)
        stages = self.lane.target.stages
        stands, was = own.stage or stages[0], delivery.stage
        if was in stages and stages.index(stands) < stages.index(was):
            reason = tr(
                "bill '{number}' was {was}, and is only {stands} in the target now",
                number=number,
                was=stage_word(was),
                stands=stage_word(stands),
            )
            different = differences(
                self.lane.target.facts(delivery.payload or {}), [own], known_to_be_ours=True
            )
            if different:
                reason = tr("{reason}; it was changed: {differences}", reason=reason, differences=different)
            return _Damage(
                "bill_unaudited", reason, f"unaudited:{own.id}:{stands}", own, harmless=different is None
            )
        return None

    async def _heed(self, delivery: Delivery, damage: _Damage | None, anew: list[Delivery]) -> None:
        """Do what the scheme's policy says."""
        ledger, work = self.work.ledger, self.work
        if damage is None:
            if (
                marks.has_alert(delivery)
                and delivery.fault
                and delivery.fault.failure == FailureClass.BILL_CHANGED
            ):
                await ledger.do(
                    lambda tx: marks.end(tx, work, delivery, tr("the bill stands as it was again"))
                )
            return
        policy = getattr(self.lane.scheme.life, damage.kind)
        if policy == "ignore":
            return
        if policy == "act" and damage.harmless and not delivery.adopted and delivery.attempts:
            mended = await ledger.do(lambda tx: self._mend(tx, delivery, damage))
            if mended is not None:
                if mended.state is State.READY:
                    anew.append(mended)
                elif mended.state is State.SENDING:
                    await self.stages.take_on([mended])
                return
        fault = Fault(damage.reason, FailureClass.BILL_CHANGED)
        hold = policy == "hold"
        await ledger.do(lambda tx: marks.alert(tx, work, self.lane, delivery, fault, damage.sign, hold=hold))

    def _mend(self, tx: Transaction, delivery: Delivery, damage: _Damage) -> Delivery | None:
        """Begin to mend, in the ledger: the ordinary ways of sending and of stages do the rest.

        None where that would be wrong: it was mended before, or the claim was revoked or changed. Unchanged
        while an earlier sending could still arrive.
        """
        now = marks.current(tx, delivery)
        own = [event for event in events.of_record(tx, now.record_id) if event.delivery_id == now.id]
        if any(
            event.kind == AMENDED or (event.kind == MENDED and event.detail.get("what") == damage.kind)
            for event in own
        ):
            return None
        if marks.is_known(tx, now, damage.sign):
            return None
        if may_be_alive(now, self.asker):
            return now
        detail: dict[str, Any] = {"what": damage.kind, "reason": damage.reason}
        if damage.kind == "bill_deleted":
            return outcome.begin_anew(tx, self.work, self.lane, now, event=MENDED, detail=detail)
        stage = (damage.hit.stage if damage.hit else "") or self.lane.target.stages[0]
        return outcome.step(
            tx,
            self.work,
            now,
            State.SENDING,
            event=MENDED,
            detail=detail,
            fault=deliveries.NO_FAULT,
            stage=stage,
        )


def _own(delivery: Delivery, hits: Sequence[Existing]) -> Existing | None:
    return next((hit for hit in hits if hit.id == delivery.target_id), None)
