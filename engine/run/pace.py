"""How often calls that can wait are made: listing, and asking again for what was not final.

A new claim, its final reading and its write-back must be paid for whatever happens. What the quota leaves
beyond that is spread over the rest of its time. When it does not last for everything, the calls go where they
shorten the delays most: a record that may become final at any time is best asked for at intervals that grow
with the square root of how long it has waited, and listing is worth about as much as asking for a record that
has waited an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING

from engine.clock import SHANGHAI
from engine.ledger.demand import Demand, read_demand

if TYPE_CHECKING:
    from engine.ledger.budgets import Budget
    from engine.run.lane import Lane, Work

__all__ = ["Pace", "find_pace", "pace_for"]

_SHORTEST = timedelta(minutes=10)
_LONGEST = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LISTING_AS_WAITED = timedelta(hours=1)
_PAGE = 20
_PLANNED = 0.97
"""Of a quota's calls; the rest is for what goes wrong on the way."""
_SCARCEST = 200.0
_UNKNOWN_CADENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """`scarcity` is 0 while there are calls enough; else minutes for the square root of minutes waited."""

    scarcity: float = 0.0
    left: int | None = None

    def pause(self, waited: timedelta) -> timedelta:
        """How long after one asking a record that has waited so long is asked for again."""
        usual = min(max(_SHORTEST, waited / 10), _LONGEST)
        return max(usual, self._stretched(waited))

    @property
    def between_listings(self) -> timedelta:
        """How far listings should be apart; nothing while there are calls enough."""
        return self._stretched(_LISTING_AS_WAITED)

    def next_listing(self, listed_until: datetime | None, now: datetime) -> datetime | None:
        """When it is worth to list again; None: now. A clock that was set back is no reason to wait."""
        if listed_until is None or listed_until > now:
            return None
        due = listed_until + self.between_listings
        return due if due > now + _MINUTE / 2 else None

    def _stretched(self, waited: timedelta) -> timedelta:
        return self.scarcity * sqrt(max(waited / _MINUTE, 0.0)) * _MINUTE


async def find_pace(lane: Lane, work: Work) -> Pace:
    """The pace that the source's quota allows now."""
    assert lane.origin is not None
    budget = await lane.origin.meter.budget()
    if budget.left is None:
        return Pace()
    system, now = lane.origin.system, work.clock.now()
    demand = await work.ledger.do(lambda tx: read_demand(tx, lane.scheme.id, lane.to.system, system, now))
    window = lane.scheme.source.window
    return pace_for(budget, demand, window.overlap if window else timedelta(), now)


def pace_for(budget: Budget, demand: Demand, overlap: timedelta, now: datetime) -> Pace:
    """The least scarcity under which what is left of the quota lasts."""
    if budget.left is None:
        return Pace()
    allowed = _per_day(budget, now) / demand.schemes - demand.new_per_day - demand.told_per_day
    if _needed(demand, overlap, Pace(), now) <= allowed:
        return Pace(0.0, budget.left)
    low, high = 0.0, _SCARCEST
    for _ in range(30):
        middle = (low + high) / 2
        if _needed(demand, overlap, Pace(middle), now) <= allowed:
            high = middle
        else:
            low = middle
    return Pace(high, budget.left)


def _per_day(budget: Budget, now: datetime) -> float:
    """How many calls a day the quota has left: of the month, or of the day where that is less."""
    rates = []
    if budget.month_limit is not None:
        left = max(budget.month_limit * _PLANNED - budget.month_used, 0)
        rates.append(left / max((budget.month_end - now) / _DAY, 1 / 24))
    if budget.day_limit is not None:
        midnight = (now.astimezone(SHANGHAI) + _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        left = max(budget.day_limit * _PLANNED - budget.day_used, 0)
        rates.append(left / max((midnight - now) / _DAY, 1 / 24))
    return min(rates)


def _needed(demand: Demand, overlap: timedelta, pace: Pace, now: datetime) -> float:
    """Calls a day for listing and asking again, at a pace; nothing is done more often than runs begin."""
    cadence = demand.cadence or _UNKNOWN_CADENCE
    often = max(cadence, pace.between_listings, _MINUTE)
    pages = 1 + int(demand.new_per_day * ((overlap + often) / _DAY)) // _PAGE
    asking = sum(_DAY / max(cadence, pace.pause(now - since)) for since in demand.waiting_since)
    return pages * (_DAY / often) + asking
