"""Two processes at once, clocks that jump, machines that sleep: a lease is no proof, the protocol is."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import EngineError
from engine.ledger.faults import LedgerUnreachableError
from engine.ledger.rows import State

CHUNKS = 6


async def _both(process: Any) -> None:
    """The first is stopped long enough to lose its lease; the second runs meanwhile; the first goes on."""
    twin = process.twin()

    async def second() -> None:
        await asyncio.sleep(40)
        await twin.run()

    await asyncio.gather(process.run(), second())


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_a_process_that_wakes_after_its_lease(bench: Any, unique: bool, chunk: int) -> None:
    fate_of = sys.modules["protocol_harness"].Fate
    for at in range(1 + chunk + (CHUNKS if unique else 0), 110, 2 * CHUNKS):
        made = bench(f"at{at}", unique=unique)
        made.play(_both, fate=fate_of(pause_at=at))
        made.assert_one_each(made.settled())


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_process_that_wakes_while_it_writes_back(bench: Any, chunk: int) -> None:
    fate_of = sys.modules["protocol_harness"].Fate
    for at in range(1 + 2 * chunk, 150, 2 * CHUNKS):
        made = bench(f"at{at}", callbacks=True, records=3)
        made.play(_both, fate=fate_of(pause_at=at))
        made.assert_one_each(made.settled(), 3)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_two_processes_from_the_same_moment(bench: Any, unique: bool) -> None:
    made = bench(unique=unique, callbacks=True)

    async def both(process: Any) -> None:
        await asyncio.gather(process.run(), process.twin().run())

    made.play(both)
    made.assert_one_each(made.settled())


def test_a_machine_that_slept_between_claim_and_first_byte(bench: Any) -> None:
    """Its monotonic clock stands still meanwhile; the wall clock tells."""
    made = bench(records=1)

    async def sleepy(process: Any) -> Any:
        def sleep() -> None:
            process.clock.jump = timedelta(minutes=5)
            process.target.before_gate = lambda: None

        process.target.before_gate = sleep
        return await process.run()

    told = made.play(sleepy)
    made.jump = timedelta(minutes=5)
    assert made.erp.calls.count("find") == 2  # it was asked for anew before it was sent
    made.assert_one_each(told, 1)


@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
@pytest.mark.parametrize("fault", ["late", "lost"])
def test_the_wall_clock_jumps_while_an_answer_is_out(bench: Any, hours: int, fault: str) -> None:
    """In one process the settle time is counted by a clock that does not jump."""
    made = bench(records=2)
    made.erp.faults = {2: fault}

    async def jumpy(process: Any) -> Any:
        def jump() -> None:
            process.target.before_gate = lambda: None
            process.clock.loop.call_later(1, lambda: setattr(process.clock, "jump", timedelta(hours=hours)))

        process.target.before_gate = jump
        return await process.run()

    made.play(jumpy)
    made.erp.finish()
    assert made.erp.keys() == ["DDN1", "DDN2"]
    if hours < 0:
        made.jump = timedelta(hours=hours)
        told = made.run()
        assert {row.state for row in made.rows().values()} <= {State.DONE, State.UNKNOWN}
        assert told.code == (0 if told.attention == 0 else 1)
    made.jump = timedelta(hours=max(hours, 0))
    made.assert_one_each(made.settled(), 2)


@pytest.mark.parametrize("at", range(2, 60, 2))
def test_the_ledger_fails_from_a_commit_on(bench: Any, at: int) -> None:
    """A full disk: told as what it is; what was being sent is asked for by the next run."""
    made = bench()
    full = EngineError("disk full")

    async def filling(process: Any) -> Any:
        process.ledger.error, process.ledger.error_at = full, at
        try:
            return await process.run()
        except EngineError as error:
            return error

    ended = made.play(filling)
    assert ended is full or ended.status == "success"
    made.assert_one_each(made.settled())


@pytest.mark.parametrize("at", range(1, 70, 2))
def test_the_ledger_is_away_for_a_moment(bench: Any, at: int) -> None:
    """Whatever was being done then, writing back included: the run ends there, and says why."""
    made = bench(callbacks=True, records=3)
    gone = LedgerUnreachableError("the database does not answer")

    async def losing(process: Any) -> Any:
        ledger = process.ledger
        ledger.error, ledger.error_at, ledger.error_for = gone, at, 1
        try:
            return await process.run(), ledger.calls > at
        except LedgerUnreachableError:  # the run was over: it fell on the question how it ended
            return await process.told(), False

    told, struck = made.play(losing)
    assert (told.status, told.code, told.error) == (("failed", 3, gone) if struck else ("success", 0, None))
    made.assert_one_each(made.settled(), 3)


@pytest.mark.parametrize("tenths", range(1, 12))
def test_stopped_by_hand(bench: Any, tenths: int) -> None:
    """Ctrl-C: rows are left so that the next run asks."""
    made = bench(callbacks=True)

    async def stopped(process: Any) -> None:
        task = asyncio.ensure_future(process.run())
        await asyncio.sleep(tenths / 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    made.play(stopped)
    made.assert_one_each(made.settled())
