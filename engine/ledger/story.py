"""Finding all that the ledger knows of something that a person names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from engine.ledger import deliveries
from engine.ledger.named import billed, named
from engine.ledger.tables import deliveries as delivery_table
from engine.ledger.tables import records, watermarks

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from engine.ledger.rows import Delivery

__all__ = ["called_back", "names", "under_all_schemes", "watermarks_of"]


def under_all_schemes(tx: Connection, name: str) -> list[Delivery]:
    """The deliveries of a record, by its id or number or by its bill's number, under all schemes."""
    theirs = select(delivery_table.c.id).where(delivery_table.c.record_id.in_(named(tx, [name])))
    ids = {*tx.execute(theirs).scalars(), *billed(tx, name)}
    return deliveries.by_ids(tx, sorted(ids)[:100])


def called_back(tx: Connection, delivery_id: int) -> list[Delivery]:
    """The callbacks that tell of a delivery."""
    found = tx.execute(select(delivery_table.c.id).where(delivery_table.c.parent_id == delivery_id))
    return deliveries.by_ids(tx, list(found.scalars()))


def watermarks_of(tx: Connection, scheme: str | None) -> list[tuple[str, dict[str, object], datetime]]:
    """Up to where each listing has been read: its key, what it is about, and the mark."""
    found = tx.execute(select(watermarks.c.key, watermarks.c.about, watermarks.c.mark))
    return [(key, about, mark) for key, about, mark in found if scheme in (None, about.get("scheme"))]


def names(tx: Connection, limit: int = 2000) -> list[str]:
    """The numbers of the records that were met last, to tell what a mistyped one may have meant."""
    found = tx.execute(
        select(records.c.number)
        .where(records.c.number.is_not(None))
        .order_by(records.c.id.desc())
        .limit(limit)
    )
    return list(dict.fromkeys(found.scalars()))
