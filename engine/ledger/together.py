"""Writes that wait for one another, so that rows of the same kind go to the database as one.

Within ``with together(tx):`` moves of deliveries, events and snapshots are collected, and carried out at its
end, or before somebody reads such things. An error leaves all of it undone.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    Carry = Callable[[Connection, list[Any]], None]

__all__ = ["catch_up", "together", "waiting"]

_open: dict[Connection, Writes] = {}


class Writes:
    """What one transaction has still to write, by who carries it out."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._rows: dict[Carry, list[Any]] = defaultdict(list)
        self._moved: set[int] = set()

    def add(self, carry: Carry, row: Any) -> None:
        """Let a row wait for others that `carry` writes."""
        self._rows[carry].append(row)

    def about_to_move(self, delivery_id: int) -> None:
        """Carry out what waits if a move of this delivery is among it: moves of one follow each other."""
        if delivery_id in self._moved:
            self.carry_out()
        self._moved.add(delivery_id)

    def carry_out(self) -> None:
        """Write all that waits, in the order in which each kind was first met."""
        rows, self._rows, self._moved = self._rows, defaultdict(list), set()
        for carry, waiting in rows.items():
            carry(self._tx, waiting)


@contextmanager
def together(tx: Connection) -> Iterator[None]:
    """Let moves and events wait until the end of the block; within another one, until the end of that."""
    if tx in _open:
        yield
        return
    writes = _open[tx] = Writes(tx)
    try:
        yield
        writes.carry_out()
    finally:
        del _open[tx]


def waiting(tx: Connection) -> Writes | None:
    """Where writes of this transaction wait, if they do."""
    return _open.get(tx)


def catch_up(tx: Connection) -> None:
    """Carry out what waits: somebody is about to read it."""
    writes = _open.get(tx)
    if writes is not None:
        writes.carry_out()
