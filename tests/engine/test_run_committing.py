"""Writes that come while a commit is under way go together; one that fails takes no other with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.ledger import events, records
from engine.ledger.open import open_ledger
from engine.ledger.port import LedgerPort, Transaction
from engine.run.committing import Committer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Counting:
    """A ledger that counts what it is asked to do, and lets others run meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.ledger: LedgerPort = open_ledger(f"sqlite:///{folder}/ledger.db", inline=True)
        self.times = 0

    async def do(self, work: Callable[[Transaction], Any]) -> Any:
        self.times += 1
        await asyncio.sleep(0)
        return await self.ledger.do(work)

    async def aclose(self) -> None:
        await self.ledger.aclose()


def write(name: str, *, fails: bool = False) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        row = records.register(tx, "s", "f", [name], NOON)[name]
        events.note(tx, row, "met", NOON)
        if fails:
            raise EngineError(f"{name} cannot be written")
        return name

    return work


def met(ledger: Counting, names: list[str]) -> dict[str, int]:
    def work(tx: Transaction) -> dict[str, int]:
        rows = records.register(tx, "s", "f", names, NOON)
        return {name: len(events.of_record(tx, rows[name])) for name in names}

    found: dict[str, int] = asyncio.run(ledger.do(work))
    return found


def test_many_go_together(tmp_path: Path) -> None:
    ledger = Counting(tmp_path)
    names = [f"r{number}" for number in range(50)]

    async def scenario() -> list[str]:
        committer = Committer(ledger)
        return await asyncio.gather(*(committer.do(write(name)) for name in names))

    assert asyncio.run(scenario()) == names
    assert ledger.times <= 3
    assert set(met(ledger, names).values()) == {1}


def test_one_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    ledger = Counting(tmp_path)
    names = [f"r{number}" for number in range(10)]

    async def scenario() -> list[Any]:
        committer = Committer(ledger)
        works = [write(name, fails=name == "r4") for name in names]
        return await asyncio.gather(*(committer.do(work) for work in works), return_exceptions=True)

    found = asyncio.run(scenario())
    assert [each for each in found if not isinstance(each, EngineError)] == [n for n in names if n != "r4"]
    assert str(found[4]) == "r4 cannot be written"
    assert met(ledger, names) == {name: int(name != "r4") for name in names}


def test_who_is_cancelled_holds_nobody_up(tmp_path: Path) -> None:
    ledger = Counting(tmp_path)

    async def scenario() -> list[str]:
        committer = Committer(ledger)
        first = asyncio.create_task(committer.do(write("first")))
        others = [asyncio.create_task(committer.do(write(name))) for name in ("a", "b")]
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await asyncio.gather(*others)

    assert asyncio.run(scenario()) == ["a", "b"]
    assert met(ledger, ["a", "b"]) == {"a": 1, "b": 1}
