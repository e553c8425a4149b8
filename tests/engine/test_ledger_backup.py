"""The ledger's own health: status, copies while it is used, and what survives a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from engine.errors import UsageError
from engine.ledger import runs
from engine.ledger.backup import backup, check, status
from engine.ledger.faults import LedgerBrokenError, LedgerUnwritableError
from engine.ledger.open import HEAD, ledger_place, open_ledger, upgrade
from engine.ledger.sql import make_engine
from engine.ledger.tables import budgets, deliveries, records

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A ledger in a file: a server's is backed up and checked by its own tools."""
    made = f"sqlite:///{tmp_path / 'ledger.db'}"
    upgrade(made)
    return made


def fill(tx: Connection) -> None:
    for number, state in enumerate(["done", "failed", "done"]):
        record = tx.execute(
            insert(records).values(system="d", family="f", source_id=f"{number}", first_seen=NOON)
        ).inserted_primary_key
        tx.execute(
            insert(deliveries).values(
                scheme="s",
                target_system="k",
                record_id=record[0],
                state=state,
                created_at=NOON,
                updated_at=NOON,
            )
        )
    runs.start(tx, "r1", scheme="s", scheme_hash="h", environment="e", command="run", at=NOON)


def test_a_status_counts(url: str, tx: Connection) -> None:
    fill(tx)
    found = status(tx)
    assert (found.place, found.version) == (ledger_place(url), HEAD)
    assert (found.records, found.deliveries) == (3, {"done": 2, "failed": 1})
    assert (found.runs, found.unfinished_runs) == (1, 1)
    assert found.size > 10_000


def test_a_backup_of_a_used_ledger_is_whole(file: str, tmp_path: Path) -> None:
    async def play() -> None:
        port = open_ledger(file)
        await port.do(fill)
        assert backup(file, tmp_path / "copies" / "today.db") == tmp_path / "copies" / "today.db"
        await port.aclose()

    asyncio.run(play())
    copy = f"sqlite:///{tmp_path / 'copies' / 'today.db'}"
    assert check(copy) == []
    assert (tmp_path / "copies" / "today.db").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["today.db"]

    async def look() -> int:
        port = open_ledger(copy)
        found = await port.do(status)
        await port.aclose()
        return found.records

    assert asyncio.run(look()) == 3


def test_a_backup_overwrites_nothing(file: str, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    assert backup(file, folder) == folder / "ledger.db"
    with pytest.raises(UsageError, match="never overwrites"):
        backup(file, folder)


def test_a_backup_that_cannot_be_written(file: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerUnwritableError, match="cannot be written"):
        backup(file, tmp_path / "file" / "copy.db")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("postgresql://fin:hunter2@db/ledger", "is no file"), ("sqlite:////nowhere/ledger.db", "there is no")],
)
def test_what_cannot_be_backed_up_says_why(wrong: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        backup(wrong, tmp_path / "copy.db")
    assert "hunter2" not in str(caught.value)


def test_damage_is_found(file: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("INSERT INTO events (record_id, at, kind) VALUES (99, 0, 'orphan')")
    database.close()
    assert check(file) == ["events 1 -> records"]
    (tmp_path / "ledger.db").write_bytes(b"\x00" * 4096 + (tmp_path / "ledger.db").read_bytes()[4096:])
    with pytest.raises(LedgerBrokenError):
        check(file)


KILLED = """
import asyncio, sys
from datetime import UTC, datetime
from sqlalchemy import insert, select
from engine.ledger.open import open_ledger
from engine.ledger.tables import budgets

async def write(port, worker):
    for number in range(100_000):
        rows = [
            {"system": half, "interface": f"{worker}-{number}", "period": "p", "calls": 1, "metered": True}
            for half in ("left", "right")
        ]
        def work(tx):
            for row in rows:
                tx.execute(insert(budgets).values(**row))
        await port.do(work)
        print(f"{worker}-{number}", flush=True)

async def main():
    port = open_ledger(sys.argv[1])
    await asyncio.gather(*(write(port, worker) for worker in range(8)))

asyncio.run(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_after_a_kill_everything_answered_is_there_and_nothing_is_half(url: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    answered = [child.stdout.readline().strip() for _ in range(100)]
    child.send_signal(signal.SIGKILL)
    answered += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    child.wait(timeout=30)
    assert check(url) == []
    database = make_engine(url)
    with database.begin() as tx:
        found = tx.execute(select(budgets.c.system, budgets.c.interface)).all()
    database.dispose()
    left = {interface for half, interface in found if half == "left"}
    right = {interface for half, interface in found if half == "right"}
    assert left == right
    assert set(answered) <= left
