"""Where the ledger is, and that opening makes, upgrades or refuses it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

import engine.ledger
from engine.errors import UsageError
from engine.ledger import runs
from engine.ledger.faults import LedgerBrokenError, LedgerTooNewError, LedgerUnwritableError
from engine.ledger.open import HEAD, ledger_path, ledger_place, ledger_url, open_ledger, upgrade, version
from engine.ledger.tables import metadata

MIGRATIONS = Path(engine.ledger.__file__).parent / "migrations"


def made(path: Path) -> str:
    url = f"sqlite:///{path}"
    upgrade(url)
    return url


@pytest.mark.parametrize(
    ("there", "start", "expected"),
    [
        (["connections.yaml", "a/b/"], "a/b", "."),
        (["connections.yaml", "a/connections.yaml", "a/b/"], "a/b", "a"),
        (["connections.yaml", "a/schemes/", "a/.git/"], "a", "."),
        (["schemes/", "a/.git/", "a/b/"], "a/b", "."),
        ([".git/", "a/"], "a", "."),
        (["a/b/"], "a/b", "a/b"),
    ],
)
def test_the_ledger_lies_with_its_project(
    there: list[str], start: str, expected: str, tmp_path: Path
) -> None:
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    url = ledger_url(None, {}, tmp_path / start)
    assert ledger_path(url) == (tmp_path / expected / ".engine" / "ledger.db").resolve()


@pytest.mark.parametrize(
    ("option", "environ", "place"),
    [
        ("my.db", {"ENGINE_LEDGER": "other.db"}, "{start}/my.db"),
        (None, {"ENGINE_LEDGER": "other.db"}, "{start}/other.db"),
        ("/var/台账 1%20?.db", {}, "/var/台账 1%20?.db"),
        ("sqlite:////var/ledger.db", {}, "/var/ledger.db"),
        ("postgresql://fin:hunter2@db/ledger", {}, "postgresql+psycopg://fin:***@db/ledger"),
    ],
)
def test_an_option_or_the_environment_says_otherwise(
    option: str | None, environ: dict[str, str], place: str, tmp_path: Path
) -> None:
    url = ledger_url(option, environ, tmp_path)
    assert ledger_place(url) == place.format(start=tmp_path.resolve())


def test_the_url_keeps_the_password_that_places_hide() -> None:
    assert "hunter2" in ledger_url("postgresql://fin:hunter2@db/ledger", {}, Path("/"))


def test_a_new_ledger_is_made_with_its_folder_for_its_user_alone(tmp_path: Path) -> None:
    url = ledger_url(None, {}, tmp_path)
    assert version(url) is None
    assert not (tmp_path / ".engine").exists()

    async def play() -> list[runs.Run]:
        port = open_ledger(url)
        found = await port.do(runs.list_runs)
        await port.aclose()
        return found

    assert asyncio.run(play()) == []
    assert version(url) == HEAD
    folder = tmp_path / ".engine"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "ledger.db").stat().st_mode & 0o777 == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"


def test_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    made(tmp_path / "ledger.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "ledger_version", "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_make_the_very_tables(tmp_path: Path) -> None:
    """Autogeneration does not compare everything: keys, orders and foreign keys are compared here."""
    made(tmp_path / "ledger.db")
    migrated = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    direct = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(direct)
    with migrated.connect() as left, direct.connect() as right:
        assert layout(left) == layout(right)
    migrated.dispose()
    direct.dispose()


def layout(connection: Connection) -> dict[str, object]:
    seen = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)],
            seen.get_pk_constraint(table),
            sorted(map(str, seen.get_unique_constraints(table))),
            sorted(map(str, seen.get_indexes(table))),
            sorted(map(str, seen.get_foreign_keys(table))),
        )
        for table in metadata.tables
    }


def test_the_newest_step_is_the_one_that_opening_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]
    for script in scripts.walk_revisions():
        assert re.fullmatch(rf"{script.revision}_\w+\.py", Path(script.path).name)


def test_an_upgrade_is_told_and_needed_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert upgrade(url) == (None, HEAD)
    assert upgrade(url) == (HEAD, HEAD)


def test_processes_that_open_a_new_ledger_together_make_it_once(tmp_path: Path) -> None:
    code = "import sys; from engine.ledger.open import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'ledger.db'}"]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate(timeout=60)[1] for child in children] == ["", "", ""]


def test_an_open_of_an_up_to_date_ledger_does_not_load_alembic(tmp_path: Path) -> None:
    url = made(tmp_path / "ledger.db")
    code = (
        "import sys; from engine.ledger.open import upgrade; upgrade(sys.argv[1]);"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True, timeout=60)


@pytest.mark.parametrize("inline", [True, False])
def test_a_ledger_in_memory_serves_simulation(inline: bool) -> None:
    async def play() -> list[runs.Run]:
        port = open_ledger("sqlite://", inline=inline)
        await port.do(begin)
        found = await port.do(runs.list_runs)
        await port.aclose()
        return found

    assert [run.id for run in asyncio.run(play())] == ["1"]


def begin(tx: Connection) -> None:
    runs.start(tx, "1", scheme="s", scheme_hash="h", environment="e", command="run", at=datetime.now(UTC))


def test_a_newer_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = made(tmp_path / "ledger.db")
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("UPDATE ledger_version SET version_num = '9999'")
    database.close()
    with pytest.raises(LedgerTooNewError, match="version 9999, known up to") as caught:
        open_ledger(url)
    assert "upgrade the engine" in (caught.value.hint or "")
    assert version(url) == "9999"


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE customers (id INTEGER)")
    database.close()
    with pytest.raises(LedgerBrokenError, match="tables of another program"):
        open_ledger(f"sqlite:///{tmp_path / 'crm.db'}")


def test_a_migration_that_fails_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE half (id INTEGER)"))
        raise RuntimeError("power cut")

    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setattr("engine.ledger.open._migrate", broken)
    with pytest.raises(RuntimeError):
        upgrade(url)
    monkeypatch.undo()
    assert upgrade(url) == (None, HEAD)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerUnwritableError, match="cannot be made"):
        open_ledger(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")


def test_a_ledger_that_may_only_be_read_can_be_read(tmp_path: Path) -> None:
    made(tmp_path / "ledger.db")

    async def play() -> None:
        port = open_ledger(f"sqlite:///file:{tmp_path / 'ledger.db'}?mode=ro&uri=true")
        assert await port.do(runs.list_runs) == []
        with pytest.raises(LedgerUnwritableError, match="cannot be opened for writing"):
            await port.do(begin)
        await port.aclose()

    asyncio.run(play())


def test_a_text_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x" * 5000)
    with pytest.raises(LedgerBrokenError, match="no SQLite database"):
        open_ledger(f"sqlite:///{tmp_path / 'notes.txt'}")


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="known: sqlite, postgresql"):
        open_ledger("mysql://root@db/ledger")
