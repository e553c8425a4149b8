"""Calls are counted before they are made, shared by processes, and paced evenly without bursts."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.clock import SHANGHAI
from engine.connector.limits import Limits
from engine.errors import QuotaSpent
from engine.ledger.budgets import count, read_budget
from engine.ledger.meter import LedgerMeter
from engine.ledger.port import InlineLedger, LedgerPort
from engine.ledger.sql import make_engine
from engine.ledger.tables import budgets, pacing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sqlalchemy import Connection, Engine

NOON = datetime(2026, 11, 24, 12, tzinfo=SHANGHAI)
TWENTY = Limits(per_second=Decimal(20))


class FakeClock:
    """Time that moves on when everybody sleeps; `late` gives how much too late a sleeper wakes."""

    def __init__(self, start: datetime = NOON, late: Callable[[], float] = lambda: 0.0) -> None:
        self.start = start
        self.at = 0.0
        self._late = late
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.at + seconds + self._late(), next(self._order), woken))
        await woken.wait()

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"

    async def play(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(12):
                await asyncio.sleep(0)
            if self._sleepers and not task.done():
                due, _, woken = heapq.heappop(self._sleepers)
                self.at = max(self.at, due)
                woken.set()
        return await task


class SlowLedger:
    """A ledger whose commits take their time."""

    def __init__(self, port: LedgerPort, clock: FakeClock, seconds: float) -> None:
        self._port, self._clock, self._seconds = port, clock, seconds

    async def do(self, work: Callable[[Connection], Any]) -> Any:
        done = await self._port.do(work)
        await self._clock.sleep(self._seconds)
        return done

    async def aclose(self) -> None:
        await self._port.aclose()


def play(
    url: str, clock: FakeClock, story: Callable[..., Awaitable[Any]], *, ports: int = 1, slow: float = 0.0
) -> Any:
    async def run() -> Any:
        opened: list[LedgerPort] = [InlineLedger(make_engine(url)) for _ in range(ports)]
        if slow:
            opened = [SlowLedger(port, clock, slow) for port in opened]
        try:
            return await clock.play(story(*opened))  # type: ignore[arg-type]
        finally:
            for port in opened:
                await port.aclose()

    return asyncio.run(run())


async def calls(
    meter: LedgerMeter, clock: FakeClock, number: int, *, workers: int = 8, interface: str = "get"
) -> list[float]:
    """When each of `number` calls started."""
    started: list[float] = []
    left = iter(range(number))

    async def work() -> None:
        for _ in left:
            await meter.reserve(interface, metered=True)
            started.append(clock.monotonic())

    await asyncio.gather(*(work() for _ in range(workers)))
    return started


def most_in_a_window(started: list[float], seconds: float = 1.0) -> int:
    ordered = sorted(started)
    return max(sum(start <= other < start + seconds for other in ordered) for start in ordered)


def counted(url: str) -> dict[tuple[str, str], int]:
    engine = make_engine(url)
    with engine.begin() as tx:
        found = tx.execute(select(budgets.c.interface, budgets.c.period, budgets.c.calls)).all()
    engine.dispose()
    return {(interface, period): calls for interface, period, calls in found}


# --- pace ---------------------------------------------------------------------------------------------


def test_calls_are_paced_evenly_and_the_limit_is_used(url: str) -> None:
    clock = FakeClock()
    started = play(url, clock, lambda port: calls(LedgerMeter(port, clock, "s", TWENTY), clock, 200))
    gaps = [after - before for before, after in itertools.pairwise(started)]
    assert min(gaps) > 0.051
    assert max(gaps) < 0.052
    assert 199 / (started[-1] - started[0]) >= 0.95 * 20


def test_processes_share_one_pace(url: str) -> None:
    clock = FakeClock()

    async def story(*ports: LedgerPort) -> list[float]:
        meters = [LedgerMeter(port, clock, "s", TWENTY) for port in ports]
        found = await asyncio.gather(*(calls(meter, clock, 300) for meter in meters))
        return [start for started in found for start in started]

    started = sorted(play(url, clock, story, ports=2))
    assert most_in_a_window(started) <= 20
    assert 599 / (started[-1] - started[0]) >= 0.95 * 20


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), worst=st.sampled_from([0.005, 0.03, 0.2, 1.5]))
def test_however_late_sleepers_wake_no_second_sees_too_many(
    database: Engine, seed: int, worst: float
) -> None:
    chance = random.Random(seed)
    clock = FakeClock(late=lambda: chance.random() * worst)

    async def run() -> list[float]:
        with database.begin() as tx:
            for table in (budgets, pacing):  # of the example before
                tx.execute(table.delete())
        port = InlineLedger(database)
        started = await clock.play(calls(LedgerMeter(port, clock, "s", TWENTY), clock, 60, workers=30))
        await port.aclose()
        return started

    assert most_in_a_window(asyncio.run(run())) <= 20


@pytest.mark.parametrize("seldom", [0.02, 0.1, 0.3])
def test_who_wakes_late_now_and_then_crowds_no_second(seldom: float, url: str) -> None:
    """One call that starts where the next is due, and all others on time: a second must not see both."""
    chance = random.Random(5)
    clock = FakeClock(late=lambda: 0.05 if chance.random() < seldom else 0.0)
    started = play(url, clock, lambda port: calls(LedgerMeter(port, clock, "s", TWENTY), clock, 300))
    assert most_in_a_window(started) <= 20
    assert 299 / (started[-1] - started[0]) >= 20 * 0.97 * (1 - 2 * seldom)


@pytest.mark.parametrize(
    ("rate", "commit", "share"), [(20, 0.04, 0.95), (20, 0.12, 0.95), (1, 0.1, 0.9), (1, 0.5, 0.6)]
)
def test_slow_commits_do_not_stop_the_calls(rate: int, commit: float, share: float, url: str) -> None:
    clock = FakeClock()
    limits = Limits(per_second=Decimal(rate))
    number = 20 * rate

    def story(port: LedgerPort) -> Awaitable[list[float]]:
        return calls(LedgerMeter(port, clock, "s", limits), clock, number)

    started = play(url, clock, story, slow=commit)[rate:]
    assert len(started) / (started[-1] - started[0]) >= share * rate
    assert most_in_a_window(started) <= rate


def test_an_idle_meter_keeps_no_turns_for_a_burst(url: str) -> None:
    clock = FakeClock()

    async def story(port: LedgerPort) -> list[float]:
        meter = LedgerMeter(port, clock, "s", TWENTY)
        first = await calls(meter, clock, 18)
        await clock.sleep(60)
        return (await calls(meter, clock, 40)) + first

    assert most_in_a_window(play(url, clock, story)) <= 20


def test_each_interface_has_its_own_pace(url: str) -> None:
    clock = FakeClock()

    async def story(port: LedgerPort) -> None:
        meter = LedgerMeter(port, clock, "s", TWENTY)
        await asyncio.gather(*(calls(meter, clock, 40, interface=name) for name in ("list", "get")))

    play(url, clock, story)
    assert clock.at < 2.2


def test_a_limit_by_the_minute(url: str) -> None:
    clock = FakeClock()
    limits = Limits(per_minute=Decimal(100))
    started = play(url, clock, lambda port: calls(LedgerMeter(port, clock, "s", limits), clock, 200))
    assert most_in_a_window(started, 60.0) <= 100
    assert 199 / (started[-1] - started[0]) >= 0.95 * 100 / 60


def test_a_clock_that_was_set_back_does_not_stop_the_calls(url: str) -> None:
    ahead = FakeClock(NOON + timedelta(days=40))
    play(url, ahead, lambda port: calls(LedgerMeter(port, ahead, "s", TWENTY), ahead, 5))
    clock = FakeClock()
    play(url, clock, lambda port: calls(LedgerMeter(port, clock, "s", TWENTY), clock, 5))
    assert clock.at < 1


def test_turns_come_in_the_order_of_asking_and_a_cancelled_one_holds_nobody_up(url: str) -> None:
    clock = FakeClock()
    order: list[int] = []

    async def story(port: LedgerPort) -> LedgerMeter:
        meter = LedgerMeter(port, clock, "s", TWENTY)

        async def ask(number: int) -> None:
            await meter.reserve("get", metered=True)
            order.append(number)

        tasks = [asyncio.ensure_future(ask(number)) for number in range(30)]
        await clock.sleep(0.02)
        tasks[1].cancel()
        tasks[7].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await meter.aclose()
        return meter

    meter = play(url, clock, story)
    assert order == [number for number in range(30) if number not in {1, 7}]
    assert meter.calls == {"get": 28}
    assert counted(url)["get", "2026-11-24"] == 28


# --- counting -----------------------------------------------------------------------------------------


def test_what_was_counted_and_not_called_is_given_back(url: str) -> None:
    clock = FakeClock()

    async def story(port: LedgerPort) -> None:
        meter = LedgerMeter(port, clock, "s", Limits(per_month=5000))
        for _ in range(23):
            await meter.reserve("get", metered=True)
        await meter.reserve("list", metered=True)
        assert counted(url)["get", "2026-11"] >= 23
        await meter.aclose()
        assert meter.calls == {"get": 23, "list": 1}

    play(url, clock, story)
    assert counted(url) == {
        ("get", "2026-11"): 23,
        ("get", "2026-11-24"): 23,
        ("list", "2026-11"): 1,
        ("list", "2026-11-24"): 1,
    }


def test_a_crash_has_counted_every_call(url: str) -> None:
    clock = FakeClock()

    async def story(port: LedgerPort) -> None:
        meter = LedgerMeter(port, clock, "s", TWENTY)
        for made in range(1, 40):
            await meter.reserve("get", metered=True)
            assert made <= counted(url)["get", "2026-11"] <= made + 20

    play(url, clock, story)


@pytest.mark.parametrize(
    "limits", [Limits(per_month=57), Limits(per_day=57), Limits(per_month=57, per_second=Decimal(20))]
)
def test_processes_together_stay_within_the_quota_and_use_it_up(limits: Limits, url: str) -> None:
    clock = FakeClock()

    async def spend(meter: LedgerMeter, interface: str) -> None:
        while True:
            await meter.reserve(interface, metered=True)
            await clock.sleep(0.01)

    async def story(*ports: LedgerPort) -> tuple[int, int | None]:
        meters = [LedgerMeter(port, clock, "s", limits, name="dingtalk") for port in ports]
        jobs = [spend(meter, interface) for meter in meters for interface in ("list", "get")]
        for outcome in await asyncio.gather(*jobs, return_exceptions=True):
            assert isinstance(outcome, QuotaSpent)
            assert '"dingtalk": the 57 calls of this' in outcome.message
        await meters[0].reserve("token", metered=False)
        await ports[0].do(lambda tx: count(tx, "another system", "get", 1000, "2026-11-24", metered=True))
        return sum(meter.calls.total() for meter in meters), meters[0].remaining()

    made, remaining = play(url, clock, story, ports=2)
    assert made == 57 + 1
    assert remaining == 0


def test_what_the_quota_refused_is_allowed_in_the_next_month(url: str) -> None:
    clock = FakeClock(datetime(2026, 11, 30, 23, 59, 30, tzinfo=SHANGHAI))

    async def story(port: LedgerPort) -> None:
        meter = LedgerMeter(port, clock, "s", Limits(per_month=100))
        for _ in range(5):
            await meter.reserve("get", metered=True)
        await clock.sleep(60)
        for _ in range(100):
            await meter.reserve("get", metered=True)
        with pytest.raises(QuotaSpent) as caught:
            await meter.reserve("get", metered=True)
        assert "2027-01-01" in (caught.value.hint or "")
        await meter.aclose()

    play(url, clock, story)
    assert counted(url) == {
        ("get", "2026-11"): 5,
        ("get", "2026-11-30"): 5,
        ("get", "2026-12"): 100,
        ("get", "2026-12-01"): 100,
    }


# --- forecast -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "now", "forecast"),
    [
        ({}, "2026-11-10 12:00", 0),
        ({"2026-11-05": 500, "2026-11-10": 500}, "2026-11-11 00:00", 1000 + 1000 // 6 * 20),
        ({"2026-11-05": 2000, "2026-11-10": 2000}, "2026-11-11 00:00", 4000 + 4000 // 6 * 20),
        ({"2026-11-01": 900, "2026-11-10": 350}, "2026-11-11 00:00", 1250 + 50 * 20),  # the last week counts
        ({"2026-11-20": 1000}, "2026-11-21 00:00", 4333),  # first used late: it counts on three days
        ({"2026-11-01": 40}, "2026-11-01 00:30", 440),  # a busy first hour
        ({"2026-11-01": 5000}, "2026-11-11 00:00", 5000),  # and has stood still since
    ],
)
def test_the_forecast(days: dict[str, int], now: str, forecast: int, url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as tx:
        for day, number in days.items():
            count(tx, "s", "get", number, day, metered=True)
        count(tx, "s", "get", 777, "2026-10-31", metered=True)
        count(tx, "s", "token", 777, "2026-11-01", metered=False)
        at = datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)
        budget = read_budget(tx, "s", at, per_month=5000, per_day=None)
    engine.dispose()
    assert budget.month_used == sum(days.values())
    assert budget.forecast_month == pytest.approx(forecast, abs=20)
    assert budget.left == 5000 - sum(days.values())


def test_warnings_come_long_before_the_end_and_once_each(url: str) -> None:
    clock = FakeClock(datetime(2026, 11, 9, 12, tzinfo=SHANGHAI))
    told: list[tuple[int, str]] = []

    async def story(port: LedgerPort) -> None:
        meter = LedgerMeter(
            port,
            clock,
            "s",
            Limits(per_month=1000),
            name="dingtalk",
            warn=lambda text: told.append((meter.calls.total(), text)),
        )
        for _ in range(990):
            await meter.reserve("get", metered=True)
        assert meter.remaining() == 10
        assert (await meter.budget()).day_used == 990

    play(url, clock, story)
    assert len(told) == 2
    assert "at this pace" in told[0][1]
    assert told[0][0] < 200
    assert 850 <= told[1][0] <= 910
    assert "of the 1000 calls of this month are used" in told[1][1]
