"""Leases, look-ups, windows and runs: small tables with firm rules."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ledger import leases, lookups, runs, windows
from engine.ledger.leases import Lease
from engine.ledger.port import InlineLedger, ThreadLedger
from engine.ledger.sql import make_engine
from engine.ledger.windows import SpanState

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class FakeClock:
    """Time that passes only when everybody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return later(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.at + seconds, woken))
        await woken.wait()

    async def pass_(self, seconds: float) -> None:
        end = self.at + seconds
        await settle()
        while due := [one for one in self._sleepers if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._sleepers.remove(first)
            self.at = first[0]
            first[1].set()
            await settle()
        self.at = end

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


# --- leases -------------------------------------------------------------------------------------------


def test_a_lease_is_one_owners_until_it_expires(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON, 30) == 1
    assert leases.acquire(tx, "n", "b", later(29), 30) is None
    assert leases.acquire(tx, "n", "b", later(30), 30) == 2
    assert not leases.renew(tx, "n", "a", 1, later(31), 30)
    leases.release(tx, "n", "a", 1)  # changes nothing
    assert leases.acquire(tx, "n", "a", later(31), 30) is None


def test_a_released_lease_is_free_and_its_fence_grows(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON, 30) == 1
    leases.release(tx, "n", "a", 1)
    assert leases.acquire(tx, "n", "b", NOON, 30) == 2
    assert leases.acquire(tx, "other", "a", NOON, 30) == 1


def test_an_owner_that_asks_again_keeps_its_lease(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON, 30) == 1
    assert leases.acquire(tx, "n", "a", later(20), 30) == 1
    assert leases.acquire(tx, "n", "b", later(40), 30) is None


def test_a_renewal_holds_on(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON, 30) == 1
    assert leases.renew(tx, "n", "a", 1, later(20), 30)
    assert leases.acquire(tx, "n", "b", later(49), 30) is None


def test_a_lease_made_under_a_clock_that_was_set_back_does_not_hold_for_months(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON + timedelta(days=40), 30) == 1
    assert leases.acquire(tx, "n", "b", NOON, 30) == 2


def test_a_lease_renews_itself_and_is_given_back(database: Engine) -> None:
    async def play() -> None:
        port, clock = InlineLedger(database), FakeClock()
        lease = await Lease.take(port, clock, "n", "a", seconds=30)
        assert lease is not None
        async with lease:
            await clock.pass_(300)
            assert lease.held()
            assert await Lease.take(port, clock, "n", "b") is None
        assert not lease.held()
        other = await Lease.take(port, clock, "n", "b")
        assert other is not None
        assert other.fence == 2
        await other.aclose()
        await port.aclose()

    asyncio.run(play())


def test_a_lease_is_waited_for(database: Engine) -> None:
    async def play() -> None:
        port, clock = InlineLedger(database), FakeClock()
        await port.do(lambda tx: leases.acquire(tx, "n", "dead", clock.now(), 30))
        waiting = asyncio.ensure_future(Lease.take(port, clock, "n", "b", wait=60))
        await clock.pass_(29)
        assert not waiting.done()
        await clock.pass_(2)
        lease = await waiting
        assert lease is not None
        await lease.aclose()
        await port.aclose()

    asyncio.run(play())


def test_a_lease_that_was_lost_says_so_even_before_it_is_asked(database: Engine) -> None:
    """A process that slept through its lease must not believe that it still holds it."""

    async def play() -> None:
        port, clock = InlineLedger(database), FakeClock()
        lease = await Lease.take(port, clock, "n", "a", seconds=30)
        assert lease is not None
        clock.at += 31  # paused: no sleeper was woken
        assert not lease.held()
        assert await port.do(lambda tx: leases.acquire(tx, "n", "b", clock.now(), 30)) == 2
        await clock.pass_(30)
        assert not lease.held()
        await lease.aclose()
        assert await port.do(lambda tx: leases.renew(tx, "n", "b", 2, clock.now(), 30))
        await port.aclose()

    asyncio.run(play())


def test_of_two_processes_one_gets_the_lease(url: str) -> None:
    async def play() -> list[int | None]:
        ports = [ThreadLedger(make_engine(url)) for _ in range(2)]
        tries = [
            port.do(lambda tx, owner=f"{n}{m}": leases.acquire(tx, "n", owner, NOON, 30))
            for m in range(4)
            for n, port in enumerate(ports)
        ]
        won = await asyncio.gather(*tries)
        for port in ports:
            await port.aclose()
        return won

    won = asyncio.run(play())
    assert sorted(won, key=str) == [1] + [None] * 7


# --- look-ups -----------------------------------------------------------------------------------------


def test_an_answer_is_kept_as_long_as_its_table_wants(tx: Connection) -> None:
    lookups.put(tx, "ding", "user/get", "52", {"job_number": "E1", "rate": Decimal("1.10")}, NOON)
    assert lookups.get(tx, "ding", "user/get", "52", NOON) == {"job_number": "E1", "rate": Decimal("1.10")}
    assert lookups.get(tx, "ding", "user/get", "52", later(1)) is None
    assert lookups.get(tx, "ding", "user/get", "53", NOON) is None
    lookups.put(tx, "ding", "user/get", "52", "E2", later(5))
    assert lookups.get(tx, "ding", "user/get", "52", later(1)) == "E2"
    lookups.put(tx, "ding", "user/get", "x" * 301, "E3", NOON)
    assert lookups.forget(tx, later(6)) == 1


# --- windows ------------------------------------------------------------------------------------------


def test_a_watermark_is_its_listings_alone() -> None:
    one = windows.watermark_key("s", "ding", "get", {"process_code": "P", "size": 20})
    assert one == windows.watermark_key("s", "ding", "get", {"size": 20, "process_code": "P"})
    others = {
        windows.watermark_key("t", "ding", "get", {"process_code": "P", "size": 20}),
        windows.watermark_key("s", "ding2", "get", {"process_code": "P", "size": 20}),
        windows.watermark_key("s", "ding", "get2", {"process_code": "P", "size": 20}),
        windows.watermark_key("s", "ding", "get", {"process_code": "Q", "size": 20}),
        windows.watermark_key("s", "ding", "get", {"process_code": "P", "size": "20"}),
        windows.watermark_key("s", "ding", "get", {"process_code": "P", "amount": Decimal("1.5")}),
    }
    assert len(others | {one}) == 7


def test_a_mark_moves_over_contiguous_spans_only(tx: Connection) -> None:
    def advance(start: int, end: int) -> datetime:
        return windows.advance(tx, "k", {"scheme": "s"}, later(start), later(end), NOON)

    assert windows.read_watermark(tx, "k") is None
    assert advance(0, 10) == later(10)
    assert advance(20, 30) == later(10)  # a hole before it
    assert advance(5, 20) == later(20)  # an overlap is fine
    assert advance(0, 15) == later(20)  # never back
    assert advance(20, 30) == later(30)
    assert windows.read_watermark(tx, "k") == later(30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), min_size=1, max_size=12))
def test_whatever_is_below_the_mark_was_listed(tx: Connection, spans: list[tuple[int, int]]) -> None:
    with tx.begin_nested() as example:
        for start, length in spans:
            windows.advance(tx, "k", {}, later(start), later(start + length), NOON)
        mark = windows.read_watermark(tx, "k")
        example.rollback()
    listed = {second for start, length in spans for second in range(start, start + length)}
    first = spans[0][0]
    assert mark is not None
    assert set(range(first, int((mark - NOON).total_seconds()))) <= listed


def test_spans_tell_what_was_not_seen(tx: Connection) -> None:
    def note(start: int, end: int, state: SpanState, run: str, reason: str | None = None) -> None:
        windows.note_span(
            tx, "k", later(start), later(end), state, run=run, at=later(end), items=3, reason=reason
        )

    note(0, 10, SpanState.GAP, "r1", "older than a year")
    note(10, 20, SpanState.LISTED, "r1")
    note(20, 30, SpanState.BROKEN, "r1", "a null id")
    assert [(span.start, span.reason) for span in windows.gaps(tx, "k")] == [(later(0), "older than a year")]
    assert len(windows.spans_of(tx, "k", SpanState.BROKEN)) == 1
    note(18, 40, SpanState.LISTED, "r2")
    assert windows.spans_of(tx, "k", SpanState.BROKEN) == []
    (listed,) = windows.spans_of(tx, "k", SpanState.LISTED)
    assert (listed.start, listed.end, listed.items, listed.run) == (later(10), later(40), 6, "r2")
    note(50, 60, SpanState.LISTED, "r3")
    assert len(windows.spans_of(tx, "k", SpanState.LISTED)) == 2
    assert windows.covered_from(tx, "k") == later(0)
    assert windows.covered_from(tx, "other") is None


# --- runs ---------------------------------------------------------------------------------------------


def begin(tx: Connection, id: str, scheme: str, at: datetime) -> None:
    runs.start(tx, id, scheme=scheme, scheme_hash="h", environment="sandbox", command="run", at=at)


def test_runs_are_listed_shown_and_missed_when_they_died(tx: Connection) -> None:
    begin(tx, "r1", "a", NOON)
    begin(tx, "r2", "b", later(1))
    begin(tx, "r3", "a", later(2))
    runs.finish(tx, "r3", "partial", {"counts": {"failed": 1}, "amount": Decimal("1.50")}, later(9))
    assert [run.id for run in runs.list_runs(tx)] == ["r3", "r2", "r1"]
    assert [run.id for run in runs.list_runs(tx, "a")] == ["r3", "r1"]
    assert [run.id for run in runs.list_runs(tx, limit=1)] == ["r3"]
    assert [run.id for run in runs.unfinished(tx)] == ["r1", "r2"]
    assert [run.id for run in runs.unfinished(tx, "a", "sandbox")] == ["r1"]
    assert runs.unfinished(tx, "a", "production") == []
    shown = runs.show(tx, "r3")
    assert shown is not None
    assert (shown.status, shown.ended_at) == ("partial", later(9))
    assert shown.result == {"counts": {"failed": 1}, "amount": Decimal("1.50")}
    assert runs.show(tx, "r9") is None
