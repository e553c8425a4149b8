"""Source records: who they are, what they said when last read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from engine.errors import FailureClass
from engine.ledger.events import FORM_ACCEPTED
from engine.ledger.prepared import Prepared, among, filled, roomy
from engine.ledger.rows import State
from engine.ledger.sql import insert_missing
from engine.ledger.tables import deliveries, events, records
from engine.ledger.together import catch_up, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

__all__ = ["Recent", "by_name", "keep_snapshot", "recent", "register", "snapshot"]

_PAGE, _PAGES = 200, 20
_SENT = (State.SENDING, State.DELIVERED, State.DONE, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Recent:
    """A record that a scheme has lately sent a document of, or `stopped` because its form was changed;
    `accepted`: a human took its form as it is."""

    source_id: str
    snapshot: dict[str, Any]
    stopped: bool
    accepted: bool


def register(tx: Connection, system: str, family: str, ids: Sequence[str], at: datetime) -> dict[str, int]:
    """Make sure that these records stand in the ledger; returns the row of each source id."""
    wanted = list(dict.fromkeys(ids))
    rows = [
        {"system": system, "family": family, "source_id": id, "first_seen": at, "final": False, "asked": 0}
        for id in wanted
    ]
    insert_missing(tx, records, rows, ["system", "family", "source_id"])
    if not wanted:
        return {}
    room = roomy(len(wanted))
    found = _rows_query(room).rows(tx, {"system": system, "family": family, **filled(wanted, room)})
    return dict(found)


@cache
def _rows_query(room: int) -> Prepared:
    return Prepared(
        lambda _: select(records.c.source_id, records.c.id).where(
            records.c.system == bindparam("system"),
            records.c.family == bindparam("family"),
            among(records.c.source_id, room),
        )
    )


def keep_snapshot(
    tx: Connection, record_id: int, snapshot: dict[str, Any], number: str | None, final: bool, at: datetime
) -> None:
    """Keep what a record said; once final, it is not read again unasked."""
    row = {"_id": record_id, "snapshot": snapshot, "number": number, "final": final, "last_asked": at}
    writes = waiting(tx)
    if writes is None:
        _write_snapshots(tx, [row])
    else:
        writes.add(_write_snapshots, row)


def _write_snapshots(tx: Connection, rows: list[dict[str, Any]]) -> None:
    _KEEP.write(tx, rows)


_KEEP = Prepared(
    lambda _: (
        update(records)
        .where(records.c.id == bindparam("_id"))
        .values(
            {
                name: bindparam(name, type_=records.c[name].type)
                for name in ("snapshot", "number", "final", "last_asked")
            }
        )
        .values(asked=records.c.asked + 1)
    )
)


def by_name(tx: Connection, system: str, family: str, name: str) -> tuple[str, dict[str, Any] | None] | None:
    """A record by its id or number: its id, and what it said when last read."""
    catch_up(tx)
    found = [  # one by one: an index serves each, and none serves both together
        row
        for column in (records.c.source_id, records.c.number)
        for row in tx.execute(
            select(records.c.id, records.c.source_id, records.c.snapshot)
            .where(records.c.system == system, records.c.family == family, column == name)
            .order_by(records.c.id)
            .limit(1)
        )
    ]
    row = min(found, key=lambda row: row.id, default=None)
    return None if row is None else (row.source_id, row.snapshot)


def snapshot(tx: Connection, record_id: int) -> dict[str, Any] | None:
    """What the record said when last read, or None when it never was."""
    catch_up(tx)
    kept: dict[str, Any] | None = _SNAPSHOT.scalar(tx, {"id": record_id})
    return kept


_SNAPSHOT = Prepared(lambda _: select(records.c.snapshot).where(records.c.id == bindparam("id")))


def recent(
    tx: Connection, system: str, family: str, scheme: str, target_system: str, most: int
) -> list[Recent]:
    """The records of a scheme whose documents were sent last, and those stopped last for their form: some of
    the latest listed, and some of the highest numbers, which tell the time where listings go backwards."""
    own = [
        deliveries.c.scheme == scheme,
        deliveries.c.target_system == target_system,
        deliveries.c.part == "",
        records.c.system == system,
        records.c.family == family,
        records.c.snapshot.is_not(None),
    ]
    ids = [*_latest(tx, own, most), *_highest(tx, system, family, scheme, target_system, most)]
    halted = dict.fromkeys(ids, False)
    stopped = tx.execute(_among_records().add_columns(records.c.number).where(*own, *_STOPPED)).all()
    for key in (lambda row: row.id, lambda row: row.number or ""):
        for row in sorted(stopped, key=key, reverse=True)[:most]:
            halted.setdefault(row.id, True)
    accepted = set(
        tx.execute(
            select(events.c.record_id).where(
                events.c.record_id.in_(list(halted)), events.c.kind == FORM_ACCEPTED
            )
        ).scalars()
    )
    rows = tx.execute(
        select(records.c.id, records.c.source_id, records.c.snapshot).where(records.c.id.in_(list(halted)))
    )
    return [Recent(row.source_id, row.snapshot, halted[row.id], row.id in accepted) for row in rows]


_STOPPED = deliveries.c.state == State.FAILED, deliveries.c.failure == str(FailureClass.FORM_CHANGED)


def _among_records() -> Select[Any]:
    return select(records.c.id).select_from(deliveries.join(records, deliveries.c.record_id == records.c.id))


def _latest(tx: Connection, own: Sequence[ColumnElement[bool]], most: int) -> list[int]:
    """The last that were listed, of each state the last: so an index gives them, without looking at all."""
    found: list[int] = []
    for state in _SENT:
        query = _among_records().where(*own, deliveries.c.state == state)
        found += tx.execute(query.order_by(deliveries.c.id.desc()).limit(most)).scalars()
    return sorted(found, reverse=True)[:most]


def _highest(
    tx: Connection, system: str, family: str, scheme: str, target_system: str, most: int
) -> list[int]:
    """Those with the highest numbers, as far as they are among the highest of their family."""
    found: list[int] = []
    numbered = select(records.c.id, records.c.number).where(
        records.c.system == system,
        records.c.family == family,
        records.c.number.is_not(None),
        records.c.snapshot.is_not(None),
    )
    page = numbered
    for _ in range(_PAGES):
        rows = tx.execute(page.order_by(records.c.number.desc()).limit(_PAGE)).all()
        ids = [row.id for row in rows]
        columns = (deliveries.c.record_id, deliveries.c.scheme, deliveries.c.target_system, deliveries.c.part)
        theirs = tx.execute(select(*columns, deliveries.c.state).where(deliveries.c.record_id.in_(ids)))
        sent = {row[0] for row in theirs if row[1:4] == (scheme, target_system, "") and row[4] in _SENT}
        found += [id for id in ids if id in sent]
        if len(found) >= most or len(rows) < _PAGE:
            break
        page = numbered.where(records.c.number < rows[-1].number)
    return found[:most]
