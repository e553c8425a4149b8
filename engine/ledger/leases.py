"""Leases: one process at a time for one name, and what was held by a dead one becomes free by itself.

A lease keeps well-behaved processes apart; it is no proof. Rows are guarded by their own fences, and what is
sent by the delivery protocol, because a paused process can wake after its lease has ended.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select, update

from engine.errors import EngineError
from engine.ledger.sql import insert_missing
from engine.ledger.tables import leases

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from sqlalchemy import Connection

    from engine.clock import Clock
    from engine.ledger.port import LedgerPort

__all__ = ["Lease", "acquire", "release", "renew"]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_MOVED = timedelta(hours=1)


def acquire(
    tx: Connection,
    name: str,
    owner: str,
    now: datetime,
    seconds: float,
    is_dead: Callable[[str], bool] = lambda owner: False,
) -> int | None:
    """Take the lease if it is free, expired or already the owner's; its fence, or None when another holds it.

    The fence grows each time the lease changes hands. A lease that ends far later than any of this length
    could was made under another clock (a sandbox that was set back), and counts as expired; so does one whose
    owner `is_dead` knows to be gone.
    """
    until = now + timedelta(seconds=seconds)
    insert_missing(tx, leases, [{"name": name, "owner": "", "fence": 0, "until": _LONG_AGO}], ["name"])
    held = tx.execute(select(leases).where(leases.c.name == name)).one()
    if held.owner != owner and now < held.until <= until + _CLOCK_MOVED and not is_dead(held.owner):
        return None
    fence: int = held.fence if held.owner == owner else held.fence + 1
    tx.execute(update(leases).where(leases.c.name == name).values(owner=owner, fence=fence, until=until))
    return fence


def renew(tx: Connection, name: str, owner: str, fence: int, now: datetime, seconds: float) -> bool:
    """Hold on for `seconds` from now; False when the lease has changed hands."""
    changed = tx.execute(
        update(leases).where(*_mine(name, owner, fence)).values(until=now + timedelta(seconds=seconds))
    )
    return changed.rowcount == 1


def release(tx: Connection, name: str, owner: str, fence: int) -> None:
    """Give the lease back, if it is still the owner's. The row stays, so that its fence only grows."""
    tx.execute(update(leases).where(*_mine(name, owner, fence)).values(owner="", until=_LONG_AGO))


def _mine(name: str, owner: str, fence: int) -> tuple[ColumnElement[bool], ...]:
    return leases.c.name == name, leases.c.owner == owner, leases.c.fence == fence


class Lease:
    """A lease that renews itself in the background until it is closed.

    lease = await Lease.take(port, clock, "scheme@sandbox", owner=run, wait=60)
    if lease is None: …  # another process holds it
    async with lease: …
    """

    def __init__(
        self, port: LedgerPort, clock: Clock, name: str, owner: str, fence: int, seconds: float, until: float
    ) -> None:
        self.name = name
        self.owner = owner
        self.fence = fence
        self._port = port
        self._clock = clock
        self._seconds = seconds
        self._until = until  # by the monotonic clock
        self._renewing = asyncio.ensure_future(self._renew())

    @classmethod
    async def take(
        cls,
        port: LedgerPort,
        clock: Clock,
        name: str,
        owner: str,
        *,
        seconds: float = 30.0,
        wait: float = 0.0,
        is_dead: Callable[[str], bool] = lambda owner: False,
    ) -> Self | None:
        """The lease, or None when another still holds it after `wait` seconds."""
        deadline = clock.monotonic() + wait
        while True:
            asked = clock.monotonic()
            fence = await port.do(lambda tx: acquire(tx, name, owner, clock.now(), seconds, is_dead))
            if fence is not None:
                return cls(port, clock, name, owner, fence, seconds, asked + seconds)
            left = deadline - clock.monotonic()
            if left <= 0:
                return None
            await clock.sleep(min(1.0, left))

    def held(self) -> bool:
        """True while no other process can have it: counted from before the last renewal was asked for."""
        return self._clock.monotonic() < self._until

    async def aclose(self) -> None:
        """Stop renewing and give the lease back; a ledger that fails here leaves it to expire."""
        self._renewing.cancel()
        await asyncio.wait({self._renewing})
        self._until = self._clock.monotonic()
        with suppress(EngineError):
            await self._port.do(lambda tx: release(tx, self.name, self.owner, self.fence))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(self._seconds / 3)
            asked = self._clock.monotonic()
            try:
                kept = await self._port.do(self._hold_on)
            except EngineError:
                continue  # the next try may come in time; until then `held` tells the truth
            if not kept:
                self._until = asked
                return
            self._until = asked + self._seconds

    def _hold_on(self, tx: Connection) -> bool:
        return renew(tx, self.name, self.owner, self.fence, self._clock.now(), self._seconds)
