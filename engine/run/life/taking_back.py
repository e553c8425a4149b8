"""Taking a bill back: as durable as sending it, and only while the bill is harmless.

The target is asked first whether the bill is there, is ours, and is not at its last stage. The intent is
committed before the call, fenced like a sending; each call takes one step (unsubmit, delete); and only
asking again tells that the bill is gone. What a crash leaves is found by the next run in the same way:
the bill is there, and taken back then, or it is gone, and that is written down.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.connector.api import Accepted, NotSent, Refused, Retracting
from engine.language import tr
from engine.ledger import events
from engine.ledger.rows import State
from engine.run import outcome
from engine.run.compare import differences
from engine.run.life.marks import current
from engine.run.refusal import heed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.api import Existing
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.asking import Asker
    from engine.run.sending import Sender

__all__ = ["TAKING", "TakingBack", "may_be_alive"]

TAKING = "taking back"

_ROUNDS = 4
_STATES = (State.DELIVERED, State.DONE, State.FAILED)
_LONGEST_REQUEST = timedelta(minutes=10)


def may_be_alive(delivery: Delivery, asker: Asker) -> bool:
    """Whether an earlier sending of the same document could still arrive, once its number is free again."""
    if delivery.attempts < 2 or delivery.sent_at is None:
        return False
    return asker.work.clock.now() < delivery.sent_at + max(asker.lane.settle, _LONGEST_REQUEST)


class TakingBack:
    """Takes back bills of one lane."""

    def __init__(self, asker: Asker, sender: Sender) -> None:
        self.asker = asker
        self.sender = sender
        self.lane = asker.lane
        self.work = asker.work

    async def take_back(
        self,
        delivery: Delivery,
        because: Mapping[str, Any],
        gone: Callable[[Transaction, Delivery], Delivery],
        refused: Callable[[Transaction, Delivery, str], Delivery] | None = None,
        *,
        ours_only: bool = False,
    ) -> Delivery | None:
        """Take a bill back; `gone` writes down what follows, in the transaction that notes that it is gone.

        `refused` writes down why it cannot be taken back. With `ours_only`, a bill that somebody else deleted
        counts as such. None where nothing is decided: the target could not be asked, or gave no clear answer;
        the next run goes on.
        """
        for _ in range(_ROUNDS):
            reason, hit = await self._look(delivery)
            if reason is None:
                return None
            if reason:
                await self._refuse(delivery, reason, refused)
                return None
            if hit is None:
                return await self.work.ledger.do(
                    partial(self._gone, delivery=delivery, gone=gone, ours_only=ours_only)
                )
            taken = await self._step(delivery, hit, because)
            if taken is None:
                return None
            delivery, no = taken
            if no:
                await self._refuse(delivery, no, refused)
                return None
        return None

    async def _look(self, delivery: Delivery) -> tuple[str | None, Existing | None]:
        """How the bill stands: why it is not touched ('' for nothing), and the bill, None when it is gone.

        A reason of None: nobody can say now.
        """
        target = self.lane.target_of(delivery.intent)
        if not isinstance(target, Retracting):
            return tr("the target takes nothing back"), None
        if delivery.adopted or not delivery.attempts:
            return tr("the bill was not made by this engine"), None
        if may_be_alive(delivery, self.asker):
            return None, None
        key, id = delivery.key or "", delivery.target_id or ""
        found = await self.asker.find(target, (delivery.intent or {}).get("key_field", ""), [key])
        if found is None:
            return None, None
        hits = found.get(key, [])
        if not hits:
            there = await self.asker.by_id(target, [id])
            if there is None:
                return None, None
            if id not in there:
                return "", None
            number = there[id].number
            return tr("it bears another number in the target: '{number}'", number=number), None
        if any(hit.id != id for hit in hits):
            return tr("another bill has its number in the target"), None
        different = differences(target.facts(delivery.payload or {}), hits, known_to_be_ours=True)
        if different:
            return tr("it was changed in the target: {differences}", differences=different), None
        if len(target.stages) > 1 and hits[0].stage == target.stages[-1]:
            return tr("it is audited: the engine takes back no audited bill"), None
        return "", hits[0]

    async def _step(
        self, delivery: Delivery, hit: Existing, because: Mapping[str, Any]
    ) -> tuple[Delivery, str] | None:
        """Take it one step back; the delivery as it stands, and the target's clear no, if there is one."""
        work = self.work
        target = self.lane.target_of(delivery.intent)
        assert isinstance(target, Retracting)
        gate = self.sender.gate()
        claimed = await work.ledger.do(lambda tx: self._claim(tx, delivery, hit, because))
        (answer,) = await target.take_back([hit], gate)
        if isinstance(answer, Accepted):
            return claimed, ""
        message = answer.message
        await work.ledger.do(
            lambda tx: events.note(
                tx,
                claimed.record_id,
                "not taken back",
                work.clock.now(),
                run=work.run,
                delivery_id=claimed.id,
                reason=message,
                **outcome.kept(answer.answer),
            )
        )
        if isinstance(answer, NotSent):
            heed(work.brake, message, answer.failure)
            return None
        return claimed, message if isinstance(answer, Refused) else ""

    def _claim(
        self, tx: Transaction, delivery: Delivery, hit: Existing, because: Mapping[str, Any]
    ) -> Delivery:
        """The intent, committed before the call: nobody else brings this delivery on meanwhile."""
        now = current(tx, delivery, _STATES)
        return outcome.step(
            tx,
            self.work,
            now,
            now.state,
            event=TAKING,
            detail={"number": hit.number, "id": hit.id, "stage": hit.stage, **because},
            fence=now.fence + 1,
        )

    def _gone(
        self,
        tx: Transaction,
        *,
        delivery: Delivery,
        gone: Callable[[Transaction, Delivery], Delivery],
        ours_only: bool,
    ) -> Delivery | None:
        if ours_only and not any(
            event.kind == TAKING and event.delivery_id == delivery.id
            for event in events.of_record(tx, delivery.record_id)
        ):
            return None
        return gone(tx, current(tx, delivery, _STATES))

    async def _refuse(
        self,
        delivery: Delivery,
        reason: str,
        refused: Callable[[Transaction, Delivery, str], Delivery] | None,
    ) -> None:
        if refused is not None:
            await self.work.ledger.do(lambda tx: refused(tx, current(tx, delivery, _STATES), reason))
