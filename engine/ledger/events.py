"""The story of each record: what happened, when, in which run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select

from engine.ledger.prepared import Prepared
from engine.ledger.rows import Event
from engine.ledger.tables import events
from engine.ledger.together import catch_up, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["FORM_ACCEPTED", "has", "note", "note_all", "of_record"]

FORM_ACCEPTED = "form accepted"
"""A human takes a record's form as it is."""

_NAMES = ("record_id", "delivery_id", "run", "at", "kind", "detail")
_INSERT = Prepared(
    lambda _: insert(events).values({name: bindparam(name, type_=events.c[name].type) for name in _NAMES})
)
_STORY = Prepared(
    lambda _: (
        select(events.c.at, events.c.kind, events.c.run, events.c.delivery_id, events.c.detail)
        .where(events.c.record_id == bindparam("record_id"))
        .order_by(events.c.id)
    )
)


def note(
    tx: Connection,
    record_id: int,
    kind: str,
    at: datetime,
    *,
    run: str | None = None,
    delivery_id: int | None = None,
    **detail: Any,
) -> None:
    """Add one event."""
    about = {"record_id": record_id, "delivery_id": delivery_id}
    row: dict[str, Any] = {**about, "run": run, "at": at, "kind": kind, "detail": detail}
    writes = waiting(tx)
    if writes is None:
        _write(tx, [row])
    else:
        writes.add(_write, row)


def note_all(
    tx: Connection,
    about: Iterable[tuple[int, int | None]],
    kind: str,
    at: datetime,
    *,
    run: str | None = None,
    **detail: Any,
) -> None:
    """Add the same event for many (record, delivery) pairs."""
    rows = [
        {"record_id": record, "delivery_id": delivery, "run": run, "at": at, "kind": kind, "detail": detail}
        for record, delivery in about
    ]
    if not rows:
        return
    writes = waiting(tx)
    if writes is None:
        _write(tx, rows)
        return
    for row in rows:
        writes.add(_write, row)


def _write(tx: Connection, rows: list[dict[str, Any]]) -> None:
    _INSERT.write(tx, rows)


def has(tx: Connection, delivery_id: int, record_id: int, kind: str) -> bool:
    """Whether a delivery has an event of a kind."""
    catch_up(tx)
    found = select(events.c.id).where(
        events.c.record_id == record_id, events.c.delivery_id == delivery_id, events.c.kind == kind
    )
    return tx.execute(found.limit(1)).one_or_none() is not None


def of_record(tx: Connection, record_id: int) -> list[Event]:
    """A record's events under all schemes, oldest first."""
    catch_up(tx)
    found = _STORY.rows(tx, {"record_id": record_id})
    return [Event(at, kind, run, delivery, detail or {}) for at, kind, run, delivery, detail in found]
