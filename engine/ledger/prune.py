"""Letting go of what the promises do not need.

Records and deliveries stay, however old: they are what keeps a document from being sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, or_, select

from engine.ledger import lookups
from engine.ledger.budgets import today
from engine.ledger.rows import State
from engine.ledger.tables import budgets, deliveries, events, runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["Pruned", "prune"]

_CLOSED = [State.DONE, State.SKIPPED]
_DECISIONS = [
    "adopted by hand",
    "alert handled",
    "date moved",
    "handled",
    "mended",
    "released",
    "set aside",
    "taken back",
]
"""Events that tell what was decided, and why: they stay."""
_DAY = len("2026-11-24")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    events: int
    runs: int
    lookups: int
    budgets: int


def prune(tx: Connection, before: datetime) -> Pruned:
    """Drop the events of closed records, ended runs, look-ups and daily counts older than `before`.

    What is failed, unknown, under way or alerted keeps its whole story, and all records what was decided;
    monthly counts stay.
    """
    alerted = and_(deliveries.c.state == State.DONE, deliveries.c.failure.is_not(None))
    open_records = select(deliveries.c.record_id).where(or_(deliveries.c.state.not_in(_CLOSED), alerted))
    old_events = delete(events).where(
        events.c.at < before, events.c.record_id.not_in(open_records), events.c.kind.not_in(_DECISIONS)
    )
    old_runs = delete(runs).where(runs.c.ended_at < before)
    old_days = delete(budgets).where(
        func.length(budgets.c.period) == _DAY, budgets.c.period < min(today(before), _this_month(tx))
    )
    return Pruned(
        events=tx.execute(old_events).rowcount,
        runs=tx.execute(old_runs).rowcount,
        lookups=lookups.forget(tx, before),
        budgets=tx.execute(old_days).rowcount,
    )


def _this_month(tx: Connection) -> str:
    """The latest month that was counted: its days are the basis of the forecast."""
    latest: str | None = tx.scalar(
        select(func.max(budgets.c.period)).where(func.length(budgets.c.period) < _DAY)
    )
    return latest or ""
