"""The records that a ledger holds, whatever scheme they came by: to try a changed scheme on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select

from engine.ledger.tables import deliveries, records
from engine.ledger.together import catch_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

__all__ = ["Stored", "latest"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was last read."""

    source_id: str
    number: str | None
    snapshot: dict[str, Any]


def latest(tx: Connection, system: str, family: str, most: int, schemes: Sequence[str] = ()) -> list[Stored]:
    """The records of a source that were listed last and have been read, newest first.

    Those that one of `schemes` has listed; where none has listed any yet, all of the source's.
    """
    catch_up(tx)
    read = records.c.system == system, records.c.family == family, records.c.snapshot.is_not(None)
    own = exists().where(deliveries.c.record_id == records.c.id, deliveries.c.scheme.in_(list(schemes)))
    return (_found(tx, most, *read, own) if schemes else []) or _found(tx, most, *read)


def _found(tx: Connection, most: int, *where: ColumnElement[bool]) -> list[Stored]:
    rows = tx.execute(
        select(records.c.source_id, records.c.number, records.c.snapshot)
        .where(*where)
        .order_by(records.c.id.desc())
        .limit(most)
    )
    return [Stored(row.source_id, row.number, row.snapshot) for row in rows]
