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


async def batches(queue: asyncio.Queue[Prepared | None], size: int) -> AsyncIterator[list[Prepared]]:
    """The queue's documents in batches of at most `size`, until its end mark, which is left for others."""
    while (first := await queue.get()) is not None:
        batch = [first]
        ended = False
        while len(batch) < size and not ended:
            try:
                more = (
                    queue.get_nowait() if not queue.empty() else await asyncio.wait_for(queue.get(), LINGER)
                )
            except TimeoutError:
                break
            if more is None:
                ended = True
            else:
                batch.append(more)
        yield batch
        if ended:
            break
    await queue.put(None)
