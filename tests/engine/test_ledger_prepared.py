"""Statements compiled once: they take and give the same values as SQLAlchemy's own, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from engine.ledger.prepared import Prepared, among, filled, roomy
from engine.ledger.tables import lookups

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOON = datetime(2026, 11, 24, 4, 0, 0, 123456, tzinfo=UTC)
NAMES = ("system", "interface", "key", "value", "at")
INSERT = Prepared(
    lambda _: insert(lookups).values({name: bindparam(name, type_=lookups.c[name].type) for name in NAMES})
)
BY_KEY = Prepared(
    lambda _: select(lookups.c.key, lookups.c.value, lookups.c.at).where(
        lookups.c.system == "s", lookups.c.key == bindparam("wanted")
    )
)


def row(key: str, value: Any = None) -> dict[str, Any]:
    return {"system": "s", "interface": "i", "key": key, "value": value or {"名": key}, "at": NOON}


def test_values_go_in_and_come_out_as_through_sqlalchemy(database: Engine) -> None:
    given = {"金额": Decimal("0.10"), "b": [1, None, "100 %"]}
    with database.begin() as tx:
        assert INSERT.write(tx, [row("a", given), row("b")]) == 2
        (by_hand,) = tx.execute(select(lookups.c.key, lookups.c.value, lookups.c.at).limit(1))
        assert BY_KEY.rows(tx, {"wanted": "a"}) == [tuple(by_hand)] == [("a", given, NOON)]
        assert BY_KEY.scalar(tx, {"wanted": "b"}) == "b"
        assert BY_KEY.scalar(tx, {"wanted": "c"}) is None
        assert INSERT.write(tx, []) == 0


def test_an_error_is_what_sqlalchemy_makes_of_it(database: Engine) -> None:
    with database.begin() as tx:
        INSERT.write(tx, [row("a")])
    with pytest.raises(IntegrityError), database.begin() as tx:
        INSERT.write(tx, [row("b"), row("a")])
    with database.begin() as tx:
        assert tx.scalars(select(lookups.c.key)).all() == ["a"]


@pytest.mark.parametrize("number", [1, 3, 20, 21, 1001])
def test_a_list_of_values_finds_each_once(number: int, database: Engine) -> None:
    wanted = [f"k{place:04}" for place in range(number)]
    room = roomy(number)
    assert number <= room
    query = Prepared(lambda _: select(lookups.c.key).where(among(lookups.c.key, room)))
    with database.begin() as tx:
        INSERT.write(tx, [row(key) for key in [*wanted, "other"]])
        assert sorted(key for (key,) in query.rows(tx, filled(wanted, room))) == wanted
