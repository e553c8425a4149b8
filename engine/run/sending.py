"""Sending new documents: settle keys, ask first, commit the intent, send once, read each answer.

The protocol of promise 1. Whatever nobody can say for sure is left `unknown` in the ledger, for
`engine.run.settle`; nothing unclear is sent again from here.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.connector.api import Accepted, Duplicate, NotSent, Outgoing, Refused
from engine.errors import EngineError, LedgerError, Unreachable
from engine.language import tr
from engine.ledger.deliveries import NO_FAULT, keys_taken
from engine.ledger.rows import Delivery, Fault, State
from engine.ledger.together import together
from engine.run import outcome
from engine.run.compare import differences
from engine.run.keys import own_keys
from engine.run.outcome import Stale
from engine.run.refusal import heed, period_note, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from engine.connector.api import Answer, Existing, Gate
    from engine.ledger.port import Transaction
    from engine.run.asking import Asker
    from engine.run.stages import Stages

__all__ = ["Prepared", "Sender"]

CLAIM_SECONDS = 2.0
"""How old a claim may be when its first byte leaves; an older one is made anew."""

_LONGEST_PAUSE = 60

TRIES = 3
"""How often what provably never left is tried in one run."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be sent.

    `guarded` is what it counts for under the scheme's guard, `counted` that it was let through by it.
    """

    delivery: Delivery
    key: str
    payload: dict[str, Any]
    amount: Decimal | None
    guarded: Decimal
    counted: bool = False


class KeyTaken(Stale):
    """Another scheme's process has claimed a key since it was looked at; nothing of the batch was sent."""


class Sender:
    """Brings the documents of one lane into its target."""

    def __init__(self, asker: Asker, stages: Stages) -> None:
        self.asker = asker
        self.stages = stages
        self.lane = asker.lane
        self.work = asker.work
        self._in_flight: dict[str, Delivery] = {}
        self._alive = asker.work.alive

    def alive_for(self, delivery: Delivery) -> float | None:
        """Seconds for which what this process sent last, and got no clear answer to, may still be alive.

        None where that is not known: another process sent it, or an answer came. Counted by the clock that
        does not jump.
        """
        until = self._alive.get((delivery.id, delivery.fence))
        return None if until is None else max(until - self.work.clock.monotonic(), 0.0)

    async def deliver(self, batch: Sequence[Prepared]) -> None:
        """Bring a batch of new documents to the scheme's last stage, as far as the target lets it."""
        if not self.work.brake.may_send:
            return
        batch = await self._own(batch)
        keys = {item.key: item.delivery for item in batch}
        self._in_flight |= keys
        try:
            await self._deliver(batch)
        finally:
            for key in keys:
                self._in_flight.pop(key, None)

    async def _own(self, batch: Sequence[Prepared]) -> list[Prepared]:
        """The documents whose keys nobody else holds; the others are settled in the ledger."""
        flight = self._in_flight
        return await self.work.ledger.do(lambda tx: own_keys(tx, self.work, self.lane, batch, flight))

    async def _deliver(self, batch: Sequence[Prepared]) -> None:
        for attempt in range(TRIES):
            if attempt and batch and self.work.brake.may_send:
                await self.work.clock.sleep(attempt + self.work.clock.random())
            if not batch or not self.work.brake.may_send:
                return
            lacking, known = await self._ask_first(batch)
            if not self.work.brake.may_send:
                return
            await self.stages.take_on(known)
            allowed = self._within_guard(lacking)
            try:
                sent, batch = await self._send(allowed)
            except KeyTaken:
                batch = await self._own(allowed)
                continue
            await self.stages.take_on(sent)
        if batch:
            last = batch[0].delivery.fault
            self.work.brake.stop_sending(Unreachable(last.reason if last else tr("the target took nothing")))

    # --- before sending -------------------------------------------------------------------------------

    async def _ask_first(self, batch: Sequence[Prepared]) -> tuple[list[Prepared], list[Delivery]]:
        """Split a batch into what the target lacks, and what it has, is adopted, and must go on."""
        target = self.lane.target
        asked = [item for item in batch if target.asking == "first" or item.delivery.adopted]
        if not asked:
            return list(batch), []
        if target.asking == "never":
            await self._leave_untold(asked)
            return [item for item in batch if item not in asked], []
        found = await self.asker.find(target, self.lane.scheme.target.key, [item.key for item in asked])
        if found is None:
            return [], []
        hits = {item.key: found.get(item.key, []) for item in asked}
        known = [item for item in asked if hits[item.key]]
        adopted = await self.work.ledger.do(lambda tx: self._adopt_all(tx, known, hits)) if known else []
        return [item for item in batch if not hits.get(item.key)], self.asker.count(adopted)

    def _adopt_all(
        self, tx: Transaction, known: Sequence[Prepared], hits: Mapping[str, Sequence[Existing]]
    ) -> list[Delivery]:
        """Take over what is still ours: another scheme may have claimed a key, and sent it, meanwhile."""
        free = own_keys(tx, self.work, self.lane, known, self._in_flight)
        return [self._adopt(tx, item, hits[item.key]) for item in free]

    def _adopt(self, tx: Transaction, item: Prepared, hits: Sequence[Existing]) -> Delivery:
        """Take over what the target already has under our key, if it is the same document."""
        different = differences(self.lane.target.facts(item.payload), hits, known_to_be_ours=False)
        if different:
            return self.asker.conflict(tx, item.delivery, item.key, different, **self._intent(item))
        claimed = outcome.step(
            tx,
            self.work,
            item.delivery,
            State.SENDING,
            event="adopted",
            detail={"number": hits[0].number, "stage": hits[0].stage},
            fault=NO_FAULT,
            adopted=True,
            **self._intent(item),
        )
        self.work.tally.adopted += 1
        return self.asker.stand(tx, claimed, hits[0], adopted=True)

    async def _leave_untold(self, items: Sequence[Prepared]) -> None:
        reason = tr("the bill was there before this ledger, and nobody can ask whether it was told of")
        await self.work.ledger.do(
            lambda tx: [
                outcome.step(
                    tx, self.work, item.delivery, State.SKIPPED, event="skipped", fault=Fault(reason)
                )
                for item in items
            ]
        )

    def _within_guard(self, batch: Sequence[Prepared]) -> list[Prepared]:
        """The part of a batch that the scheme's guard still lets through; more than that stops the run."""
        guard, tally, brake = self.lane.scheme.target.guard, self.work.tally, self.work.brake
        if guard is None:
            return list(batch)
        allowed = []
        for item in batch:
            if item.counted:
                allowed.append(item)
                continue
            documents, amount = tally.guarded_documents + 1, tally.guarded_amount + item.guarded
            if guard.documents is not None and documents > guard.documents:
                brake.guard = tr("guard: a run sends at most {limit} documents", limit=guard.documents)
            elif guard.amount is not None and amount > guard.amount:
                brake.guard = tr("guard: a run sends at most {limit} in all", limit=guard.amount)
            if brake.guard:
                break
            tally.guarded_documents, tally.guarded_amount = documents, amount
            allowed.append(replace(item, counted=True))
        return allowed

    def _intent(self, item: Prepared) -> dict[str, Any]:
        return {
            "key": item.key,
            "form": self.lane.form_name,
            "payload": item.payload,
            "intent": self.lane.intent(),
            "scheme_hash": self.lane.scheme.hash,
            "amount": item.amount,
        }

    # --- sending --------------------------------------------------------------------------------------

    async def _send(self, batch: Sequence[Prepared]) -> tuple[list[Delivery], list[Prepared]]:
        """Send once. Returns what was saved and must go on, and what provably never left."""
        if not batch:
            return [], []
        after = await self._claim_and_send(
            [item.delivery for item in batch],
            [Outgoing(item.key, item.payload) for item in batch],
            [self._intent(item) for item in batch],
            unsent=State.READY,
        )
        unsent = [
            replace(item, delivery=delivery)
            for item, delivery in zip(batch, after, strict=False)
            if delivery.state is State.READY
        ]
        return self.asker.count(after), unsent

    async def resend(self, unknown: Sequence[Delivery]) -> None:
        """Send again, byte for byte under the same key, what the target was asked for and does not have."""
        after = await self._claim_and_send(
            unknown,
            [Outgoing(delivery.key or "", delivery.payload or {}) for delivery in unknown],
            [{"key": delivery.key, "intent": delivery.intent} for delivery in unknown],
            unsent=State.UNKNOWN,
        )
        await self.stages.take_on(self.asker.count(after))

    async def _claim_and_send(
        self,
        waiting: Sequence[Delivery],
        documents: Sequence[Outgoing],
        intents: Sequence[dict[str, Any]],
        *,
        unsent: State,
    ) -> list[Delivery]:
        """Commit the intent, send, and commit each answer; the claim is fresh when the first byte leaves.

        Nothing comes back, and nothing was claimed, when the target's limits leave no turn.
        """
        work = self.work
        target = self.lane.target_of(intents[0]["intent"])
        async with AsyncExitStack() as turn:
            try:
                await turn.enter_async_context(target.turn())
            except LedgerError:
                raise
            except EngineError as error:
                work.brake.stop_sending(error)
                return []
            if work.brake.sending is not None:
                return []
            gate = self.gate()
            claimed = await work.ledger.do(lambda tx: self._claim_all(tx, waiting, intents))
            work.tally.sent += len(claimed)
            answers = await target.send(documents, gate)
        return await work.ledger.do(lambda tx: self._read_all(tx, claimed, answers, unsent))

    def gate(self) -> Gate:
        """True while the claim that is made now is young, by either clock: one stands still in a machine that
        sleeps, the other may be set back."""
        clock = self.work.clock
        began, at = clock.monotonic(), clock.now()
        longest = timedelta(seconds=CLAIM_SECONDS)
        return lambda: clock.monotonic() - began < CLAIM_SECONDS and clock.now() - at < longest

    def _claim_all(
        self, tx: Transaction, waiting: Sequence[Delivery], intents: Sequence[dict[str, Any]]
    ) -> list[Delivery]:
        """The intents of a batch, together or not at all; a key taken meanwhile by another stops it."""
        keys = {intent["key"]: delivery.id for delivery, intent in zip(waiting, intents, strict=True)}
        form = intents[0].get("form") or waiting[0].form
        for key, owner in keys_taken(tx, self.lane.to.system, form, keys).items():
            if owner.id != keys[key]:
                raise KeyTaken(tr("another process has taken the key '{key}'", key=key))
        with together(tx):
            return [
                self._claim(tx, delivery, intent) for delivery, intent in zip(waiting, intents, strict=True)
            ]

    def _claim(self, tx: Transaction, delivery: Delivery, intent: dict[str, Any]) -> Delivery:
        now = self.work.clock.now()
        self._alive.pop((delivery.id, delivery.fence), None)
        return outcome.step(
            tx,
            self.work,
            delivery,
            State.SENDING,
            event="sending",
            detail={"key": intent["key"], "attempt": delivery.attempts + 1},
            fault=NO_FAULT,
            adopted=False,
            sent_at=now,
            ask_after=now + self.lane.settle,
            fence=delivery.fence + 1,
            attempts=delivery.attempts + 1,
            **intent,
        )

    def _read_all(
        self, tx: Transaction, claimed: Sequence[Delivery], answers: Sequence[Answer], unsent: State
    ) -> list[Delivery]:
        with together(tx):
            return [
                self._read(tx, delivery, answer, unsent)
                for delivery, answer in zip(claimed, answers, strict=True)
            ]

    def _read(self, tx: Transaction, delivery: Delivery, answer: Answer, unsent: State) -> Delivery:
        """Write down what the target said to one document."""
        work, lane = self.work, self.lane
        match answer:
            case Accepted(id=id, number=number, key=key):
                if key is not None and key != delivery.key:
                    reason = tr("sent under key '{key}', answered '{other}'", key=delivery.key, other=key)
                    return self.asker.halt(
                        outcome.conflict(tx, work, delivery, reason, target_id=id, target_number=number)
                    )
                first = lane.target.stages[0]
                return outcome.reach(tx, work, lane, delivery, first, target_id=id, target_number=number)
            case Refused():
                fault = refusal(lane, answer)
                return outcome.fail(
                    tx,
                    work,
                    lane,
                    delivery,
                    fault,
                    event="refused",
                    answer=answer.answer,
                    detail=period_note(answer),
                )
            case Duplicate(message=message):
                return outcome.unclear(tx, work, delivery, message, self._soon(delivery), answer.answer)
            case NotSent(message=message, failure=failure):
                heed(work.brake, message, failure)
                return outcome.step(
                    tx,
                    work,
                    delivery,
                    unsent,
                    event="not sent",
                    detail={"reason": message, **outcome.kept(answer.answer)},
                    fault=Fault(message, failure),
                    ask_after=self._soon(delivery),
                )
        self._alive[delivery.id, delivery.fence] = work.clock.monotonic() + lane.settle.total_seconds()
        settled = (delivery.sent_at or work.clock.now()) + lane.settle
        return outcome.unclear(tx, work, delivery, answer.message, settled, answer.answer)

    def _soon(self, delivery: Delivery) -> datetime:
        """At once after the first sending, then ever later: a target that takes nothing is not hammered."""
        pause = 0 if delivery.attempts <= 1 else min(2**delivery.attempts, _LONGEST_PAUSE)
        return self.work.clock.now() + timedelta(seconds=pause)
