"""Deliveries: the state machine of each record under each scheme.

Every change of state goes through `move`, which compares before it sets: a process whose view is stale
changes nothing and is told so.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, and_, bindparam, func, select, update

from engine.errors import EngineError
from engine.language import tr
from engine.ledger import events
from engine.ledger.named import named
from engine.ledger.prepared import Prepared, among, filled, roomy
from engine.ledger.rows import Delivery, Fault, State
from engine.ledger.sql import insert_missing
from engine.ledger.tables import deliveries, records
from engine.ledger.together import catch_up, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select, Update

__all__ = [
    "NO_FAULT",
    "Stale",
    "alerts",
    "by_ids",
    "delivered_between",
    "find",
    "finish_called_back",
    "in_states",
    "keys_taken",
    "move",
    "register",
    "release_key",
    "standing",
    "tally",
    "touch",
]

NO_FAULT = Fault(reason="")
"""Clears what an earlier failure left."""

_OWN = [column for column in deliveries.c if column.name not in ("created_at", "updated_at")]
_RECORD = [
    records.c.system.label("source_system"),
    records.c.source_id,
    records.c.number,
    records.c.final,
    records.c.last_asked,
    records.c.asked,
]
_FAULT = ("failure", "reason", "field", "label", "path", "file", "line")
_TOLD = deliveries.alias("told")


class Stale(EngineError):
    """A delivery no longer stands where this process saw it: another one has taken it."""

    kind = "transient"
    exit_code = 1

    @classmethod
    def of(cls, delivery: Delivery) -> Stale:
        """The error that tells of this delivery."""
        name = delivery.number or delivery.source_id
        return cls(tr("another process has taken over '{record}'", record=name))


def register(
    tx: Connection,
    scheme: str,
    target_system: str,
    record_ids: Sequence[int],
    *,
    run: str,
    at: datetime,
    part: str = "",
    state: State = State.WAITING,
    parent_id: int | None = None,
    adopted: bool = False,
) -> set[int]:
    """Make sure that each record has its delivery under a scheme; returns the records that had none."""
    if not record_ids:
        return set()
    room = roomy(len(record_ids))
    of = {"scheme": scheme, "target_system": target_system, "part": part, **filled(record_ids, room)}
    known = {id for (id,) in _known_query(room).rows(tx, of)}
    fresh = [id for id in dict.fromkeys(record_ids) if id not in known]
    rows = [
        {
            "scheme": scheme,
            "target_system": target_system,
            "record_id": id,
            "part": part,
            "parent_id": parent_id,
            "state": state,
            "stage": "",
            "adopted": adopted,
            "attempts": 0,
            "fence": 0,
            "waiting_since": at,
            "touched_run": run,
            "created_at": at,
            "updated_at": at,
        }
        for id in fresh
    ]
    insert_missing(tx, deliveries, rows, ["scheme", "target_system", "record_id", "part"])
    return set(fresh)


@cache
def _known_query(room: int) -> Prepared:
    return Prepared(
        lambda _: select(deliveries.c.record_id).where(
            deliveries.c.scheme == bindparam("scheme"),
            deliveries.c.target_system == bindparam("target_system"),
            deliveries.c.part == bindparam("part"),
            among(deliveries.c.record_id, room),
        )
    )


def touch(tx: Connection, delivery_ids: Sequence[int], run: str) -> None:
    """Count these records as touched by a run."""
    _TOUCH.write(tx, [{"_id": id, "touched_run": run} for id in delivery_ids])


_TOUCH = Prepared(
    lambda _: (
        update(deliveries)
        .where(deliveries.c.id == bindparam("_id"))
        .values(touched_run=bindparam("touched_run"))
    )
)


def find(
    tx: Connection,
    scheme: str,
    target_system: str | None,
    *,
    record_ids: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    with_snapshot: bool = False,
) -> list[Delivery]:
    """Some records' deliveries under a scheme, by record row or by what people call them (id or number)."""
    if names is None and record_ids is not None and target_system is not None:
        return _find_rows(tx, scheme, target_system, record_ids, with_snapshot)
    where = [deliveries.c.scheme == scheme]
    if target_system is not None:
        where.append(deliveries.c.target_system == target_system)
    if record_ids is not None:
        where.append(deliveries.c.record_id.in_(record_ids))
    if names is not None:
        where.append(deliveries.c.record_id.in_(named(tx, names)))
    return _fetch(tx, _select(with_snapshot).where(*where).order_by(deliveries.c.id))


def _find_rows(
    tx: Connection, scheme: str, target_system: str, record_ids: Sequence[int], with_snapshot: bool
) -> list[Delivery]:
    if not record_ids:
        return []
    room = roomy(len(record_ids))
    of = {"scheme": scheme, "target_system": target_system, **filled(record_ids, room)}
    return _fetch_prepared(tx, _rows_query(room, with_snapshot), of)


@cache
def _rows_query(room: int, with_snapshot: bool) -> Prepared:
    return Prepared(
        lambda _: (
            _select(with_snapshot)
            .where(
                deliveries.c.scheme == bindparam("scheme"),
                deliveries.c.target_system == bindparam("target_system"),
                among(deliveries.c.record_id, room),
            )
            .order_by(deliveries.c.id)
        )
    )


def by_ids(tx: Connection, ids: Sequence[int], *, with_snapshot: bool = False) -> list[Delivery]:
    """Deliveries by their rows."""
    if not ids:
        return []
    room = roomy(len(ids))
    return _fetch_prepared(tx, _ids_query(room, with_snapshot), filled(ids, room))


@cache
def _ids_query(room: int, with_snapshot: bool) -> Prepared:
    return Prepared(
        lambda _: _select(with_snapshot).where(among(deliveries.c.id, room)).order_by(deliveries.c.id)
    )


def in_states(
    tx: Connection,
    scheme: str,
    target_system: str | None,
    states: Collection[State],
    *,
    failure: str | None = None,
    source_system: str | None = None,
    untouched_by: str | None = None,
    after: int = 0,
    limit: int | None = 200,
    with_snapshot: bool = False,
) -> list[Delivery]:
    """A page of a scheme's deliveries in some states, by row; `after` is the last row of the page before.

    `untouched_by` leaves out what this run has had in its hands.
    """
    given = {
        "target_system": target_system,
        "failure": failure,
        "source_system": source_system,
        "untouched_by": untouched_by,
        "limit": limit,
    }
    narrowed = {name: value for name, value in given.items() if value is not None}
    query = _states_query(frozenset(narrowed), with_snapshot)
    return _fetch(tx, query, {"scheme": scheme, "states": list(states), "after": after, **narrowed})


def alerts(
    tx: Connection, scheme: str, target_system: str | None, *, failure: str | None = None
) -> list[Delivery]:
    """A scheme's delivered records against which something stands."""
    where = [deliveries.c.scheme == scheme, deliveries.c.state.in_([State.DELIVERED, State.DONE])]
    if target_system is not None:
        where.append(deliveries.c.target_system == target_system)
    stands = deliveries.c.failure.is_not(None) if failure is None else deliveries.c.failure == failure
    return _fetch(tx, _select(False).where(*where, stands).order_by(deliveries.c.id))


def delivered_between(
    tx: Connection,
    scheme: str,
    target_system: str,
    since: datetime,
    until: datetime,
    *,
    after: int = 0,
    limit: int = 200,
) -> list[Delivery]:
    """A page of a scheme's deliveries that have a document of their own in the target since then, by row."""
    return _fetch(
        tx,
        _select(False)
        .where(
            deliveries.c.scheme == scheme,
            deliveries.c.target_system == target_system,
            deliveries.c.state.in_([State.DELIVERED, State.DONE]),
            deliveries.c.key.is_not(None),
            deliveries.c.target_id.is_not(None),
            deliveries.c.delivered_at >= since,
            deliveries.c.delivered_at <= until,
            deliveries.c.id > after,
        )
        .order_by(deliveries.c.id)
        .limit(limit),
    )


@cache
def _states_query(narrowed: frozenset[str], with_snapshot: bool) -> Select[Any]:
    """The query of `in_states`, built once for each set of what narrows it: no other is asked as often."""
    conditions = {
        "target_system": deliveries.c.target_system == bindparam("target_system"),
        "failure": deliveries.c.failure == bindparam("failure"),
        "source_system": records.c.system == bindparam("source_system"),
        "untouched_by": func.coalesce(deliveries.c.touched_run, "") != bindparam("untouched_by"),
    }
    query = _select(with_snapshot).where(
        deliveries.c.scheme == bindparam("scheme"),
        deliveries.c.state.in_(bindparam("states", expanding=True)),
        deliveries.c.id > bindparam("after"),
        *(condition for name, condition in conditions.items() if name in narrowed),
    )
    query = query.order_by(deliveries.c.id)
    return query.limit(bindparam("limit", type_=Integer)) if "limit" in narrowed else query


def move(
    tx: Connection,
    delivery: Delivery,
    to: State,
    *,
    run: str,
    at: datetime,
    fault: Fault | None = None,
    expect: Collection[State] | None = None,
    event: str | None = None,
    detail: dict[str, Any] | None = None,
    **values: Any,
) -> bool:
    """Bring a delivery to a state, if it still stands where the caller saw it; False when it does not.

    `fault` replaces the kept fault (NO_FAULT clears it); `values` are further columns. Where writes wait for
    one another (`together`), True says nothing yet: Stale is raised at the end instead.
    """
    values["updated_at"] = at
    # What stays as it is is not written: that is most of what most moves would write, and much of it indexed.
    if fault is not None and not (fault is NO_FAULT and delivery.fault is None and expect is None):
        values |= {
            "failure": fault.failure,
            "reason": fault.reason or None,
            "field": fault.field,
            "label": fault.label,
            "path": fault.path,
            "file": fault.file,
            "line": fault.line,
        }
    if to is not delivery.state or expect is not None:
        values["state"] = to
    if run != delivery.touched_run:
        values["touched_run"] = run
    writes = waiting(tx) if expect is None else None
    if writes is not None:
        writes.about_to_move(delivery.id)
        writes.add(_carry_moves(frozenset(values)), (delivery, values))
        moved = True
    elif expect is None:
        moved = _move_all(tx, frozenset(values), [(delivery, values)]) == 1
    else:
        moved = _move_from(tx, delivery, expect, values)
    if moved and event:
        events.note(tx, delivery.record_id, event, at, run=run, delivery_id=delivery.id, **(detail or {}))
    return moved


def _move_from(
    tx: Connection, delivery: Delivery, expect: Collection[State], values: Mapping[str, Any]
) -> bool:
    done = tx.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery.id,
            deliveries.c.state.in_(expect),
            deliveries.c.fence == delivery.fence,
        )
        .values(**values)
    )
    return done.rowcount == 1


Move = tuple[Delivery, "dict[str, Any]"]


@cache
def _carry_moves(names: frozenset[str]) -> Callable[[Connection, list[Move]], None]:
    """Writes the moves that set these columns, all or none."""

    def carry(tx: Connection, moves: list[Move]) -> None:
        if _move_all(tx, names, moves) != len(moves):
            raise Stale.of(_overtaken(tx, moves))

    return carry


def _move_all(tx: Connection, names: frozenset[str], moves: Sequence[Move]) -> int:
    """Carry out moves that set the same columns; how many deliveries stood where they were seen."""
    rows = [
        {"_id": delivery.id, "_state": delivery.state, "_fence": delivery.fence, **values}
        for delivery, values in moves
    ]
    return _move_statement(names).write(tx, rows)


@cache
def _move_statement(names: frozenset[str]) -> Prepared:
    """The statement of a move, made once for each set of columns: no other is carried out as often."""
    return Prepared(lambda _: _move(names))


def _move(names: frozenset[str]) -> Update:
    return (
        update(deliveries)
        .where(
            deliveries.c.id == bindparam("_id"),
            deliveries.c.state == bindparam("_state"),
            deliveries.c.fence == bindparam("_fence"),
        )
        .values({name: bindparam(name, type_=deliveries.c[name].type) for name in sorted(names)})
    )


def _overtaken(tx: Connection, moves: Sequence[Move]) -> Delivery:
    """The first of the moves that found its delivery elsewhere."""
    stand = {
        row.id: (row.state, row.fence)
        for row in tx.execute(
            select(deliveries.c.id, deliveries.c.state, deliveries.c.fence).where(
                deliveries.c.id.in_([delivery.id for delivery, _ in moves])
            )
        )
    }
    for delivery, values in moves:
        now = values.get("state", delivery.state), values.get("fence", delivery.fence)
        if stand.get(delivery.id) != now:
            return delivery
    return moves[0][0]


def keys_taken(
    tx: Connection, target_system: str, form: str | None, keys: Iterable[str]
) -> dict[str, Delivery]:
    """Which deliveries hold these idempotency keys, under any scheme."""
    wanted = list(keys)
    if not wanted:
        return {}
    room = roomy(len(wanted))
    asked = {"target_system": target_system, "form": form or "", **filled(wanted, room)}
    found = _fetch_prepared(tx, _keys_query(room), asked)
    return {delivery.key: delivery for delivery in found if delivery.key is not None}


@cache
def _keys_query(room: int) -> Prepared:
    return Prepared(
        lambda _: _select(False).where(
            deliveries.c.target_system == bindparam("target_system"),
            deliveries.c.form == bindparam("form"),
            among(deliveries.c.key, room),
        )
    )


def release_key(tx: Connection, delivery: Delivery) -> None:
    """Take the key from a delivery that the target clearly refused, so that another scheme may use it."""
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id, deliveries.c.state.in_([State.FAILED, State.SKIPPED]))
        .values(key=None)
    )


def tally(
    tx: Connection,
    scheme: str,
    target_system: str,
    *,
    run: str | None = None,
    source_system: str | None = None,
    states: Collection[State] | None = None,
) -> dict[tuple[str, str | None, bool, bool, bool], int]:
    """How many deliveries stand where.

    The key is (state, failure, delivered in `run`, adopted, ever read); only records that `run` touched are
    counted when it is given.
    """
    here = func.coalesce(deliveries.c.delivered_run, "") == (run or "")
    was_read = records.c.asked > 0
    where = [deliveries.c.scheme == scheme, deliveries.c.target_system == target_system]
    if run is not None:  # by the index of what a run touched: that of its scheme's states leads to far more
        where = [deliveries.c.scheme + "" == scheme, deliveries.c.target_system + "" == target_system]
        where.append(deliveries.c.touched_run == run)
    if source_system is not None:
        where.append(records.c.system == source_system)
    if states is not None:
        where.append(deliveries.c.state.in_(states))
    columns = (deliveries.c.state, deliveries.c.failure, here, deliveries.c.adopted, was_read)
    found = tx.execute(
        select(*columns, func.count())
        .select_from(deliveries.join(records, records.c.id == deliveries.c.record_id))
        .where(and_(*where))
        .group_by(*columns)
    )
    return {(row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4])): row[5] for row in found}


def standing(tx: Connection, scheme: str, target_system: str) -> tuple[int, int]:
    """How many deliveries of a scheme are open failures, and against how many delivered ones something
    stands."""
    mine = deliveries.c.scheme == scheme, deliveries.c.target_system == target_system
    open_ = select(func.count()).where(*mine, deliveries.c.state.in_([State.FAILED, State.UNKNOWN]))
    faulty = (  # by state, and not for some states: so an index of the few that have a fault serves it
        select(deliveries.c.state, func.count())
        .where(*mine, deliveries.c.failure.is_not(None))
        .group_by(deliveries.c.state)
    )
    found = {row[0]: row[1] for row in tx.execute(faulty)}
    alerts = found.get(State.DELIVERED, 0) + found.get(State.DONE, 0)
    return tx.scalar(open_) or 0, alerts


def finish_called_back(tx: Connection, scheme: str, target_system: str, *, at: datetime) -> int:
    """Call those deliveries done whose callbacks on delivery are all done; how many there were."""
    open_ = (
        select(_TOLD.c.id)
        .where(
            _TOLD.c.parent_id == deliveries.c.id,
            _TOLD.c.part == "delivered",
            _TOLD.c.state.not_in([State.DONE, State.SKIPPED]),
        )
        .exists()
    )
    changed = tx.execute(
        update(deliveries)
        .where(
            deliveries.c.scheme == scheme,
            deliveries.c.target_system == target_system,
            deliveries.c.state == State.DELIVERED,
            ~open_,
        )
        .values(state=State.DONE, updated_at=at)
    )
    return changed.rowcount


_NAMES = [column.name for column in (*_OWN, *_RECORD, records.c.snapshot)]


def _select(with_snapshot: bool) -> Select[Any]:
    columns = [*_OWN, *_RECORD, *([records.c.snapshot] if with_snapshot else [])]
    return select(*columns).select_from(deliveries.join(records, records.c.id == deliveries.c.record_id))


def _fetch(tx: Connection, query: Select[Any], values: Mapping[str, Any] | None = None) -> list[Delivery]:
    catch_up(tx)
    return [_delivery(row) for row in tx.execute(query, values)]


def _fetch_prepared(tx: Connection, query: Prepared, values: Mapping[str, Any]) -> list[Delivery]:
    catch_up(tx)
    return [_delivery(row) for row in query.rows(tx, values)]


def _delivery(row: Sequence[Any]) -> Delivery:
    values = dict(zip(_NAMES, row, strict=False))
    values.setdefault("snapshot", None)
    parts = {name: values.pop(name) for name in _FAULT}
    has_fault = parts["reason"] or parts["failure"]
    values["fault"] = Fault(**{**parts, "reason": parts["reason"] or ""}) if has_fault else None
    return Delivery.of(values)
