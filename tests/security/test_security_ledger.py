"""A ledger whose rows somebody or something has changed: said in words, never paid twice, never lost.

Each column that a run reads is spoilt in all rows at once, in a ledger that holds paid, unclear, failed and
waiting records; then the commands are used, the column is put right as from a backup, and all is brought to
its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import create_engine, text

INSIDE = re.compile(r"Traceback|engine itself|0x[0-9a-f]{8}|object at |sqlalchemy|sqlite3|psycopg\.")
COMMANDS = (
    *(("run", "expense_to_paybill"), ("records", "list", "expense_to_paybill"), ("runs", "list")),
    *(("records", "retry", "expense_to_paybill", "--failed"), ("ledger", "status")),
    *(("reconcile", "expense_to_paybill", "--since", "-9d"), ("run", "expense_to_paybill")),
)
FAR = 9 * 10**18
SPOILT: tuple[tuple[str, str, Any], ...] = (
    ("deliveries", "payload", "{"),
    ("deliveries", "payload", "[7]"),
    ("deliveries", "payload", '{"FBillNo": 7}'),
    ("deliveries", "payload", '{"FBillNo": "DD0", "FPAYBILLENTRY": "none"}'),
    ("deliveries", "intent", "[]"),
    ("deliveries", "intent", '{"until": 3}'),
    ("deliveries", "intent", '{"key_field": ["FBillNo"], "options": 7}'),
    ("deliveries", "state", "bogus"),
    ("deliveries", "failure", "bogus"),
    ("deliveries", "amount", "x"),
    ("deliveries", "stage", "dance"),
    ("deliveries", "form", "NO_SUCH_FORM"),
    ("deliveries", "target_id", "'; DROP"),
    ("deliveries", "sent_at", FAR),
    ("deliveries", "ask_after", -FAR),
    ("deliveries", "fence", -1),
    ("records", "snapshot", "{"),
    ("records", "snapshot", "[1, 2]"),
    ("records", "snapshot", '{"extend": null}'),
    ("records", "number", "\x1b[2J=HYPERLINK(1)"),
    ("records", "last_asked", FAR),
    ("events", "detail", "["),
    ("events", "detail", "7"),
    ("events", "kind", "bogus"),
    ("lookups", "value", "{"),
    ("lookups", "value", "[null]"),
    ("runs", "result", "[]"),
    ("watermarks", "mark", FAR),
    ("budgets", "calls", -5),
    ("leases", "until", FAR),
)
NAMED = {f"{table}.{column} {value!r}"[:60]: (table, column, value) for table, column, value in SPOILT}

pytestmark = pytest.mark.usefixtures("hurried")


def _told(world: Any, *arguments: str) -> Any:
    result = world.engine(*arguments, "--json")
    assert result.code in (0, 1, 2, 3), result
    assert not INSIDE.search(result.out + result.err), result
    return result


def _storm(world: Any) -> list[Any]:
    """Claims that are paid, unclear, failed and waiting; those that are due."""
    world.connect(settle="1s")
    paid = world.claims(2, days_ago=0.3)
    _told(world, "run", "expense_to_paybill")

    def unclear(system: str, path: str, response: Any) -> Any:
        return web.Response(text="<html>busy</html>") if path.endswith("BatchSave.common.kdsvc") else response

    world.spoil = unclear
    unknown = world.claims(2, days_ago=0.2)
    failed = world.claim("55.00", userid="nobody", days_ago=0.2)
    world.claim("66.00", status="RUNNING", result="", days_ago=0.2)
    _told(world, "run", "expense_to_paybill", "--settle-wait", "0")
    world.spoil = lambda system, path, response: response
    world.employ("nobody", "E0099")
    assert {row["state"] for row in world.listed()} == {"done", "unknown", "failed", "waiting"}
    return [*paid, *unknown, failed]


def _with(url: str, work: Callable[[Any], Any]) -> Any:
    made = create_engine(url)
    try:
        with made.begin() as connection:
            return work(connection)
    finally:
        made.dispose()


def _spoil(url: str, table: str, column: str, value: Any) -> dict[Any, Any]:
    """Set a column in all rows; what they held, by their primary keys."""

    def work(connection: Any) -> dict[Any, Any]:
        keys = [found.name for found in _primary(connection, table)]
        held = connection.execute(text(f"SELECT {', '.join(keys)}, {column} FROM {table}")).all()
        assert held
        connection.execute(text(f"UPDATE {table} SET {column} = :value"), {"value": value})
        return {tuple(found[:-1]): found[-1] for found in held}

    return dict(_with(url, work))


def _mend(url: str, table: str, column: str, value: Any, held: dict[Any, Any]) -> None:
    """Put back what still is as it was spoilt."""

    def work(connection: Any) -> None:
        keys = [found.name for found in _primary(connection, table)]
        where = " AND ".join(f"{key} = :{key}" for key in keys)
        for names, was in held.items():
            connection.execute(
                text(f"UPDATE {table} SET {column} = :was WHERE {where} AND {column} = :value"),
                {"was": was, "value": value, **dict(zip(keys, names, strict=True))},
            )

    _with(url, work)


def _primary(connection: Any, table: str) -> Any:
    from engine.ledger.tables import metadata

    return metadata.tables[table].primary_key.columns


def _survives(world: Any, url: str, table: str, column: str, value: Any) -> None:
    due = _storm(world)
    held = _spoil(url, table, column, value)
    for command in COMMANDS:
        _told(world, *command)
    for claim in due:
        _told(world, "why", claim.number)
    _mend(url, table, column, value, held)
    for command in (*COMMANDS[:1] * 3, COMMANDS[3], COMMANDS[0]):
        _told(world, *command, *(("--settle-wait", "3") if command[0] == "run" else ()))
    assert all(count == 1 for count in world.kingdee.numbers().values()), world.kingdee.numbers()
    rows = {row["id"]: row for row in world.listed()}
    for claim in due:
        row = rows[claim.id]
        if row["state"] == "done":
            assert f"DD{claim.number}" in world.kingdee.numbers()
        else:
            assert row["state"] in ("failed", "unknown", "delivered"), row
            assert row["reason"] or row["state"] == "delivered", row


@pytest.mark.parametrize("name", NAMED)
def test_a_spoilt_column_is_said_and_nothing_is_paid_twice(spoilt: Any, name: str) -> None:
    _told(spoilt, "ledger", "upgrade")
    url = f"sqlite:///{next(spoilt.folder.rglob('*.db'))}"
    _survives(spoilt, url, *NAMED[name])


@pytest.mark.parametrize("name", list(NAMED)[::4])
def test_so_on_postgresql(spoilt: Any, postgresql: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = spoilt.environment
    monkeypatch.setattr(spoilt, "environment", lambda env: {**known(env), "ENGINE_LEDGER": postgresql})
    _survives(spoilt, postgresql, *NAMED[name])
