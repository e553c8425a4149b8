"""Letting go of what the promises do not need.

Records and deliveries stay, however old: their identity, key, number, stage and amount are what keeps a
document from being sent twice. What a claim said and exactly what was sent may go once all is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, null, or_, select, update

from engine.ledger import lookups
from engine.ledger.budgets import today
from engine.ledger.rows import State
from engine.ledger.tables import budgets, deliveries, events, records, runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

__all__ = ["Pruned", "prune", "would_prune"]

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
_CALLBACK = "callback:"
"""How the source systems begin that are a scheme's own deliveries."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went; of payloads and snapshots, how many were emptied."""

    events: int
    runs: int
    lookups: int
    budgets: int
    payloads: int = 0
    snapshots: int = 0


def prune(tx: Connection, before: datetime) -> Pruned:
    """Drop the events of closed records, ended runs, look-ups and daily counts older than `before`.

    The payloads of documents that were done before then go too, and what their records said: who needs a
    record once more gets it from its source. What is failed, unknown, under way or alerted keeps its whole
    story, skipped records what they said, and all what was decided; monthly counts stay.
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
        payloads=_empty_payloads(tx, before),
        snapshots=_empty_snapshots(tx, before),
    )


def would_prune(tx: Connection, before: datetime) -> Pruned:
    """What `prune` would let go of; changes nothing."""
    tried = tx.begin_nested()
    try:
        return prune(tx, before)
    finally:
        tried.rollback()


def _long_done(before: datetime) -> ColumnElement[bool]:
    return and_(
        deliveries.c.state == State.DONE, deliveries.c.failure.is_(None), deliveries.c.updated_at < before
    )


def _empty_payloads(tx: Connection, before: datetime) -> int:
    old = update(deliveries).where(_long_done(before), deliveries.c.payload.is_not(None))
    return tx.execute(old.values(payload=null())).rowcount


def _empty_snapshots(tx: Connection, before: datetime) -> int:
    """Those of records that are done under every scheme. A callback's has no source to be got from again."""
    still_needed = select(deliveries.c.record_id).where(~_long_done(before))
    done = select(deliveries.c.record_id)
    old = update(records).where(
        records.c.final.is_(True),
        records.c.snapshot.is_not(None),
        records.c.system.not_like(f"{_CALLBACK}%"),
        records.c.id.in_(done),
        records.c.id.not_in(still_needed),
    )
    return tx.execute(old.values(snapshot=null())).rowcount


def _this_month(tx: Connection) -> str:
    """The latest month that was counted: its days are the basis of the forecast."""
    latest: str | None = tx.scalar(
        select(func.max(budgets.c.period)).where(func.length(budgets.c.period) < _DAY)
    )
    return latest or ""
