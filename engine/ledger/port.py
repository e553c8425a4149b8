"""The one door to the ledger: work is a function of a transaction, and is durable once `do` returns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.ledger.faults import plain
from engine.ledger.prepared import say
from engine.ledger.sql import Transactions

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

__all__ = ["InlineLedger", "LedgerPort", "ThreadLedger", "Transaction"]

T = TypeVar("T")
Transaction = Connection
"""What a ledger's functions take first; the rest of the engine passes it on and knows no SQL."""
Work = Callable[["Connection"], T]

_LARGEST_GROUP = 64


class LedgerPort(Protocol):
    """What the engine asks of a ledger."""

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its value once that is committed.

        An error that `work` raises undoes its own changes only, and is raised here. When the commit fails,
        nobody can count on the changes: the error is raised here as one of `engine.ledger.faults`.
        A caller that is cancelled while it waits may still have its work committed: what was found out
        about a document that is already sent must not be lost with the run.
        """

    async def aclose(self) -> None:
        """Finish the work that waits, then close the database."""


@dataclass(slots=True)
class _Job:
    """Work that waits for its turn, and who waits for it."""

    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = field(default=None)

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class ThreadLedger:
    """A ledger whose transactions run in one thread of their own, many jobs to a commit.

    The thread takes all jobs that wait, runs each in a savepoint of one transaction, commits once, and only
    then answers: a disk's flush is shared by everyone who waited meanwhile.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise RuntimeError("the ledger is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._queue.put(job)
        return await job.future  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        open_, transactions = True, Transactions(self._engine)
        while open_:
            open_, group = self._next_group()
            if group:
                self._run(group, transactions)
                _answer(group)
        transactions.close()

    def _next_group(self) -> tuple[bool, list[_Job]]:
        """The jobs that wait, at least one unless the ledger closes; False when they are the last."""
        group: list[_Job] = []
        while len(group) < _LARGEST_GROUP:
            if group and self._queue.empty():
                break
            job = self._queue.get()
            if job is None:
                return False, group
            group.append(job)
        return True, group

    def _run(self, group: list[_Job], transactions: Transactions) -> None:
        try:
            with transactions.begin() as tx:
                if len(group) == 1:  # its error undoes the transaction, and nobody else's work with it
                    group[0].value = group[0].work(tx)
                    return
                for job in group:
                    _attempt(tx, job)
        except BaseException as error:
            told = _told(error, self._engine.url)
            for job in group:
                job.error = told


def _attempt(tx: Connection, job: _Job) -> None:
    """Run one job in a savepoint; its error stays its own unless the whole transaction is lost with it."""
    say(tx, "SAVEPOINT job")  # SQLAlchemy's own costs more than many a job
    try:
        job.value = job.work(tx)
    except BaseException as error:
        if tx.invalidated:  # the server is gone: nothing of this transaction can be saved
            raise
        try:
            say(tx, "ROLLBACK TO SAVEPOINT job")
            say(tx, "RELEASE SAVEPOINT job")
        except DBAPIError:
            # SQLite ends the transaction by itself on a full disk and the like: the first error tells why.
            raise error from None
        job.error = _told(error, tx.engine.url)
    else:
        say(tx, "RELEASE SAVEPOINT job")


def _told(error: BaseException, url: URL) -> BaseException:
    if isinstance(error, StopIteration):  # a future refuses it
        return RuntimeError("the work raised StopIteration")
    return plain(error, url) if isinstance(error, DBAPIError) else error


def _answer(group: list[_Job]) -> None:
    for loop in {job.loop for job in group}:
        jobs = [job for job in group if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_settle, jobs)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()


class InlineLedger:
    """A ledger whose transactions run at once in the caller's thread: for simulation, where order is all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def do(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as tx:
                return work(tx)
        except DBAPIError as error:
            raise plain(error, self._engine.url) from error

    async def aclose(self) -> None:
        self._engine.dispose()
