"""What differs between SQLite and PostgreSQL, in one place: opening, and how a transaction begins.

On both, one transaction writes at a time (SQLite's write lock, an advisory lock of PostgreSQL), so that
work which reads and then writes needs no locks of its own.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Table, bindparam, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool, StaticPool

from engine.errors import ConfigurationError, UsageError
from engine.language import tr
from engine.ledger.prepared import Prepared, say

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "BUSY_SECONDS",
    "Connection",
    "Transactions",
    "insert_missing",
    "insertion",
    "make_engine",
    "parse_url",
]

BUSY_SECONDS = 30
"""How long a transaction waits for another process's."""

_FILE = "sqlite:///"
_QUERY = re.compile(r"\?\w+=[^/]*$")
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_WRITERS_LOCK = 0x656E67696E65  # "engine": the advisory lock that ledger transactions of one database share


def parse_url(url: str) -> URL:
    """The URL's parts; raises UsageError, never repeating the text, which may hold a password."""
    try:
        parsed = _of_file(url) or make_url(url)
    except ArgumentError:
        raise UsageError(
            tr("the ledger's URL cannot be read"),
            hint=tr(
                "write a path, sqlite:////abs/path.db, or postgresql+psycopg://user:password@host/database"
            ),
        ) from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    kind = parsed.get_backend_name()
    if kind not in {"sqlite", "postgresql"}:
        raise UsageError(tr('a ledger cannot be kept in "{kind}"; known: sqlite, postgresql', kind=kind))
    return parsed


def _of_file(url: str) -> URL | None:
    """The URL of a file with a question mark in its name, which begins no query (``?name=value``) there."""
    path = url.removeprefix(_FILE)
    if path == url or "?" not in path or _QUERY.search(path):
        return None
    return URL.create("sqlite", database=path)


def make_engine(url: str | URL) -> Engine:
    """An engine with one connection, its transactions set up for the ledger; opens nothing yet."""
    parsed = parse_url(url) if isinstance(url, str) else url
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)


class Transactions:
    """Begins transactions, for one thread.

    SQLite's connection is kept: taking it from the pool each time costs as much as a small transaction. A
    server's may have gone away meanwhile, which the pool looks after.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        if self._engine.dialect.name != "sqlite":
            with self._engine.begin() as tx:
                yield tx
            return
        if self._kept is None:
            self._kept = self._engine.connect()
        try:
            with self._kept.begin():
                yield self._kept
        except BaseException:
            self._let_go()
            raise

    def close(self) -> None:
        """Close the database."""
        self._let_go()
        self._engine.dispose()

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def insert_missing(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> int:
    """Insert the rows whose `keys` (a unique constraint's columns) are not there yet; how many were new."""
    if not rows:
        return 0
    return _insertion(table, tuple(keys), tuple(rows[0])).write(tx, rows)


@cache
def _insertion(table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Prepared:
    return Prepared(
        lambda dialect: insertion(dialect, table, names).on_conflict_do_nothing(index_elements=list(keys))
    )


def insertion(dialect: str, table: Table, names: Sequence[str]) -> Any:
    """The insertion of rows with these columns, which can be told what to do with those that are there."""
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return _insert_of(dialect)(table).values(values)


def _insert_of(dialect: str) -> Any:
    """The dialect's own INSERT, which knows of conflicts; PostgreSQL's is slow to load, and seldom needed."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert


def _sqlite(url: URL) -> Engine:
    pool = StaticPool if url.database in {None, "", ":memory:"} else QueuePool
    sizes = {} if pool is StaticPool else {"pool_size": 1, "max_overflow": 0}
    engine = create_engine(
        url, poolclass=pool, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, **sizes
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin late, and savepoints would not hold.
    connection.isolation_level = None
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: fsync alone leaves data in the disk's cache
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; when processes meet here, SQLite reports busy without waiting."""
    for _ in range(50):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except connection.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                raise
        connection.execute("BEGIN IMMEDIATE")  # this does wait
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    # Taking the write lock at once: a read that turns to writing later would be refused without waiting.
    say(connection, "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    options = f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout=60s"
    try:
        engine = create_engine(
            url,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "options": options},
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            tr('a ledger on PostgreSQL needs the package "{name}"', name=error.name or "psycopg"),
            hint=tr("install it: pip install 'integration-engine[postgres]'"),
        ) from None
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_LOCK})
