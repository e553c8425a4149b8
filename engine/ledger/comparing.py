"""What a comparison of both sides asks of the ledger, and keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from engine.ledger.rows import Event
from engine.ledger.tables import deliveries, events, records

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["Known", "holders", "ids", "known", "latest", "named", "pruned"]

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Known:
    """A record that the ledger has: its row, and what it said when last read."""

    row: int
    number: str | None
    snapshot: dict[str, Any] | None
    final: bool


def known(tx: Connection, system: str, family: str, source_ids: Sequence[str]) -> dict[str, Known]:
    """Those of some records that the ledger has, by their ids."""
    found = tx.execute(
        select(
            records.c.source_id, records.c.id, records.c.number, records.c.snapshot, records.c.final
        ).where(records.c.system == system, records.c.family == family, records.c.source_id.in_(source_ids))
    )
    return {row.source_id: Known(row.id, row.number, row.snapshot, row.final) for row in found}


def ids(tx: Connection, system: str, family: str) -> list[tuple[str, bool, bool]]:
    """The id of every record of a family, whether it is final, and whether what it said is kept: it may
    have been pruned."""
    kept = records.c.snapshot.is_not(None).label("kept")
    found = tx.execute(
        select(records.c.source_id, records.c.final, kept).where(
            records.c.system == system, records.c.family == family
        )
    )
    return [(row.source_id, row.final, row.kept) for row in found]


def pruned(tx: Connection, scheme: str, target_system: str, since: datetime, until: datetime) -> list[str]:
    """The ids of the records that a scheme delivered in since ≤ t < until, and of which only that is kept."""
    return list(
        tx.scalars(
            select(records.c.source_id)
            .select_from(deliveries.join(records, records.c.id == deliveries.c.record_id))
            .where(
                deliveries.c.scheme == scheme,
                deliveries.c.target_system == target_system,
                deliveries.c.delivered_at >= since,
                deliveries.c.delivered_at < until,
                records.c.snapshot.is_(None),
            )
            .distinct()
        )
    )


def latest(tx: Connection, record_ids: Sequence[int], kinds: Collection[str]) -> dict[int, list[Event]]:
    """The last events of some kinds, for each record that has any: one of each kind and delivery, oldest
    first."""
    found: dict[int, list[Event]] = {}
    for start in range(0, len(record_ids), _AT_ONCE):
        some = record_ids[start : start + _AT_ONCE]
        last = (
            select(func.max(events.c.id))
            .where(events.c.record_id.in_(some), events.c.kind.in_(kinds))
            .group_by(events.c.record_id, events.c.delivery_id, events.c.kind)
        )
        for row in tx.execute(select(events).where(events.c.id.in_(last)).order_by(events.c.id)):
            event = Event(row.at, row.kind, row.run, row.delivery_id, row.detail or {})
            found.setdefault(row.record_id, []).append(event)
    return found


def holders(tx: Connection, target_system: str, form: str, target_id: str) -> list[int]:
    """The deliveries, under any scheme, whose document in the target is this one."""
    return list(
        tx.scalars(
            select(deliveries.c.id).where(
                deliveries.c.target_system == target_system,
                deliveries.c.form == form,
                deliveries.c.target_id == target_id,
            )
        )
    )


def named(tx: Connection, name: str, kind: str) -> list[tuple[int, Event]]:
    """The events of one kind of all records that bear this id or number, oldest first."""
    found = tx.execute(
        select(events)
        .select_from(events.join(records, records.c.id == events.c.record_id))
        .where(or_(records.c.source_id == name, records.c.number == name), events.c.kind == kind)
        .order_by(events.c.id)
    )
    return [
        (row.record_id, Event(row.at, row.kind, row.run, row.delivery_id, row.detail or {})) for row in found
    ]
