"""What a run does after it has delivered: the policies of a scheme's `life`, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.run.life.periods import Periods
from engine.run.life.revoked import Revocations
from engine.run.life.taking_back import TakingBack
from engine.run.life.watching import Watch

if TYPE_CHECKING:
    from engine.ledger.rows import Delivery
    from engine.run.asking import Asker
    from engine.run.sending import Sender
    from engine.run.stages import Stages

__all__ = ["Care"]


class Care:
    """Carries out one lane's policies. Only to be used while the lease of the scheme is held."""

    def __init__(self, asker: Asker, stages: Stages, sender: Sender) -> None:
        self.lane = asker.lane
        self.work = asker.work
        taking_back = TakingBack(asker, sender)
        self._periods = Periods(self.lane, self.work, taking_back)
        self._revocations = Revocations(self.lane, self.work, taking_back)
        self._watch = Watch(asker, stages)

    async def attend(self, *, chosen: bool, at_once: bool) -> list[Delivery]:
        """Do what is due; returns the records that are to be judged and sent once more.

        `chosen`: the run is about some records only, so that nothing else is looked at. `at_once`: delivered
        bills are looked at however short ago that was done.
        """
        if self.lane.scheme.is_callback or not self.work.brake.may_send:
            return []
        if not chosen:
            await self._revocations.attend()
        anew = await self._periods.attend()
        if not chosen and self.work.brake.may_send:
            anew += await self._watch.look(at_once=at_once)
        return anew
