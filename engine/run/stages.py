"""Taking saved documents on: submit, audit. Each is recorded by itself; a saved bill is never saved again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine.connector.api import Accepted, Existing, NotSent, Refused
from engine.language import tr
from engine.ledger.faults import damaged
from engine.ledger.rows import Delivery, State
from engine.ledger.together import together
from engine.run import outcome
from engine.run.refusal import heed, period_note, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.connector.api import Answer
    from engine.ledger.port import Transaction
    from engine.run.asking import Asker

__all__ = ["Stages", "by_intent"]

_ROUNDS = 3
_PAUSE = timedelta(seconds=30)


class Stages:
    """Takes one lane's documents from stage to stage.

    Where an answer is unclear the bill's status is read before anything is tried again, so that each stage
    is reached once; after some rounds the rest is left to the settling.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.lane = asker.lane
        self.work = asker.work

    async def take_on(self, saved: Sequence[Delivery]) -> None:
        """Bring saved documents to the last stage of their intent."""
        for round_ in range(_ROUNDS):
            if round_ and saved:
                await self.work.clock.sleep(round_)
                saved = await self.reread(saved)
            if not saved or self.work.brake.fatal:
                return
            saved = await self._pass(saved)
        if saved:
            reason = tr("the target gave no clear answer to '{stage}'", stage=self._next(saved[0]))
            later = self.work.clock.now() + min(self.lane.settle, _PAUSE)
            await self.work.ledger.do(
                lambda tx: [outcome.unclear(tx, self.work, delivery, reason, later) for delivery in saved]
            )

    async def reread(self, saved: Sequence[Delivery]) -> list[Delivery]:
        """Read how far bills that we saved have come; returns those still on their way."""
        going: list[Delivery] = []
        for part in by_intent(saved, self.lane.batch):
            after = await self.asker.look_up(part, self.asker.vanished)
            going += self.asker.count(after)
        return going

    async def _pass(self, saved: Sequence[Delivery]) -> list[Delivery]:
        """Go through the stages once; returns what got no clear answer."""
        unclear: list[Delivery] = []
        going = list(saved)
        for stage in self.lane.target.stages[1:]:
            due: list[Delivery] = []
            later: list[Delivery] = []
            for delivery in going:
                (due if self._next(delivery) == stage else later).append(delivery)
            going = later
            for part in by_intent(due, self.lane.batch):
                after = await self._advance(part, stage)
                on = self.asker.count(after)
                going += [delivery for delivery in on if delivery.stage == stage]
                unclear += [delivery for delivery in on if delivery.stage != stage]
        return unclear

    async def _advance(self, part: Sequence[Delivery], stage: str) -> list[Delivery]:
        target = self.lane.target_of(part[0].intent)
        bills = [Existing(each.target_id or "", each.target_number or "", each.stage) for each in part]
        answers = await target.advance(stage, bills)
        return await self.work.ledger.do(lambda tx: self._read_all(tx, part, answers, stage))

    def _read_all(
        self, tx: Transaction, part: Sequence[Delivery], answers: Sequence[Answer], stage: str
    ) -> list[Delivery]:
        with together(tx):
            return [
                self._read(tx, delivery, answer, stage)
                for delivery, answer in zip(part, answers, strict=True)
            ]

    def _read(self, tx: Transaction, delivery: Delivery, answer: Answer, stage: str) -> Delivery:
        match answer:
            case Accepted():
                return outcome.reach(tx, self.work, self.lane, delivery, stage)
            case Refused():
                fault = refusal(self.lane, answer)
                event, said, note = f"{stage} refused", answer.answer, period_note(answer)
                return outcome.fail(
                    tx, self.work, self.lane, delivery, fault, event=event, answer=said, detail=note
                )
            case NotSent(message=message, failure=failure):
                heed(self.work.brake, message, failure)
        return outcome.step(
            tx,
            self.work,
            delivery,
            State.SENDING,
            event=f"{stage} unclear",
            detail={"reason": answer.message, **outcome.kept(answer.answer)},
        )

    def _next(self, delivery: Delivery) -> str:
        stages = self.lane.target.stages
        if delivery.stage not in stages[:-1]:
            raise damaged()
        return stages[stages.index(delivery.stage) + 1]


def by_intent(saved: Sequence[Delivery], size: int) -> list[list[Delivery]]:
    """Parts of at most `size` deliveries that were sent in the same way."""
    if len(saved) <= size and all(each.intent == saved[0].intent for each in saved):
        return [list(saved)] if saved else []
    parts: list[list[Delivery]] = []
    for delivery in sorted(saved, key=lambda each: str(each.intent)):
        if not parts or len(parts[-1]) == size or parts[-1][0].intent != delivery.intent:
            parts.append([])
        parts[-1].append(delivery)
    return parts
