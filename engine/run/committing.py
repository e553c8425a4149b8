"""Writes of many records at once: who comes while a commit is under way goes with the next one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import EngineError
from engine.ledger.together import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.ledger.port import LedgerPort, Transaction

__all__ = ["Committer"]

T = TypeVar("T")
_MOST = 64


class _Item:
    """One record's write, and what came of it."""

    def __init__(self, work: Callable[[Transaction], Any]) -> None:
        self.work = work
        self.done = False
        self.value: Any = None
        self.error: EngineError | None = None


class Committer:
    """Puts writes of different records into one piece of work for the ledger.

    A write must bear to be done again: where one of several fails, all are undone, and each is done by
    itself, so that one record's trouble stays its own.
    """

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self._lock = asyncio.Lock()
        self._waiting: list[_Item] = []

    async def do(self, work: Callable[[Transaction], T]) -> T:
        """Like the ledger's own: returns when it is committed, raises what `work` raises."""
        item = _Item(work)
        self._waiting.append(item)
        async with self._lock:
            while not item.done:  # else another one took it along
                await self._carry_out()
        if item.error is not None:
            raise item.error
        value: T = item.value
        return value

    async def _carry_out(self) -> None:
        items, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        try:
            if len(items) == 1 or not await self._all(items):
                for item in items:
                    await self._alone(item)
        except BaseException:
            self._waiting[:0] = [item for item in items if not item.done]
            raise

    async def _all(self, items: list[_Item]) -> bool:
        def work(tx: Transaction) -> list[Any]:
            with together(tx):
                return [item.work(tx) for item in items]

        try:
            values = await self._ledger.do(work)
        except EngineError:
            return False
        for item, value in zip(items, values, strict=True):
            item.value, item.done = value, True
        return True

    async def _alone(self, item: _Item) -> None:
        try:
            item.value = await self._ledger.do(item.work)
        except EngineError as error:
            item.error = error
        item.done = True
