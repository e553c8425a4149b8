"""The simulated machine itself: virtual time, an order drawn from a seed, death and sleep of processes."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from dst.loop import Deadlock, Process, SimLoop, current_process


def _spawn(loop: SimLoop, process: Process, work: object) -> asyncio.Task[object]:
    context = loop.nowhere.copy()
    context.run(current_process.set, process)
    return loop.create_task(work, context=context)  # type: ignore[arg-type]


def test_a_year_passes_at_once() -> None:
    loop = SimLoop(Random(1))

    async def sleep() -> float:
        await asyncio.sleep(365 * 86400)
        return loop.time()

    assert loop.run_until_complete(sleep()) == pytest.approx(365 * 86400)
    loop.close()


def _order(seed: int) -> list[int]:
    loop = SimLoop(Random(seed))
    seen: list[int] = []

    async def mark(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    async def main() -> None:
        await asyncio.gather(*(mark(number) for number in range(8)))

    loop.run_until_complete(main())
    loop.close()
    return seen


def test_the_order_comes_from_the_seed() -> None:
    assert _order(3) == _order(3)
    assert len({tuple(_order(seed)) for seed in range(10)}) > 5


def test_a_killed_process_never_moves_again_and_cleans_nothing_up() -> None:
    loop = SimLoop(Random(1))
    process = Process("one")
    seen: list[str] = []

    async def work() -> None:
        try:
            seen.append("begun")
            await asyncio.sleep(10)
            seen.append("woken")
        finally:
            seen.append("cleaned up")

    async def main() -> None:
        _spawn(loop, process, work())
        await asyncio.sleep(5)
        loop.kill(process)
        await asyncio.sleep(10)

    loop.run_until_complete(main())
    assert seen == ["begun"]
    loop.bury()
    loop.close()


def test_a_paused_process_wakes_late_while_the_world_goes_on() -> None:
    loop = SimLoop(Random(1))
    process = Process("one")
    woken: list[float] = []

    async def work() -> None:
        await asyncio.sleep(1)
        woken.append(loop.time())

    async def main() -> float:
        task = _spawn(loop, process, work())
        process.paused_until = 100.0
        await asyncio.sleep(2)
        there = loop.time()
        await task
        return there

    assert loop.run_until_complete(main()) == pytest.approx(2)
    assert woken == [pytest.approx(101.0)]
    loop.close()


def test_waiting_for_nothing_is_a_deadlock() -> None:
    loop = SimLoop(Random(1))

    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        loop.run_until_complete(wait())
    loop._ready.clear()  # type: ignore[attr-defined]
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.get_coro().close()  # type: ignore[union-attr]
    loop.close()
