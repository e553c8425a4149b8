"""The ledger of a history (SQLite in memory, wiped for each), and each process's own door to it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from dst.history import History
from dst.loop import Process, SimLoop
from dst.storm import Storm
from engine.ledger.open import _bring_up
from engine.ledger.port import InlineLedger
from engine.ledger.sql import make_engine

__all__ = ["SimLedger", "fresh_database"]

T = TypeVar("T")


class _Crash(BaseException):
    """Ends a transaction whose process has just died."""


@dataclass(slots=True)
class _Made:
    """One engine for all histories, so that statements are compiled once; and an empty ledger."""

    engine: Any
    empty: sqlite3.Connection


_made: list[_Made] = []


def fresh_database() -> Any:
    """The SQLAlchemy engine of an empty ledger. The one before it is gone."""
    if not _made:
        engine = make_engine("sqlite://")
        _bring_up(engine)
        empty = sqlite3.connect(":memory:")
        _driver(engine).backup(empty)
        _made.append(_Made(engine, empty))
    made = _made[0]
    made.empty.backup(_driver(made.engine))
    return made.engine


def _driver(engine: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = engine.raw_connection().driver_connection
    return connection


class SimLedger:
    """One process's port: `InlineLedger` behind a queue, as the ledger's thread is, with a disk that fails.

    Work that waits is done even when its caller was cancelled meanwhile, as the thread would; when the
    process dies it is not.
    """

    def __init__(
        self, engine: Any, loop: SimLoop, history: History, storm: Storm, random: Random, process: Process
    ) -> None:
        self._inner = InlineLedger(engine)
        self._loop = loop
        self._history = history
        self._storm = storm
        self._random = random
        self._process = process

    async def do(self, work: Callable[[Connection], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._loop.call_later(self._random.uniform(0.0002, 0.02), self._run, work, future)
        return await future

    async def aclose(self) -> None:
        """The database is the history's."""

    def _run(self, work: Callable[[Connection], Any], future: asyncio.Future[Any]) -> None:
        value: Any = None
        error: Exception | None = None
        try:
            value = _now(self._inner.do(lambda tx: self._in_transaction(tx, work)))
        except _Crash:
            return
        except Exception as caught:
            error = caught
        self._loop.call_later(self._random.uniform(0.0002, 0.02), self._settle, future, value, error)

    def _in_transaction(self, tx: Connection, work: Callable[[Connection], T]) -> T:
        storm = self._storm
        if storm.strikes("ledger lost before commit"):
            self._history.fault("ledger lost before commit")
            raise _database_error("SQLITE_BUSY")
        value = work(tx)
        if storm.strikes("disk full"):
            self._history.fault("disk full")
            raise _database_error("SQLITE_FULL")
        if storm.strikes("crash before commit"):
            self._history.fault("crash before commit")
            self._loop.kill(self._process)
            raise _Crash
        return value

    def _settle(self, future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
        if error is None and self._storm.strikes("crash after commit"):
            self._history.fault("crash after commit")
            self._loop.kill(self._process)
            return
        if error is None and self._storm.strikes("ledger lost after commit"):
            self._history.fault("ledger lost after commit")
            error = _plain(_database_error("SQLITE_BUSY"))
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _now(coroutine: Any) -> Any:
    """The value of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the inline ledger waited")


def _database_error(name: str) -> DBAPIError:
    cause = sqlite3.OperationalError(name.lower())
    cause.sqlite_errorname = name
    return OperationalError("COMMIT", {}, cause)


def _plain(error: DBAPIError) -> Exception:
    from sqlalchemy import make_url

    from engine.ledger.faults import plain

    return plain(error, make_url("sqlite:///ledger.db"))
