"""A document that the target refuses because the accounting period of its date is closed.

Where the scheme says so, its date is moved to the day of the run, once, and the document goes the whole
ordinary way again: asked for first, sent under its old key. A bill that was saved before the audit was
refused is taken back first, so that there is never a second one. That the date was moved is an event of
the record, and holds for whatever is sent of it later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.errors import FailureClass
from engine.ledger import comparing, deliveries, events
from engine.ledger.rows import State
from engine.run import outcome
from engine.run.outcome import Stale
from engine.run.refusal import CLOSED

if TYPE_CHECKING:
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery, Event
    from engine.run.judge import Mappable
    from engine.run.lane import Lane, Work
    from engine.run.life.taking_back import TakingBack

__all__ = ["MOVED", "Periods", "is_closed", "moved"]

MOVED = "date moved"

_DAY = len("2026-11-24")


def is_closed(told: list[Event]) -> bool:
    """Whether the last refusal among a delivery's events was for a closed period."""
    refusals = [event for event in told if event.kind.endswith("refused")]
    return bool(refusals) and bool(refusals[-1].detail.get(CLOSED))


def moved(tx: Transaction, lane: Lane, delivery: Delivery, verdict: Mappable) -> Mappable:
    """The document with the date to which it was moved, if it was."""
    if lane.scheme.life.closed_period != "act" or lane.scheme.is_callback:
        return verdict
    for event in reversed(events.of_record(tx, delivery.record_id)):
        if event.kind == MOVED and event.delivery_id == delivery.id:
            field, to = str(event.detail.get("field")), event.detail.get("to")
            if field not in verdict.payload:
                return verdict
            return replace(verdict, payload={**verdict.payload, field: to})
    return verdict


class Periods:
    """Moves the dates of one lane's documents that were refused for a closed period."""

    def __init__(self, lane: Lane, work: Work, taking_back: TakingBack) -> None:
        self.lane = lane
        self.work = work
        self.taking_back = taking_back

    async def attend(self) -> list[Delivery]:
        """What is to be brought on again with another date."""
        if self.lane.scheme.life.closed_period != "act" or self.lane.scheme.life.date_field is None:
            return []
        anew: list[Delivery] = []
        for delivery in await self.work.ledger.do(self._refused):
            if not self.work.brake.may_send:
                break
            detail = self._other_date(delivery)
            if detail is None:
                continue
            try:
                again = await self._again(delivery, detail)
            except Stale:
                continue
            if again is not None:
                anew.append(again)
        return anew

    def _refused(self, tx: Transaction) -> list[Delivery]:
        """Those refused for a closed period whose date was not moved yet."""
        lane = self.lane
        failed = deliveries.in_states(
            tx,
            lane.scheme.id,
            lane.to.system,
            [State.FAILED],
            failure=FailureClass.CONFIGURATION,
            limit=None,
        )
        kinds = ["refused", *(f"{stage} refused" for stage in lane.target.stages[1:]), MOVED]
        told = comparing.latest(tx, [each.record_id for each in failed], kinds)
        found = []
        for each in failed:
            own = [event for event in told.get(each.record_id, []) if event.delivery_id == each.id]
            if is_closed(own) and not any(event.kind == MOVED for event in own):
                found.append(each)
        return found

    def _other_date(self, delivery: Delivery) -> dict[str, Any] | None:
        """The date as it is and as it is to be; None where the day of the run is no later."""
        field = self.lane.scheme.life.date_field or ""
        now = (delivery.payload or {}).get(field)
        today = self.work.clock.now().astimezone(SHANGHAI).strftime("%Y-%m-%d")
        if not isinstance(now, str) or len(now) < _DAY or now[:_DAY] >= today:
            return None
        to = today if len(now) == _DAY else f"{today} 00:00:00"
        return {"field": field, "from": now, "to": to}

    async def _again(self, delivery: Delivery, detail: dict[str, Any]) -> Delivery | None:
        def begin(tx: Transaction, now: Delivery) -> Delivery:
            return outcome.begin_anew(tx, self.work, self.lane, now, event=MOVED, detail=detail)

        if not delivery.stage and delivery.target_id is None:
            return await self.work.ledger.do(lambda tx: begin(tx, delivery))
        because = {"closed": True}
        return await self.taking_back.take_back(delivery, because, begin, ours_only=True)
