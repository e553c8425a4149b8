"""What a system answered to look-ups, kept so that a key is asked for once within a table's `keep`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, delete, select, update

from engine.ledger.sql import insert_missing
from engine.ledger.tables import lookups

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

__all__ = ["CONTENT", "forget", "get", "put"]

CONTENT = "content:"
"""Begins the interface of what is no answer but an index (`engine.ledger.contents`), and is not forgotten."""

_LONGEST_KEY = 300


def get(tx: Connection, system: str, interface: str, key: str, not_before: datetime) -> Any:
    """The answer kept for a key, if it was given at `not_before` or later; else None. No miss is kept."""
    asked = {"system": system, "interface": interface, "key": key, "not_before": not_before}
    return tx.execute(_kept_query(), asked).scalar()


@cache
def _kept_query() -> Select[Any]:
    names = ("system", "interface", "key")
    return select(lookups.c.value).where(
        *(lookups.c[name] == bindparam(name) for name in names), lookups.c.at >= bindparam("not_before")
    )


def put(tx: Connection, system: str, interface: str, key: str, value: Any, at: datetime) -> None:
    """Keep an answer (any JSON value but null). A key longer than any id is not kept."""
    if len(key) > _LONGEST_KEY:
        return
    row = {"system": system, "interface": interface, "key": key, "value": value, "at": at}
    if not insert_missing(tx, lookups, [row], ["system", "interface", "key"]):
        tx.execute(update(lookups).where(*_of(system, interface, key)).values(value=value, at=at))


def forget(tx: Connection, before: datetime) -> int:
    """Drop answers older than `before`; how many."""
    old = delete(lookups).where(lookups.c.at < before, lookups.c.interface.not_like(f"{CONTENT}%"))
    return tx.execute(old).rowcount


def _of(system: str, interface: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return lookups.c.system == system, lookups.c.interface == interface, lookups.c.key == key
