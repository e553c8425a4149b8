"""Which delivery was readied last with a content: an index by what records say.

Kept in the table of look-ups, whose primary key serves it; it is never forgotten by age.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.ledger import lookups

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["get", "put"]

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def get(tx: Connection, system: str, scheme: str, content: str) -> int | None:
    """The delivery, or None when there was none."""
    found = lookups.get(tx, system, f"{lookups.CONTENT}{scheme}", content, _EVER)
    return found if isinstance(found, int) else None


def put(tx: Connection, system: str, scheme: str, content: str, delivery: int, at: datetime) -> None:
    """Name the delivery that was readied last with this content."""
    lookups.put(tx, system, f"{lookups.CONTENT}{scheme}", content, delivery, at)
