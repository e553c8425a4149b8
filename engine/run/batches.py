"""Batches out of a queue: full where records come fast, small where they come slowly, never kept waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.run.sending import Prepared

__all__ = ["batches"]

LINGER = 0.25
"""How long a batch that is not full waits for more."""


async def batches(
    queue: asyncio.Queue[Prepared | None], size: int, turn: asyncio.Lock
) -> AsyncIterator[list[Prepared]]:
    """The queue's documents in batches of at most `size`, until its end mark, which is left for others.

    Those who share a queue share `turn`: one fills its batch before the next begins one, so that few
    documents are not spread over many calls.
    """
    ended = False
    while not ended:
        async with turn:
            batch, ended = await _filled(queue, size)
        if batch:
            yield batch
    await queue.put(None)


async def _filled(queue: asyncio.Queue[Prepared | None], size: int) -> tuple[list[Prepared], bool]:
    """The next batch, and whether it is the last."""
    more = await queue.get()
    batch: list[Prepared] = []
    while more is not None:
        batch.append(more)
        if len(batch) == size:
            return batch, False
        if not queue.empty():
            more = queue.get_nowait()
            continue
        try:
            async with asyncio.timeout(LINGER):  # a get that is cancelled takes nothing
                more = await queue.get()
        except TimeoutError:
            return batch, False
    return batch, True
