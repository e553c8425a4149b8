"""What a system answered to look-ups, kept so that a key is asked for once within a table's `keep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from engine.ledger.prepared import Prepared
from engine.ledger.sql import insert_missing
from engine.ledger.tables import lookups

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

__all__ = ["CONTENT", "forget", "get", "put"]

CONTENT = "content:"
"""Begins the interface of what is no answer but an index (`engine.ledger.contents`), and is not forgotten."""

_LONGEST_KEY = 300
_KEYS = ("system", "interface", "key")


def _named() -> list[ColumnElement[bool]]:
    return [lookups.c[name] == bindparam(f"_{name}", type_=lookups.c[name].type) for name in _KEYS]


_KEPT = Prepared(
    lambda _: select(lookups.c.value).where(
        *_named(), lookups.c.at >= bindparam("not_before", type_=lookups.c.at.type)
    )
)
_REPLACE = Prepared(
    lambda _: (
        update(lookups)
        .where(*_named())
        .values({name: bindparam(name, type_=lookups.c[name].type) for name in ("value", "at")})
    )
)


def get(tx: Connection, system: str, interface: str, key: str, not_before: datetime) -> Any:
    """The answer kept for a key, if it was given at `not_before` or later; else None. No miss is kept."""
    asked = {"_system": system, "_interface": interface, "_key": key, "not_before": not_before}
    return _KEPT.scalar(tx, asked)


def put(tx: Connection, system: str, interface: str, key: str, value: Any, at: datetime) -> None:
    """Keep an answer (any JSON value but null). A key longer than any id is not kept."""
    if len(key) > _LONGEST_KEY:
        return
    row = {"system": system, "interface": interface, "key": key, "value": value, "at": at}
    if not insert_missing(tx, lookups, [row], _KEYS):
        named = {"_system": system, "_interface": interface, "_key": key}
        _REPLACE.write(tx, [{**named, "value": value, "at": at}])


def forget(tx: Connection, before: datetime) -> int:
    """Drop answers older than `before`; how many."""
    old = delete(lookups).where(lookups.c.at < before, lookups.c.interface.not_like(f"{CONTENT}%"))
    return tx.execute(old).rowcount
