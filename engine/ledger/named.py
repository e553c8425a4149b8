"""Which rows bear a name that a person gives: found by indexes, however much the ledger has grown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, and_, or_, select

from engine.ledger.tables import deliveries, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["billed", "named"]


def named(tx: Connection, names: Sequence[str]) -> list[int]:
    """The records, of any system, with one of these ids or numbers."""
    if not names:
        return []
    of = _pairs(tx, records.c.system, records.c.family)
    theirs = [
        and_(_is(records.c.system, records.c.family, pair), records.c.source_id.in_(names)) for pair in of
    ]
    numbered = select(records.c.id).where(records.c.number.in_(names))
    found = set(tx.execute(numbered).scalars())
    if theirs:
        found |= set(tx.execute(select(records.c.id).where(or_(*theirs))).scalars())
    return sorted(found)


def billed(tx: Connection, name: str) -> list[int]:
    """The deliveries whose document has this number or key in its target."""
    of = _pairs(tx, deliveries.c.target_system, deliveries.c.form)
    keyed = [
        and_(_is(deliveries.c.target_system, deliveries.c.form, pair), deliveries.c.key == name)
        for pair in of
    ]
    found = set(tx.execute(select(deliveries.c.id).where(deliveries.c.target_number == name)).scalars())
    if keyed:
        found |= set(tx.execute(select(deliveries.c.id).where(or_(*keyed))).scalars())
    return sorted(found)


def _pairs(tx: Connection, first: Column[Any], second: Column[Any]) -> list[tuple[str, str]]:
    """The few pairs that begin an index, from one to the next through it."""
    found: list[tuple[str, str]] = []
    query = select(first, second).where(second.is_not(None)).order_by(first, second).limit(1)
    row = tx.execute(query).one_or_none()
    while row is not None:
        found.append((row[0], row[1]))
        beside = query.where(first == row[0], second > row[1])
        row = tx.execute(beside).one_or_none() or tx.execute(query.where(first > row[0])).one_or_none()
    return found


def _is(first: Column[Any], second: Column[Any], pair: tuple[str, str]) -> Any:
    return and_(first == pair[0], second == pair[1])
