"""The meter that connectors ask before each call: counts in the ledger first, and paces evenly.

Calls are counted in blocks, before they are made, so that a crash can only have counted too many; what is
left of a block goes back when the meter is closed. Turns of a paced interface come from one row that all
processes share: whoever takes some moves it on.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.clock import SHANGHAI
from engine.ledger import budgets, quota_words
from engine.ledger.budgets import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from engine.clock import Clock
    from engine.connector.limits import Limits
    from engine.ledger.port import LedgerPort

__all__ = ["Budget", "LedgerMeter"]

_SHARE = 0.97
"""Of a rate limit that is used. The rest lets a call start late by as much of the limit's window, and still
no window of that length sees more calls than the limit."""

_AHEAD = 0.5
"""Seconds for which a paced interface's turns are taken at a time, at most."""
_UNPACED_BLOCK = 10
_LARGEST_BLOCK = 200
_LONGEST_LEAD = 2.0
_LATE_TRIES = 3
_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class _Turns:
    """Moments by the monotonic clock at which calls may start, `interval` apart."""

    def __init__(self) -> None:
        self.left = 0
        self._spans: deque[tuple[float, float, int]] = deque()  # first moment, interval, how many

    def add(self, first: float, interval: float, number: int) -> None:
        if number:
            self._spans.append((first, interval, number))
            self.left += number

    def take(self) -> float:
        """The next one."""
        first = self._spans[0][0]
        self._drop(1)
        return first

    def take_if_come(self, now: float) -> bool:
        """Take the next one, if its moment has come."""
        if self._spans[0][0] > now:
            return False
        self._drop(1)
        return True

    def drop_before(self, oldest: float) -> None:
        """Let go of those that are too late."""
        while self._spans and self._spans[0][0] < oldest:
            first, interval, number = self._spans[0]
            self._drop(min(math.ceil((oldest - first) / interval), number))

    def clear(self) -> None:
        self._spans.clear()
        self.left = 0

    def _drop(self, gone: int) -> None:
        first, interval, number = self._spans.popleft()
        if gone < number:
            self._spans.appendleft((first + gone * interval, interval, number - gone))
        self.left -= gone


@dataclass(slots=True)
class _Lane:
    """One interface's calls: what this process has reserved of them, and who waits."""

    interface: str
    metered: bool
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    credits: int = 0
    day: str = ""
    turns: _Turns = field(default_factory=_Turns)
    block: int = 1
    lead: float = 0.0
    refill: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class _Stale:
    """Calls counted for a day that has ended before they were made."""

    calls: int
    day: str


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one refill brought."""

    credits: int
    day: str
    turns: int
    first: float
    budget: Budget | None


@dataclass(frozen=True, slots=True)
class _Pace:
    """How far apart calls are, and how late one may start; in seconds."""

    interval: float
    tolerance: float

    @classmethod
    def of(cls, limits: Limits) -> _Pace | None:
        windows = [
            (window / (_SHARE * float(rate)), window * (1 - _SHARE))
            for window, rate in ((1.0, limits.per_second), (60.0, limits.per_minute))
            if rate is not None
        ]
        if not windows:
            return None
        return cls(max(interval for interval, _ in windows), min(tolerance for _, tolerance in windows))

    def turns_each(self, largest: int) -> int:
        """How many turns are taken for each call that is counted: more than one where a whole block of them
        would be over before the calls are made."""
        return max(1, int(_AHEAD / self.interval) // largest)


class _Days:
    """Names the day of a moment; asked before each call, so that the last answer is kept."""

    def __init__(self) -> None:
        self._begins = self._ends = _NEVER
        self._name = ""

    def of(self, now: datetime) -> str:
        """As `budgets.today` has it."""
        if not self._begins <= now < self._ends:
            begins = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
            self._begins, self._ends = begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC)
            self._name = budgets.today(now)
        return self._name


class LedgerMeter:
    """Counts and paces the calls of one system for all processes that share the ledger.

    `name` is what messages call the system; `warn` is told, once for each stage, that the month's quota will
    not last or is nearly spent. `calls` are those really made through this meter.
    """

    def __init__(
        self,
        port: LedgerPort,
        clock: Clock,
        system: str,
        limits: Limits,
        *,
        name: str | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.system = system
        self._name = name or system
        self._port = port
        self._clock = clock
        self._limits = limits
        self._days = _Days()
        self._limited = limits.per_month is not None or limits.per_day is not None
        self._pace = _Pace.of(limits)
        self._largest = self._largest_block()
        self._turns_each = 1 if self._pace is None else self._pace.turns_each(self._largest)
        self._warn = warn
        self._warned = 0
        self._lanes: dict[str, _Lane] = {}
        self._budget: Budget | None = None

    async def reserve(self, interface: str, *, metered: bool) -> None:
        """Wait for the turn of one call, in the order of asking; it is counted by then.

        Raises QuotaSpent when the day's or month's calls are used up, and what the ledger raises.
        """
        lane = self._lanes.get(interface)
        if lane is None:
            lane = self._lanes[interface] = _Lane(interface, metered)
        if not lane.waiting and self._goes_at_once(lane):
            self.calls[interface] += 1
            return
        lane.waiting += 1
        try:
            async with lane.lock:
                await self._turn(lane)
        finally:
            lane.waiting -= 1
        self.calls[interface] += 1

    async def budget(self) -> Budget:
        """What the system has used by now, all processes together."""
        self._budget = await self._port.do(self._read)
        self._tell(self._budget)
        return self._budget

    def remaining(self) -> int | None:
        """How many metered calls are left, as of the last look at the ledger; None without a limit."""
        if self._budget is not None:
            return self._budget.left
        limits = [limit for limit in (self._limits.per_month, self._limits.per_day) if limit is not None]
        return min(limits, default=None)

    async def aclose(self) -> None:
        """Give back what was counted and not called."""
        pending = [lane.refill for lane in self._lanes.values() if lane.refill is not None]
        if pending:
            await asyncio.wait(pending)
        unused = [(lane.interface, lane.credits, lane.day) for lane in self._lanes.values() if lane.credits]
        for lane in self._lanes.values():
            lane.credits = 0
            lane.turns.clear()
        if unused:
            await self._port.do(lambda tx: self._give_back(tx, unused))

    # --- a turn -----------------------------------------------------------------------------------------

    def _goes_at_once(self, lane: _Lane) -> bool:
        """Take the turn of a call that needs not wait: nobody does, one is counted for it, and has come."""
        if not self._ready(lane, drop_late=True):
            return False
        if self._pace is not None and not lane.turns.take_if_come(self._clock.monotonic()):
            return False
        lane.credits -= 1
        return True

    async def _turn(self, lane: _Lane) -> None:
        tries = 0
        while True:
            while not self._ready(lane, drop_late=tries < _LATE_TRIES):
                await asyncio.shield(self._refill(lane))
                tries += 1
            lane.credits -= 1
            if self._pace is None:
                return
            day = lane.day
            late = await self._sleep_until(lane, lane.turns.take())
            if late <= self._pace.tolerance or tries >= _LATE_TRIES:
                return
            tries += 1  # woken where the next call is due: both would crowd a second
            lane.credits += lane.day == day

    async def _sleep_until(self, lane: _Lane, moment: float) -> float:
        """Sleep until a turn has come; how late that was in the end."""
        day = lane.day
        if lane.waiting > 1 and min(lane.credits, lane.turns.left) <= min(2, lane.block // 2):
            self._refill(lane)  # in the background, so that the pace does not falter at a block's end
        try:
            wait = moment - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
        except asyncio.CancelledError:
            if lane.day == day:
                lane.credits += 1
            raise
        return self._clock.monotonic() - moment

    def _ready(self, lane: _Lane, *, drop_late: bool) -> bool:
        if lane.credits < 1 or lane.day != self._days.of(self._clock.now()):
            return False
        if self._pace is None:
            return True
        if drop_late:
            lane.turns.drop_before(self._clock.monotonic() - self._pace.tolerance)
        return lane.turns.left > 0

    # --- refilling --------------------------------------------------------------------------------------

    def _refill(self, lane: _Lane) -> asyncio.Task[None]:
        """The refill that is under way, or a new one. It outlives a caller that is cancelled."""
        if lane.refill is None or lane.refill.done():
            lane.refill = asyncio.ensure_future(self._fill(lane))
            lane.refill.add_done_callback(_retrieve)
        return lane.refill

    async def _fill(self, lane: _Lane) -> None:
        stale = _Stale(0, lane.day)
        if lane.day != self._days.of(self._clock.now()):
            stale, lane.credits = _Stale(lane.credits, lane.day), 0
        held, turns = lane.credits, lane.turns.left
        block, lead = lane.block, lane.lead
        asked = self._clock.monotonic()
        grant = await self._port.do(lambda tx: self._take(tx, lane, block, (held, turns), lead, stale))
        lane.lead = min(self._clock.monotonic() - asked, _LONGEST_LEAD)
        lane.credits += grant.credits
        lane.day = grant.day
        if self._pace is not None:
            lane.turns.add(grant.first, self._pace.interval, grant.turns)
        lane.block = min(block * 2, self._largest)
        if grant.budget is not None:
            self._budget = grant.budget
            self._tell(grant.budget)
        if lane.credits < 1 and grant.budget is not None and grant.budget.left == 0:
            raise quota_words.spent(grant.budget, self._name)

    def _take(
        self, tx: Connection, lane: _Lane, block: int, stock: tuple[int, int], lead: float, stale: _Stale
    ) -> _Grant:
        """One transaction: count calls, and take turns for them. Runs in the ledger's thread.

        `stock` is what is left: calls that are counted, and turns.
        """
        now, monotonic = self._clock.now(), self._clock.monotonic()
        day = budgets.today(now)
        if stale.calls:
            budgets.give_back(tx, self.system, lane.interface, stale.calls, stale.day)
        held, turns = stock
        covered = max(held - turns, 0)  # calls counted beyond the turns that are taken
        wanted, budget = max(block - covered, 0), None
        if wanted and lane.metered and self._limited:
            budget = self._read(tx)
            wanted = _share(budget.left, wanted)
            budget = budget.plus(wanted)
        if wanted:
            budgets.count(tx, self.system, lane.interface, wanted, day, metered=lane.metered)
        if self._pace is None or turns >= held + wanted:
            return _Grant(wanted, day, 0, 0.0, budget)
        number = min(block, covered + wanted) * self._turns_each
        first = budgets.take_slots(
            tx,
            self.system,
            lane.interface,
            number,
            now + timedelta(seconds=max(lead - self._pace.tolerance, 0.0)),
            timedelta(seconds=self._pace.interval),
        )
        return _Grant(wanted, day, number, monotonic + (first - now).total_seconds(), budget)

    def _largest_block(self) -> int:
        """Ten calls, or half a second's worth of a paced interface; more where no quota is spent by it."""
        if self._pace is None:
            return _UNPACED_BLOCK if self._limited else _LARGEST_BLOCK
        return max(1, min(int(_AHEAD / self._pace.interval) + 1, _LARGEST_BLOCK))

    def _read(self, tx: Connection) -> Budget:
        limits = self._limits
        return budgets.read_budget(
            tx, self.system, self._clock.now(), per_month=limits.per_month, per_day=limits.per_day
        )

    def _give_back(self, tx: Connection, unused: list[tuple[str, int, str]]) -> None:
        for interface, calls, day in unused:
            budgets.give_back(tx, self.system, interface, calls, day)

    def _tell(self, budget: Budget) -> None:
        stage, text = quota_words.warning(budget, self._name)
        if self._warn is not None and stage > self._warned:
            self._warned = stage
            self._warn(text)


def _share(left: int | None, wanted: int) -> int:
    """How much of a block the quota allows: all of it, less near the end."""
    return wanted if left is None else min(wanted, max(left // 20, 1), left)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at the error of a refill that nobody waited for; who needs a turn asks again and gets it."""
    if not task.cancelled():
        task.exception()
