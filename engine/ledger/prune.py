"""Letting go of what the promises do not need.

Records and deliveries stay, however old: their identity, key, number, stage and amount are what keeps a
document from being sent twice. What a claim said and exactly what was sent may go once all is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, func, null, or_, select, update

from engine.ledger import lookups
from engine.ledger.budgets import today
from engine.ledger.rows import State
from engine.ledger.tables import budgets, deliveries, events, records, runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from engine.ledger.port import LedgerPort

    _Work = Callable[[Connection, datetime, range], int]

__all__ = ["Pruned", "prune", "prune_in_parts", "would_prune"]

_PART = 10_000
_ALL = range(2**62)

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
    return replace(
        _undivided(tx, before),
        **{name: work(tx, before, _ALL) for name, (_, work) in _DIVIDED.items()},
    )


async def prune_in_parts(ledger: LedgerPort, before: datetime, rows: int = _PART) -> Pruned:
    """The same in transactions of so many rows each, between which others write; it may be broken off."""
    gone = await ledger.do(lambda tx: _undivided(tx, before))
    for name, (table, work) in _DIVIDED.items():
        highest = await ledger.do(partial(_highest, table=table))
        count = 0
        for low in range(0, highest + 1, rows):
            count += await ledger.do(_bound(work, before, range(low, low + rows)))
        gone = replace(gone, **{name: count})
    return gone


def _bound(work: _Work, before: datetime, ids: range) -> Callable[[Connection], int]:
    return lambda tx: work(tx, before, ids)


def would_prune(tx: Connection, before: datetime) -> Pruned:
    """What `prune` would let go of; changes nothing."""
    tried = tx.begin_nested()
    try:
        return prune(tx, before)
    finally:
        tried.rollback()


def _undivided(tx: Connection, before: datetime) -> Pruned:
    """What is never much: ended runs, look-ups, daily counts."""
    old_days = delete(budgets).where(
        func.length(budgets.c.period) == _DAY, budgets.c.period < min(today(before), _this_month(tx))
    )
    return Pruned(
        events=0,
        runs=tx.execute(delete(runs).where(runs.c.ended_at < before)).rowcount,
        lookups=lookups.forget(tx, before),
        budgets=tx.execute(old_days).rowcount,
    )


def _drop_events(tx: Connection, before: datetime, ids: range) -> int:
    alerted = and_(deliveries.c.state == State.DONE, deliveries.c.failure.is_not(None))
    still_open = exists().where(
        deliveries.c.record_id == events.c.record_id, or_(deliveries.c.state.not_in(_CLOSED), alerted)
    )
    old = delete(events).where(
        _among(events, ids), events.c.at < before, ~still_open, events.c.kind.not_in(_DECISIONS)
    )
    return tx.execute(old).rowcount


def _long_done(before: datetime) -> ColumnElement[bool]:
    return and_(
        deliveries.c.state == State.DONE, deliveries.c.failure.is_(None), deliveries.c.updated_at < before
    )


def _empty_payloads(tx: Connection, before: datetime, ids: range) -> int:
    old = update(deliveries).where(
        _among(deliveries, ids), _long_done(before), deliveries.c.payload.is_not(None)
    )
    return tx.execute(old.values(payload=null())).rowcount


def _empty_snapshots(tx: Connection, before: datetime, ids: range) -> int:
    """Those of records that are done under every scheme. A callback's has no source to be got from again."""
    its_own = deliveries.c.record_id == records.c.id
    old = update(records).where(
        _among(records, ids),
        records.c.final.is_(True),
        records.c.snapshot.is_not(None),
        records.c.system.not_like(f"{_CALLBACK}%"),
        exists().where(its_own),
        ~exists().where(its_own, ~_long_done(before)),
    )
    return tx.execute(old.values(snapshot=null())).rowcount


def _among(table: Table, ids: range) -> ColumnElement[bool]:
    return and_(table.c.id >= ids.start, table.c.id < ids.stop)


def _highest(tx: Connection, table: Table) -> int:
    return tx.scalar(select(func.max(table.c.id))) or 0


_DIVIDED: dict[str, tuple[Table, _Work]] = {
    "events": (events, _drop_events),
    "payloads": (deliveries, _empty_payloads),
    "snapshots": (records, _empty_snapshots),
}


def _this_month(tx: Connection) -> str:
    """The latest month that was counted: its days are the basis of the forecast."""
    latest: str | None = tx.scalar(
        select(func.max(budgets.c.period)).where(func.length(budgets.c.period) < _DAY)
    )
    return latest or ""
