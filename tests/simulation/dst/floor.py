"""The fewest readings with which anybody could wait for claims, who cannot know when each will be agreed.

It knows how long claims take in general, which the engine does not, lists for nothing, and makes the best of
it: the schedule of readings with the least expected delay for what it costs, found by going backwards from
the longest wait (dynamic programming over ages).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Lasting", "fewest_readings"]

_STEP = 10.0
_DAY = 24 * 60.0


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long claims take, in minutes: spread evenly over magnitudes."""

    shortest: float
    longest: float

    def ended(self, age: float) -> float:
        """The share that has ended by an age."""
        return math.log(min(max(age, self.shortest), self.longest) / self.shortest) / self._span

    def area(self, age: float) -> float:
        """The integral of `ended` from 0."""
        inside = min(max(age, self.shortest), self.longest)
        grown = inside * math.log(inside / self.shortest) - inside + self.shortest
        return grown / self._span + max(age - self.longest, 0.0)

    @property
    def _span(self) -> float:
        return math.log(self.longest / self.shortest)


def fewest_readings(lasting: Lasting, mean_delay: float) -> float:
    """Readings a claim, the last one included, with which the mean delay (minutes) can be reached at best."""
    ages = _ages(lasting.longest)
    low, high = 0.0, 100_000.0  # what a reading costs, in minutes of delay
    for _ in range(25):
        price = (low + high) / 2
        if _best(lasting, ages, price)[1] > mean_delay:
            high = price
        else:
            low = price
    return _best(lasting, ages, low)[0]


def _ages(longest: float) -> list[float]:
    """When readings may be: as often as runs begin on the first day, then every two hours."""
    first = [_STEP * number for number in range(int(_DAY / _STEP))]
    return first + [_DAY + 2 * 60.0 * number for number in range(int((longest - _DAY) / 120) + 2)]


def _best(lasting: Lasting, ages: Sequence[float], price: float) -> tuple[float, float]:
    """Readings and minutes of delay a claim under the schedule that costs least at a price."""
    ended = [lasting.ended(age) for age in ages]
    area = [lasting.area(age) for age in ages]
    last = len(ages) - 1
    cost, readings, delay = [0.0] * len(ages), [0.0] * len(ages), [0.0] * len(ages)
    for at in range(last - 1, -1, -1):
        open_share = 1 - ended[at]
        if open_share <= 0:
            continue
        base = area[at] - ended[at] * ages[at]
        least, following = min(
            (area[to] - ended[at] * ages[to] + cost[to], to) for to in range(at + 1, last + 1)
        )
        cost[at] = least - base + price * open_share
        readings[at] = open_share + readings[following]
        delay[at] = area[following] - ended[at] * ages[following] - base + delay[following]
    return readings[0], delay[0]
