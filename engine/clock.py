"""Time, sleep, randomness and ids: the one door to them, so that a run can be played under any clock."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

__all__ = ["SHANGHAI", "Clock", "SystemClock"]

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of times that name none: both systems show Beijing wall-clock time. China has had no summer time
since 1991, so no zone database is needed, which Windows and slim images lack."""


class Clock(Protocol):
    """What the engine may know of time and chance."""

    def now(self) -> datetime:
        """The present, with a zone."""

    def monotonic(self) -> float:
        """Seconds that only grow; for durations within one process."""

    async def sleep(self, seconds: float) -> None:
        """Wait, letting others run."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def new_id(self) -> str:
        """A fresh id, unlike any other; sorts roughly by time."""


class SystemClock:
    """The machine's clock, moved by `offset` (the sandbox's time, or ``ENGINE_NOW`` in tests)."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset
        self._random = random.SystemRandom()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # slow to load, and commands that only look at files never sleep

        await asyncio.sleep(seconds)

    def random(self) -> float:
        return self._random.random()

    def new_id(self) -> str:
        return f"{self.now():%Y%m%d%H%M%S}-{secrets.token_hex(4)}"
