"""The ledger's port: one transaction for many jobs, each on its own, durable before it answers."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from engine.errors import ConfigurationError, EngineError, UsageError
from engine.ledger.faults import (
    LedgerBrokenError,
    LedgerBusyError,
    LedgerFullError,
    LedgerUnwritableError,
    shown,
)
from engine.ledger.port import InlineLedger, LedgerPort, ThreadLedger
from engine.ledger.sql import insert_missing, make_engine, parse_url
from engine.ledger.tables import budgets, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection


def row(interface: str, calls: int = 1) -> dict[str, Any]:
    return {"system": "s", "interface": interface, "period": "2026-11", "calls": calls, "metered": True}


def add(interface: str) -> Callable[[Connection], str]:
    def work(tx: Connection) -> str:
        tx.execute(insert(budgets).values(**row(interface)))
        return interface

    return work


def names(tx: Connection) -> list[str]:
    return list(tx.scalars(select(budgets.c.interface).order_by(budgets.c.interface)))


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """For what is SQLite's alone."""
    made = make_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with made.begin() as tx:
        metadata.create_all(tx)
    yield made
    made.dispose()


@pytest.mark.parametrize("kind", [ThreadLedger, InlineLedger])
def test_work_is_committed_before_it_answers(kind: Callable[[Engine], LedgerPort], engine: Engine) -> None:
    other = make_engine(engine.url)

    async def play() -> None:
        port = kind(engine)
        assert await port.do(add("a")) == "a"
        with other.begin() as tx:
            assert names(tx) == ["a"]
        await port.aclose()

    asyncio.run(play())
    other.dispose()


@pytest.mark.parametrize("kind", [ThreadLedger, InlineLedger])
def test_an_error_undoes_its_own_changes_and_reaches_its_caller(
    kind: Callable[[Engine], LedgerPort], engine: Engine
) -> None:
    def spoil(tx: Connection) -> None:
        add("spoilt")(tx)
        raise KeyError("mine")

    async def play() -> list[str]:
        port = kind(engine)
        with pytest.raises(KeyError, match="mine"):
            await port.do(spoil)
        await port.do(add("good"))
        found = await port.do(names)
        await port.aclose()
        return found

    assert asyncio.run(play()) == ["good"]


async def hold(port: ThreadLedger) -> tuple[asyncio.Task[None], threading.Event]:
    """Keep the ledger's thread in one job until the event, so that others gather behind it."""
    started, release = threading.Event(), threading.Event()

    def work(tx: Connection) -> None:
        started.set()
        release.wait(10)

    holder = asyncio.ensure_future(port.do(work))
    await asyncio.to_thread(started.wait)
    return holder, release


def test_jobs_that_wait_share_one_commit(engine: Engine) -> None:
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))

    async def play() -> None:
        port = ThreadLedger(engine)
        first, release = await hold(port)
        jobs = [asyncio.ensure_future(port.do(add(f"i{number:02}"))) for number in range(64)]
        await asyncio.sleep(0)
        release.set()
        assert await asyncio.gather(*jobs) == [f"i{number:02}" for number in range(64)]
        await first
        await port.aclose()

    asyncio.run(play())
    assert len(commits) == 2  # the holder's own, and one for all the others


def test_one_bad_job_of_a_group_leaves_the_others(engine: Engine) -> None:
    async def play() -> tuple[list[Any], list[str]]:
        port = ThreadLedger(engine)
        _, release = await hold(port)
        jobs = [asyncio.ensure_future(port.do(add(name))) for name in ("a", "b", "a", "c")]
        await asyncio.sleep(0)
        release.set()
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        found = await port.do(names)
        await port.aclose()
        return outcomes, found

    outcomes, found = asyncio.run(play())
    assert [type(outcome) for outcome in outcomes] == [str, str, IntegrityError, str]
    assert found == ["a", "b", "c"]


def look_at_the_commit_only(tx: Connection) -> None:
    """Let a row that lacks its record pass until the commit."""
    if tx.dialect.name == "sqlite":
        tx.execute(text("PRAGMA defer_foreign_keys=ON"))
        return
    for key in inspect(tx).get_foreign_keys("events"):
        tx.execute(text(f'ALTER TABLE events ALTER CONSTRAINT "{key["name"]}" DEFERRABLE INITIALLY DEFERRED'))


def test_when_the_commit_fails_nobody_is_told_that_all_is_well(engine: Engine) -> None:
    def orphan(tx: Connection) -> None:
        look_at_the_commit_only(tx)
        tx.execute(text("INSERT INTO events (record_id, at, kind) VALUES (99, 0, 'x')"))

    async def play() -> tuple[list[Any], list[str]]:
        port = ThreadLedger(engine)
        _, release = await hold(port)
        jobs = [asyncio.ensure_future(port.do(add(name))) for name in ("a", "b")]
        jobs.append(asyncio.ensure_future(port.do(orphan)))
        await asyncio.sleep(0)
        release.set()
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        found = await port.do(names)
        await port.aclose()
        return outcomes, found

    outcomes, found = asyncio.run(play())
    assert [type(outcome) for outcome in outcomes] == [IntegrityError] * 3
    assert found == []


def test_a_full_disk_fails_the_whole_group_in_plain_words(file: Engine) -> None:
    """SQLite ends the transaction by itself here, so that no savepoint is left to return to."""

    def fill(tx: Connection) -> None:
        pages = tx.scalar(text("PRAGMA page_count"))
        tx.execute(text(f"PRAGMA max_page_count={pages}"))
        tx.execute(insert(budgets), [row(f"{'x' * 150}{number}") for number in range(500)])

    async def play() -> None:
        port = ThreadLedger(file)
        _, release = await hold(port)
        before = asyncio.ensure_future(port.do(add("before")))
        filling = asyncio.ensure_future(port.do(fill))
        await asyncio.sleep(0)
        release.set()
        for job in (before, filling):
            with pytest.raises(LedgerFullError, match="no room left"):
                await job
        assert await port.do(names) == []
        await port.aclose()

    asyncio.run(play())


def test_work_of_a_cancelled_caller_is_still_kept(engine: Engine) -> None:
    async def play() -> list[str]:
        port = ThreadLedger(engine)
        _, release = await hold(port)
        job = asyncio.ensure_future(port.do(add("answer of a sent bill")))
        await asyncio.sleep(0)
        job.cancel()
        release.set()
        found = await port.do(names)
        await port.aclose()
        return found

    assert asyncio.run(play()) == ["answer of a sent bill"]


def test_closing_finishes_what_waits_and_refuses_more(engine: Engine, tmp_path: Path) -> None:
    async def play() -> None:
        port = ThreadLedger(engine)
        jobs = [asyncio.ensure_future(port.do(add(f"i{number}"))) for number in range(100)]
        await asyncio.sleep(0)
        await port.aclose()
        assert len(await asyncio.gather(*jobs)) == 100
        with pytest.raises(RuntimeError, match="closed"):
            await port.do(names)
        await port.aclose()

    asyncio.run(play())
    if engine.dialect.name == "sqlite":
        assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]  # the log is folded in


def test_another_process_that_writes_is_waited_for_and_then_told_of(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = engine.connect()
    held = other.begin()
    monkeypatch.setattr("engine.ledger.sql.BUSY_SECONDS", 0.01)
    impatient = make_engine(engine.url)

    async def play() -> None:
        port = ThreadLedger(impatient)
        with pytest.raises(LedgerBusyError, match="another process holds"):
            await port.do(names)
        held.commit()
        assert await port.do(names) == []
        await port.aclose()

    asyncio.run(play())
    other.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, however long this text is " * 100)
    assert isinstance(failure(f"sqlite:///{tmp_path / 'notes.db'}"), LedgerBrokenError)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    told = failure(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")
    assert isinstance(told, LedgerUnwritableError)
    assert "nowhere" in told.message


def failure(url: str) -> EngineError:
    async def play() -> EngineError:
        port = ThreadLedger(make_engine(url))
        with pytest.raises(EngineError) as caught:
            await port.do(names)
        await port.aclose()
        return caught.value

    return asyncio.run(play())


def test_insert_missing_keeps_what_is_there(engine: Engine) -> None:
    keys = ("system", "interface", "period")
    with engine.begin() as tx:
        assert insert_missing(tx, budgets, [row("a", 5), row("b", 6)], keys) == 2
        assert insert_missing(tx, budgets, [row("a", 0), row("c", 7)], keys) == 1
        assert insert_missing(tx, budgets, [], keys) == 0
        assert dict(tx.execute(select(budgets.c.interface, budgets.c.calls)).all()) == {
            "a": 5,
            "b": 6,
            "c": 7,
        }


def test_a_commit_is_on_the_disk(file: Engine) -> None:
    with file.begin() as tx:
        assert tx.scalar(text("PRAGMA journal_mode")) == "wal"
        assert tx.scalar(text("PRAGMA synchronous")) == 2
        assert tx.scalar(text("PRAGMA foreign_keys")) == 1
        assert tx.scalar(text("PRAGMA busy_timeout")) == 30_000


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (
            "postgres://finance:hunter2@db.example.com/ledger",
            "postgresql+psycopg://finance:***@db.example.com/ledger",
        ),
        ("postgresql://finance:hunter2@db/ledger", "postgresql+psycopg://finance:***@db/ledger"),
        ("sqlite:////var/ledger.db", "/var/ledger.db"),
    ],
)
def test_a_password_is_never_shown(url: str, seen: str) -> None:
    assert shown(parse_url(url)) == seen


@pytest.mark.parametrize(
    "url", ["mysql://root:hunter2@db/ledger", "postgresql//root:hunter2@db", "://hunter2"]
)
def test_a_url_that_will_not_do_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match="psycopg"):
        make_engine("postgresql://db/ledger")
