"""Asking the target what it has under our keys, and writing down what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import ConfigurationError, CredentialsError, EngineError, LedgerError
from engine.language import tr
from engine.ledger.faults import damaged
from engine.ledger.rows import Delivery, State
from engine.run import outcome
from engine.run.compare import differences
from engine.run.conflict import ConflictFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.connector.api import Existing, Retracting, Target
    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

    Missing = Callable[[Transaction, Delivery], Delivery]

__all__ = ["Asker"]

T = TypeVar("T")


class Asker:
    """Asks one lane's target. A question that fails is no 'none': it stops the sending."""

    def __init__(self, lane: Lane, work: Work) -> None:
        self.lane = lane
        self.work = work

    async def find(
        self, target: Target, key_field: str, keys: Sequence[str]
    ) -> dict[str, list[Existing]] | None:
        """What the target has under these keys, or None when it could not be asked."""
        return await self._ask(target.find(key_field, keys))

    async def by_id(self, target: Retracting, ids: Sequence[str]) -> dict[str, Existing] | None:
        """Which of these documents the target has, or None when it could not be asked."""
        return await self._ask(target.by_id(ids))

    async def _ask(self, question: Awaitable[Mapping[str, T]]) -> dict[str, T] | None:
        try:
            return dict(await question)
        except (CredentialsError, ConfigurationError, LedgerError) as error:
            self.work.brake.stop(error)
        except EngineError as error:
            self.work.brake.stop_sending(error)
        return None

    async def look_up(self, asked: Sequence[Delivery], missing: Missing) -> list[Delivery]:
        """Ask for deliveries that were sent once, and write down where each stands.

        `missing` decides on those that the target does not have. Returns the deliveries that were written
        down, or none of them when the target could not be asked. All must have the same intent.
        """
        if not asked:
            return []
        intent = asked[0].intent
        if intent is None:  # what was sent has one
            raise damaged()
        target = self.lane.target_of(intent)
        found = await self.find(target, intent["key_field"], [delivery.key or "" for delivery in asked])
        if found is None:
            return []
        return await self.work.ledger.do(
            lambda tx: [self._recognise(tx, each, found.get(each.key or "", []), missing) for each in asked]
        )

    def _recognise(
        self, tx: Transaction, delivery: Delivery, hits: Sequence[Existing], missing: Missing
    ) -> Delivery:
        if not hits:
            return missing(tx, delivery)
        sent = delivery.attempts > 0
        different = differences(self.lane.target.facts(delivery.payload or {}), hits, known_to_be_ours=sent)
        if different:
            return self.conflict(tx, delivery, delivery.key or "", different)
        return self.stand(tx, delivery, hits[0], adopted=delivery.adopted or not sent)

    def stand(self, tx: Transaction, delivery: Delivery, hit: Existing, *, adopted: bool) -> Delivery:
        """Record where a bill stands in the target; one further back than `save` counts as saved.

        `adopted` when it is not this ledger that sent it.
        """
        stages = self.lane.target.stages
        until = self.lane.until_of(delivery.intent)
        reached = min(stages.index(hit.stage or stages[0]), stages.index(until))
        told = {"target_id": hit.id, "target_number": hit.number, "adopted": adopted}
        return outcome.reach(tx, self.work, self.lane, delivery, stages[reached], **told)

    def vanished(self, tx: Transaction, delivery: Delivery) -> Delivery:
        """A bill that we saved is gone, or stands there under another number: nobody but a human can tell."""
        if delivery.target_number in (None, "", delivery.key):
            name = delivery.target_number or delivery.key
            reason = tr("it was saved as '{number}', and the target no longer has it", number=name)
        else:
            reason = tr(
                "it was saved as '{number}', and the target has nothing under its key '{key}'",
                number=delivery.target_number,
                key=delivery.key,
            )
        return self.halt(outcome.conflict(tx, self.work, delivery, reason))

    def conflict(
        self, tx: Transaction, delivery: Delivery, key: str, different: str, /, **values: Any
    ) -> Delivery:
        """Record that the target holds something else under our key, and stop the sending."""
        reason = tr(
            "the target already has '{number}', and it differs: {differences}",
            number=key,
            differences=different,
        )
        return self.halt(outcome.conflict(tx, self.work, delivery, reason, **values))

    def halt(self, delivery: Delivery) -> Delivery:
        """Stop the sending of this run for a conflict."""
        self.work.brake.stop_sending(ConflictFound(delivery))
        return delivery

    def count(self, after: Sequence[Delivery]) -> list[Delivery]:
        """Add what became of deliveries to the tally; returns those still on their way."""
        tally = self.work.tally
        for delivery in after:
            if delivery.state is State.FAILED:
                tally.failed += 1
            elif self._is_delivered_here(delivery):
                tally.delivered += 1
                tally.amount += delivery.amount or 0
        return [delivery for delivery in after if delivery.state is State.SENDING]

    def _is_delivered_here(self, delivery: Delivery) -> bool:
        """True for what this run sent; not for what was delivered before, and taken on once more."""
        delivered = delivery.state in (State.DELIVERED, State.DONE) and not delivery.adopted
        return delivered and delivery.delivered_run == self.work.run
