"""The records that a ledger holds, whatever scheme they came by: to try a changed scheme on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from engine.ledger.tables import records
from engine.ledger.together import catch_up

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Stored", "latest"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was last read."""

    source_id: str
    number: str | None
    snapshot: dict[str, Any]


def latest(tx: Connection, system: str, family: str, most: int) -> list[Stored]:
    """The records of a source that were listed last and have been read, newest first."""
    catch_up(tx)
    rows = tx.execute(
        select(records.c.source_id, records.c.number, records.c.snapshot)
        .where(records.c.system == system, records.c.family == family, records.c.snapshot.is_not(None))
        .order_by(records.c.id.desc())
        .limit(most)
    )
    return [Stored(row.source_id, row.number, row.snapshot) for row in rows]
