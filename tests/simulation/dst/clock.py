"""`engine.clock.Clock` over virtual time: what one process knows of time and chance."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

from dst.loop import SimLoop

__all__ = ["BEGINNING", "SimClock", "WallClock"]

BEGINNING = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
"""When every history begins: a Monday, nine o'clock in Shanghai."""


class WallClock:
    """The machine's wall clock: shared by its processes, and now and then set to another time."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.jump = timedelta()

    def true(self) -> datetime:
        """The time that the rest of the world has."""
        return BEGINNING + timedelta(seconds=self._loop.time())

    def now(self) -> datetime:
        return self.true() + self.jump


class SimClock:
    """One process's clock."""

    def __init__(self, loop: SimLoop, wall: WallClock, random: Random) -> None:
        self._loop = loop
        self._wall = wall
        self._random = random
        self._ids = 0

    def now(self) -> datetime:
        return self._wall.now()

    def monotonic(self) -> float:
        return self._loop.time() + 1000.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    def random(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return f"{self.now():%Y%m%d%H%M%S}-{self._random.getrandbits(32):08x}"
