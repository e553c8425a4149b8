"""What a scheme is going to need of a source's calls, as far as the ledger can tell from what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from engine.ledger.rows import State
from engine.ledger.tables import deliveries, records, runs, watermarks

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["Demand", "read_demand"]

_LOOK_BACK = timedelta(days=14)
_INTAKE = timedelta(hours=1)
"""A scheme's first hour reads what was there before it, and says nothing about the days to come."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is coming: new records and write-backs a day, since when each record waits, and how often the
    scheme is run (None: not known yet). `schemes` share the source."""

    new_per_day: float
    told_per_day: float
    waiting_since: tuple[datetime, ...]
    cadence: timedelta | None
    schemes: int


def read_demand(tx: Connection, scheme: str, target_system: str, source_system: str, now: datetime) -> Demand:
    """What the last two weeks say about the next."""
    mine = deliveries.c.scheme == scheme, deliveries.c.target_system == target_system
    oldest = select(deliveries.c.created_at).where(*mine).order_by(deliveries.c.record_id).limit(1)
    first: datetime | None = tx.scalar(oldest)
    begin = max((first or now) + _INTAKE, now - _LOOK_BACK)
    days = max((now - begin) / timedelta(days=1), 1.0)
    recent = deliveries.c.created_at > begin
    new = tx.scalar(select(func.count()).where(*mine, recent)) or 0
    parents = deliveries.alias("parents")
    told = tx.scalar(
        select(func.count())
        .select_from(deliveries.join(parents, parents.c.id == deliveries.c.parent_id))
        .where(
            parents.c.scheme == scheme,
            parents.c.target_system == target_system,
            deliveries.c.target_system == source_system,
            recent,
        )
    )
    waiting = tx.scalars(
        select(deliveries.c.waiting_since)
        .select_from(deliveries.join(records, records.c.id == deliveries.c.record_id))
        .where(*mine, deliveries.c.state == State.WAITING, records.c.asked > 0)
    )
    return Demand(
        new_per_day=new / days,
        told_per_day=(told or 0) / days,
        waiting_since=tuple(since for since in waiting if since is not None),
        cadence=_cadence(tx, scheme, now),
        schemes=max(_listing(tx, source_system), 1),
    )


def _cadence(tx: Connection, scheme: str, now: datetime) -> timedelta | None:
    """How often runs begin, spread over a whole day: a few by hand in a row say nothing about the month."""
    since = now - timedelta(days=1)
    query = select(func.count()).select_from(runs)
    mine = runs.c.scheme == scheme, runs.c.command == "run", runs.c.started_at > since
    began = tx.scalar(query.where(*mine))
    return timedelta(days=1) / began if began else None


def _listing(tx: Connection, source_system: str) -> int:
    """How many schemes list this source."""
    abouts = tx.scalars(select(watermarks.c.about))
    return len({about.get("scheme") for about in abouts if about.get("system") == source_system})
