"""The sandbox's state: one SQLite file, in which every effect is one transaction.

Any number of server processes open the same file, so that two commands see one DingTalk and one Kingdee.
Documents are JSON objects of text, whole numbers, booleans, lists and objects. Amounts are text: a Decimal
is refused, so that no simulator comes to keep money as a float.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FILE_NAME", "SandboxState", "Store", "make_folder"]

FILE_NAME = "state.db"
_LAYOUT = 1
_ATTEMPTS = 100
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS docs (kind TEXT, key TEXT, doc BLOB NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {_LAYOUT};
COMMIT;
"""


class Store:
    """Documents by kind and key, as one transaction sees them; `space` keeps simulators apart."""

    def __init__(self, connection: sqlite3.Connection, space: str = "") -> None:
        self._sql = connection
        self._space = space

    def within(self, space: str) -> Store:
        """The same transaction, seen from the space of one simulator."""
        return Store(self._sql, space)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The document, or None."""
        found = self._sql.execute(
            "SELECT doc FROM docs WHERE kind = ? AND key = ?", (self._kind(kind), key)
        ).fetchone()
        return None if found is None else orjson.loads(found[0])

    def put(self, kind: str, key: str, doc: dict[str, Any]) -> None:
        """Write the document, in place of an older one under this key."""
        self._sql.execute(
            "INSERT INTO docs VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc",
            (self._kind(kind), key, orjson.dumps(doc)),
        )

    def delete(self, kind: str, key: str) -> bool:
        """Forget the document; tells whether there was one."""
        cursor = self._sql.execute("DELETE FROM docs WHERE kind = ? AND key = ?", (self._kind(kind), key))
        return cursor.rowcount > 0

    def clear(self, kind: str) -> None:
        """Forget all documents of a kind."""
        self._sql.execute("DELETE FROM docs WHERE kind = ?", (self._kind(kind),))

    def all(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All documents of a kind, by key in ascending order."""
        rows = self._sql.execute(
            "SELECT key, doc FROM docs WHERE kind = ? ORDER BY key", (self._kind(kind),)
        ).fetchall()
        return ((key, orjson.loads(doc)) for key, doc in rows)

    def between(self, kind: str, first: str, last: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The documents with first ≤ key < last, the last key first."""
        rows = self._sql.execute(
            "SELECT key, doc FROM docs WHERE kind = ? AND key >= ? AND key < ? ORDER BY key DESC",
            (self._kind(kind), first, last),
        ).fetchall()
        return ((key, orjson.loads(doc)) for key, doc in rows)

    def keys_between(self, kind: str, first: str, last: str) -> list[str]:
        """The keys with first ≤ key < last, the last first; cheaper than the documents."""
        rows = self._sql.execute(
            "SELECT key FROM docs WHERE kind = ? AND key >= ? AND key < ? ORDER BY key DESC",
            (self._kind(kind), first, last),
        )
        return [key for (key,) in rows]

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        found = self._sql.execute("SELECT count(*) FROM docs WHERE kind = ?", (self._kind(kind),)).fetchone()
        return int(found[0])

    def next_number(self, name: str, *, first: int = 1) -> int:
        """The next of a series: `first`, then one more each time."""
        found = self._sql.execute(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + 1"
            " RETURNING value",
            (self._kind(name), first),
        ).fetchone()
        return int(found[0])

    def wipe(self) -> None:
        """Forget everything, of all simulators, the clock and the faults included."""
        self._sql.execute("DELETE FROM docs")
        self._sql.execute("DELETE FROM counters")

    def _kind(self, kind: str) -> str:
        return f"{self._space}/{kind}"


def make_folder(folder: Path) -> None:
    """Make the sandbox's folder. Raises ConfigurationError where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(folder, error.strerror or str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _no_place(folder, os.strerror(errno.EACCES))


def _no_place(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        tr('the sandbox cannot keep its state in "{path}": {reason}', path=path, reason=reason),
        hint=tr("run the command in a folder that you may write to"),
    )


class SandboxState:
    """The state in `folder`, which is made when it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        make_folder(folder)
        self._sql = self._open()

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """A transaction that writes; others wait for it, so keep it short and never await within."""
        yield from self._within("BEGIN IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A view of one moment, which holds nobody up."""
        yield from self._within("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def _within(self, begin: str) -> Iterator[Store]:
        self._sql.execute(begin)
        try:
            yield Store(self._sql)
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        for attempt in range(_ATTEMPTS):
            connection = self._connect()
            try:
                self._lay_out(connection)
            except sqlite3.DatabaseError as wrong:
                connection.close()
                # switching a new file to WAL does not wait for others who do the same
                if wrong.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == _ATTEMPTS - 1:
                    raise self._unreadable() from wrong
                time.sleep(0.05)
            except ConfigurationError:
                connection.close()
                raise
            else:
                return connection
        raise self._unreadable()

    def _connect(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(self.path, timeout=30, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise _no_place(self.path, str(error)) from error

    def _lay_out(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        layout = connection.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, _LAYOUT):
            raise self._unreadable()
        if layout == 0:
            connection.executescript(_SCHEMA)

    def _unreadable(self) -> ConfigurationError:
        return ConfigurationError(
            tr('the sandbox\'s state "{path}" cannot be read', path=self.path),
            hint=tr("`engine sandbox reset` begins anew; only invented data is lost"),
        )
