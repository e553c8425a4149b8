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
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

import engine.ledger
from engine.errors import UsageError
from engine.ledger import open as ledger_open
from engine.ledger import runs
from engine.ledger.faults import LedgerBrokenError, LedgerTooNewError, LedgerUnwritableError
from engine.ledger.open import HEAD, ledger_path, ledger_place, ledger_url, open_ledger, upgrade, version
from engine.ledger.sql import make_engine
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


def migrate(tx: Connection) -> None:
    """The tables as the steps of the migrations make them, instead of those of a new ledger."""
    metadata.drop_all(tx)
    tx.execute(text("DROP TABLE ledger_version"))
    ledger_open._migrate(tx)


def test_migrations_make_what_the_tables_say(tx: Connection) -> None:
    migrate(tx)
    context = MigrationContext.configure(tx, opts={"version_table": "ledger_version", "compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_migrations_make_the_very_tables(tx: Connection) -> None:
    """Autogeneration does not compare everything: keys, orders and foreign keys are compared here."""
    created = layout(tx)
    migrate(tx)
    assert layout(tx) == created


def layout(connection: Connection) -> dict[str, object]:
    seen = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)],
            seen.get_pk_constraint(table),
            sorted(map(str, seen.get_unique_constraints(table))),
            sorted(map(written, seen.get_indexes(table))),
            sorted(map(str, seen.get_foreign_keys(table))),
        )
        for table in [*metadata.tables, "ledger_version"]
    }


def written(index: ReflectedIndex) -> str:
    """An index in words, those of its condition as well."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def test_the_newest_step_is_the_one_that_opening_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]
    for script in scripts.walk_revisions():
        assert re.fullmatch(rf"{script.revision}_\w+\.py", Path(script.path).name)


def test_an_upgrade_is_told_and_needed_once(place: str) -> None:
    assert upgrade(place) == (None, HEAD)
    assert upgrade(place) == (HEAD, HEAD)


def test_processes_that_open_a_new_ledger_together_make_it_once(place: str) -> None:
    code = "import sys; from engine.ledger.open import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-c", code, place]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate(timeout=60)[1] for child in children] == ["", "", ""]


def test_an_open_of_an_up_to_date_ledger_does_not_load_alembic(url: str) -> None:
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


def test_a_newer_ledger_is_refused_and_left_alone(url: str, database: Engine) -> None:
    with database.begin() as tx:
        tx.execute(text("UPDATE ledger_version SET version_num = '9999'"))
    with pytest.raises(LedgerTooNewError, match="version 9999, known up to") as caught:
        open_ledger(url)
    assert "upgrade the engine" in (caught.value.hint or "")
    assert version(url) == "9999"


def test_another_programs_tables_are_not_taken_for_a_ledger(place: str) -> None:
    other = make_engine(place)
    with other.begin() as tx:
        tx.execute(text("CREATE TABLE records (id INTEGER)"))
    other.dispose()
    with pytest.raises(LedgerBrokenError, match="tables of another program"):
        open_ledger(place)


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE customers (id INTEGER)")
    database.close()
    with pytest.raises(LedgerBrokenError, match="tables of another program"):
        open_ledger(f"sqlite:///{tmp_path / 'crm.db'}")


def test_a_migration_that_fails_leaves_nothing_half_made(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE half (id INTEGER)"))
        raise RuntimeError("power cut")

    monkeypatch.setattr("engine.ledger.open._create", broken)
    with pytest.raises(RuntimeError):
        upgrade(place)
    monkeypatch.undo()
    assert upgrade(place) == (None, HEAD)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerUnwritableError, match="cannot be made"):
        open_ledger(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")


def read_only(database: Engine) -> str:
    """The URL under which the ledger cannot be written."""
    name = database.url.database
    if database.dialect.name == "sqlite":
        return f"sqlite:///file:{name}?mode=ro&uri=true"
    with database.begin() as tx:
        tx.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    return database.url.render_as_string(hide_password=False)


def test_a_ledger_that_may_only_be_read_can_be_read(database: Engine) -> None:
    url = read_only(database)

    async def play() -> None:
        port = open_ledger(url)
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
