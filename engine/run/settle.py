"""Settling what nobody knows: wait until no request can still be alive, ask, then adopt or send again."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.rows import Delivery, State
from engine.run import outcome
from engine.run.stages import by_intent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.run.asking import Asker
    from engine.run.sending import Sender
    from engine.run.stages import Stages

__all__ = ["Settler"]

_PAGE = 200
_PAUSE = 0.2
_WORTH_TELLING = 5.0
_CLOCK_MOVED = timedelta(minutes=1)
_ALONE_AFTER = 2


class Settler:
    """Resolves one lane's unknown deliveries, and those that a dead process left behind."""

    def __init__(
        self, asker: Asker, stages: Stages, sender: Sender, source_system: str | None = None
    ) -> None:
        self.source_system = source_system
        self.asker = asker
        self.stages = stages
        self.sender = sender
        self.lane = asker.lane
        self.work = asker.work

    async def recover(self) -> None:
        """What a dead process was sending is unknown; what it had saved goes on from its stage.

        Only to be called while the lease of the scheme is held: nobody else can be sending.
        """
        after = 0
        while page := await self._page(State.SENDING, after):
            after = page[-1].id
            await self.work.ledger.do(partial(self._lose, page))
            saved = [delivery for delivery in page if delivery.stage]
            await self.stages.take_on(await self.stages.reread(saved))

    def _lose(self, page: Sequence[Delivery], tx: Transaction) -> None:
        """Nobody will ever read the answers to what was being sent when the process ended."""
        reason = tr("the process ended while this was being sent")
        for delivery in page:
            if not delivery.stage:
                ask_after = delivery.ask_after or self.work.clock.now()
                outcome.unclear(tx, self.work, delivery, reason, ask_after)

    async def settle(self, patience: float) -> None:
        """Resolve unknown deliveries as they fall due, waiting at most `patience` seconds in all."""
        deadline = self.work.clock.monotonic() + patience
        while self.work.brake.may_send:
            due_at = await self._resolve_due()
            if due_at is None:
                return
            left = deadline - self.work.clock.monotonic()
            pause = max((due_at - self.work.clock.now()).total_seconds(), 0) + _PAUSE
            if pause > left + _PAUSE:
                return
            if pause > _WORTH_TELLING:
                text = tr(
                    "waiting {seconds} s, until '{target}' can be asked for what had no clear answer",
                    seconds=int(pause),
                    target=self.lane.to.connection.name,
                )
                self.work.tell(text)
            await self.work.clock.sleep(pause)

    async def _resolve_due(self) -> datetime | None:
        """Resolve all that is due; when the next one will be, or None when none is left."""
        earliest: datetime | None = None
        after = 0
        while self.work.brake.may_send and (page := await self._page(State.UNKNOWN, after)):
            after = page[-1].id
            open_ = [each for each in page if not _is_conflict(each) and each.key is not None]
            open_ = await self._in_our_time(open_)
            now = self.work.clock.now()
            due = [each for each in open_ if self._due_at(each, now) <= now]
            for part in by_intent(due, self.lane.batch):
                await self._resolve(part)
        now = self.work.clock.now()
        for delivery in await self._all_unknown():
            due_at = self._due_at(delivery, now)
            earliest = due_at if earliest is None else min(earliest, due_at)
        return earliest

    async def _in_our_time(self, unknown: Sequence[Delivery]) -> list[Delivery]:
        """A settle time that ends later than one begun now was noted by a clock that has been set back since:
        it begins anew."""
        ends = self.work.clock.now() + self.lane.settle
        odd = [each for each in unknown if each.ask_after and each.ask_after > ends + _CLOCK_MOVED]
        if not odd:
            return list(unknown)
        told = await self.work.ledger.do(
            lambda tx: [
                outcome.unclear(tx, self.work, each, each.fault.reason if each.fault else "", ends)
                for each in odd
            ]
        )
        return [each for each in unknown if each not in odd] + told

    def _due_at(self, delivery: Delivery, now: datetime) -> datetime:
        """When no request for it can be alive any more; for what this process sent, whatever the wall clock
        did meanwhile."""
        alive_for = self.sender.alive_for(delivery)
        return (delivery.ask_after or now) if alive_for is None else now + timedelta(seconds=alive_for)

    async def _resolve(self, unknown: Sequence[Delivery]) -> None:
        """Ask for what nobody knows; take on what the target has, send again what it does not."""
        if self.lane.target.asking == "never":
            return
        lacking: list[Delivery] = []

        def absent(tx: Transaction, delivery: Delivery) -> Delivery:
            if delivery.stage or delivery.target_id is not None:
                return self.asker.vanished(tx, delivery)
            lacking.append(delivery)
            return delivery

        known = await self.asker.look_up(unknown, absent)
        await self.stages.take_on(self.asker.count(known))
        for part in _apart(lacking):
            if self.work.brake.may_send:
                await self.sender.resend(part)

    async def _all_unknown(self) -> list[Delivery]:
        """A page of what is still unknown and can be asked about."""
        if self.lane.target.asking == "never":
            return []
        page = await self._page(State.UNKNOWN, 0)
        return [each for each in page if not _is_conflict(each) and each.key is not None]

    async def _page(self, state: State, after: int) -> list[Delivery]:
        lane = self.lane
        return await self.work.ledger.do(
            lambda tx: deliveries.in_states(
                tx,
                lane.scheme.id,
                lane.to.system,
                [state],
                source_system=self.source_system,
                after=after,
                limit=_PAGE,
            )
        )


def _apart(lacking: Sequence[Delivery]) -> list[list[Delivery]]:
    """Those sent once together, those sent more often alone: one bad document must not block the others."""
    again = [delivery for delivery in lacking if delivery.attempts < _ALONE_AFTER]
    return [*([again] if again else []), *([delivery] for delivery in lacking if delivery not in again)]


def _is_conflict(delivery: Delivery) -> bool:
    return delivery.fault is not None and delivery.fault.failure == FailureClass.CONFLICT
