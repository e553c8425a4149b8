"""Claims that were revoked or changed after their delivery: what is held, and what is taken back.

It begins with the record that revokes or changes another: it is held, and stands as failed until somebody
sets it aside. As long as it does, every run sees to what the scheme says of the earlier record, once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.connector.api import Amending
from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import deliveries, events
from engine.ledger.rows import Fault, State
from engine.run import outcome
from engine.run.amendments import earlier_of
from engine.run.life import marks
from engine.run.outcome import Stale

if TYPE_CHECKING:
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work
    from engine.run.life.taking_back import TakingBack

__all__ = ["TAKEN", "Revocations"]

TAKEN = "taken back"


class Revocations:
    """Sees to what was revoked or changed in one lane."""

    def __init__(self, lane: Lane, work: Work, taking_back: TakingBack) -> None:
        self.lane = lane
        self.work = work
        self.taking_back = taking_back

    async def attend(self) -> None:
        """Hold, or take back, what the open revocations and changes speak of."""
        life = self.lane.scheme.life
        if {life.revoked, life.modified} == {"alert"} or not isinstance(self.lane.source, Amending):
            return
        for by, earlier, revokes in await self.work.ledger.do(self._open):
            if not self.work.brake.may_send:
                return
            policy = life.revoked if revokes else life.modified
            try:
                if policy == "act":
                    await self._take_back(by, earlier)
                elif policy == "hold":
                    await self.work.ledger.do(partial(self._hold, by=by, earlier=earlier, revokes=revokes))
            except Stale:
                continue

    def _open(self, tx: Transaction) -> list[tuple[Delivery, Delivery, bool]]:
        """The records that revoke or change another, that other's delivery, and whether it is revoked."""
        lane = self.lane
        assert isinstance(lane.source, Amending)
        held = deliveries.in_states(
            tx,
            lane.scheme.id,
            lane.to.system,
            [State.FAILED],
            failure=FailureClass.CHANGED_AFTER_APPROVAL,
            limit=None,
            with_snapshot=True,
        )
        found = []
        for by in held:
            amends = lane.source.amends(by.snapshot) if by.snapshot else None
            earlier = earlier_of(tx, lane, amends) if amends is not None else None
            if amends is not None and earlier is not None:
                found.append((by, earlier, amends.revokes))
        return found

    # --- hold -----------------------------------------------------------------------------------------

    def _hold(self, tx: Transaction, *, by: Delivery, earlier: Delivery, revokes: bool) -> None:
        name = by.number or by.source_id
        reason = (
            tr("revoked by '{number}'", number=name) if revokes else tr("changed by '{number}'", number=name)
        )
        self._stop(tx, by, earlier, reason)

    def _stop(self, tx: Transaction, by: Delivery, earlier: Delivery, reason: str) -> None:
        """Nothing more is done for the earlier record, until somebody decides; once for each amendment."""
        work, lane, sign = self.work, self.lane, _sign(by)
        fault = Fault(reason, FailureClass.CHANGED_AFTER_APPROVAL)
        if earlier.state in marks.DELIVERED:
            marks.alert(tx, work, lane, earlier, fault, sign, hold=True)
            return
        under_way = earlier.state is State.READY or (
            earlier.stage and earlier.state in (State.SENDING, State.FAILED)
        )
        passing = earlier.fault is not None and earlier.fault.failure == FailureClass.TRANSIENT
        if not under_way and not (earlier.state is State.FAILED and passing):
            return
        told = events.of_record(tx, earlier.record_id)
        if not any(event.kind == "held" and event.detail.get("sign") == sign for event in told):
            outcome.fail(tx, work, lane, earlier, fault, event="held", detail={"sign": sign})

    # --- act ------------------------------------------------------------------------------------------

    async def _take_back(self, by: Delivery, earlier: Delivery) -> None:
        """Take the bill of a revoked claim back while it is harmless; else it is held."""
        name = by.number or by.source_id
        known = await self.work.ledger.do(lambda tx: _was_told(tx, earlier, _sign(by)))
        if known:
            return

        def gone(tx: Transaction, now: Delivery) -> Delivery:
            return self._gone(tx, by, now)

        def refused(tx: Transaction, now: Delivery, reason: str) -> Delivery:
            text = tr("revoked by '{number}', and not taken back: {reason}", number=name, reason=reason)
            self._stop(tx, by, now, text)
            return now

        has_bill = earlier.target_id is not None and (
            earlier.state in marks.DELIVERED or (earlier.state is State.FAILED and earlier.stage)
        )
        if has_bill:
            await self.taking_back.take_back(earlier, {"by": name}, gone, refused)
        else:
            await self.work.ledger.do(partial(self._hold, by=by, earlier=earlier, revokes=True))

    def _gone(self, tx: Transaction, by: Delivery, now: Delivery) -> Delivery:
        """The bill is gone: the claim is settled, and so is what revoked it. Never sent again unasked."""
        work = self.work
        name, bill = by.number or by.source_id, now.target_number or now.key or ""
        reason = tr("revoked by '{number}': bill '{bill}' was taken back", number=name, bill=bill)
        marks.withdraw_callbacks(tx, work, now, reason)
        taken = outcome.step(
            tx,
            work,
            now,
            State.SKIPPED,
            event=TAKEN,
            detail={"number": bill, "by": name},
            fault=Fault(reason),
            stage="",
            target_id=None,
            target_number=None,
            delivered_at=None,
            delivered_run=None,
        )
        carried = tr(
            "carried out: bill '{bill}' of '{name}' was taken back",
            bill=bill,
            name=now.number or now.source_id,
        )
        outcome.step(
            tx, work, by, State.SKIPPED, event="carried out", detail={"reason": carried}, fault=Fault(carried)
        )
        return taken


def _sign(by: Delivery) -> str:
    return f"amended:{by.source_id}"


def _was_told(tx: Transaction, earlier: Delivery, sign: str) -> bool:
    """Whether somebody has been told that this bill cannot be taken back."""
    return any(
        event.detail.get("sign") == sign and event.kind in (marks.ALERT, "held")
        for event in events.of_record(tx, earlier.record_id)
    )
