"""What a system answered to look-ups, kept so that a key is asked for once within a table's `keep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from engine.ledger.prepared import Prepared
from engine.ledger.sql import insertion
from engine.ledger.tables import lookups

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["CONTENT", "forget", "get", "put"]

CONTENT = "content:"
"""Begins the interface of what is no answer but an index (`engine.ledger.contents`), and is not forgotten."""

_LONGEST_KEY = 300
_KEYS = ("system", "interface", "key")

_KEPT = Prepared(
    lambda _: select(lookups.c.value).where(
        *(lookups.c[name] == bindparam(name) for name in _KEYS), lookups.c.at >= bindparam("not_before")
    )
)
_PUT = Prepared(
    lambda dialect: insertion(dialect, lookups, (*_KEYS, "value", "at")).on_conflict_do_update(
        index_elements=list(_KEYS), set_={name: bindparam(name) for name in ("value", "at")}
    )
)


def get(tx: Connection, system: str, interface: str, key: str, not_before: datetime) -> Any:
    """The answer kept for a key, if it was given at `not_before` or later; else None. No miss is kept."""
    asked = {"system": system, "interface": interface, "key": key, "not_before": not_before}
    return _KEPT.scalar(tx, asked)


def put(tx: Connection, system: str, interface: str, key: str, value: Any, at: datetime) -> None:
    """Keep an answer (any JSON value but null). A key longer than any id is not kept."""
    if len(key) > _LONGEST_KEY:
        return
    _PUT.write(tx, [{"system": system, "interface": interface, "key": key, "value": value, "at": at}])


def forget(tx: Connection, before: datetime) -> int:
    """Drop answers older than `before`; how many."""
    old = delete(lookups).where(lookups.c.at < before, lookups.c.interface.not_like(f"{CONTENT}%"))
    return tx.execute(old).rowcount
