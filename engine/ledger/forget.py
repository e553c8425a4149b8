"""Forgetting what was kept of a system that has begun anew: only for simulators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select

from engine.ledger.tables import budgets, deliveries, events, lookups, pacing, records, spans, watermarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["forget_systems"]


def forget_systems(tx: Connection, systems: Sequence[str]) -> int:
    """Forget the records, deliveries, watermarks and counts of these systems; how many records there were.

    Runs stay: they are history, and hold nothing that a later run would build on.
    """
    if not systems:
        return 0
    own = [records.c.system.in_(systems)]
    own += [records.c.system.like(f"callback:%@{system}") for system in systems]
    ids = select(records.c.id).where(or_(*own))
    tx.execute(delete(events).where(events.c.record_id.in_(ids)))
    told = deliveries.alias("parents")
    theirs = or_(deliveries.c.record_id.in_(ids), deliveries.c.target_system.in_(systems))
    parents = select(told.c.id).where(or_(told.c.record_id.in_(ids), told.c.target_system.in_(systems)))
    tx.execute(delete(events).where(events.c.delivery_id.in_(select(deliveries.c.id).where(theirs))))
    tx.execute(delete(deliveries).where(deliveries.c.parent_id.in_(parents)))
    tx.execute(delete(deliveries).where(theirs))
    orphans = ~select(deliveries.c.id).where(deliveries.c.record_id == records.c.id).exists()
    forgotten = tx.execute(delete(records).where(or_(*own), orphans)).rowcount
    for table in (budgets, pacing, lookups):
        tx.execute(delete(table).where(table.c.system.in_(systems)))
    for key, about in tx.execute(select(watermarks.c.key, watermarks.c.about)).all():
        if about.get("system") in systems:
            tx.execute(delete(spans).where(spans.c.watermark == key))
            tx.execute(delete(watermarks).where(watermarks.c.key == key))
    return forgotten
