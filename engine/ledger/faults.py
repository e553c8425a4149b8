"""What a broken, full or busy ledger says to its user, instead of a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from engine.errors import EngineError, LedgerError
from engine.language import tr

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from sqlalchemy import URL

__all__ = [
    "LedgerBrokenError",
    "LedgerBusyError",
    "LedgerFullError",
    "LedgerTooNewError",
    "LedgerUnreachableError",
    "LedgerUnwritableError",
    "damaged",
    "plain",
    "plain_sqlite",
    "shown",
]


class LedgerFullError(LedgerError):
    """The disk or the database has no room left."""


class LedgerUnwritableError(LedgerError):
    """The file, its folder or the database does not let the engine write."""


class LedgerBrokenError(LedgerError):
    """The file is no ledger, or is damaged."""


class LedgerTooNewError(LedgerError):
    """A newer engine has changed the ledger in ways that this one does not know."""


class LedgerBusyError(LedgerError):
    """Another process held the ledger for longer than the engine waits."""

    kind = "transient"
    exit_code = 3


class LedgerUnreachableError(LedgerError):
    """The database server gave no answer, or went away."""

    kind = "transient"
    exit_code = 3


def shown(url: URL) -> str:
    """The ledger's place as a person may read it: a file's path, or a URL without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def damaged() -> LedgerBrokenError:
    """For a row that says what no version of the engine wrote."""
    return LedgerBrokenError(
        tr("a row of the ledger is damaged"),
        hint=tr("keep the file and restore the last backup; what the target has is found by its key"),
    )


def plain(error: DBAPIError, url: URL) -> Exception:
    """The error to raise for a database's error: the ledger's own where its cause is known, else `error`."""
    for make in (_by_name(error), _by_state(error), _by_kind(error)):
        if make is not None:
            return make(shown(url))
    return error


def plain_sqlite(error: sqlite3.Error, place: str) -> Exception:
    """Likewise, for an error of SQLite's own driver."""
    make = _first(_SQLITE, getattr(error, "sqlite_errorname", None) or "")
    return make(place) if make else error


def _full(place: str) -> EngineError:
    return LedgerFullError(
        tr('no room left to write the ledger "{place}"', place=place),
        hint=tr("free some space on its disk; nothing was lost, the same command can be run again"),
    )


def _unwritable(place: str) -> EngineError:
    return LedgerUnwritableError(
        tr('the ledger "{place}" cannot be opened for writing', place=place),
        hint=tr("check the permissions of the file and its folder, or name another place with --ledger"),
    )


def _no_database(place: str) -> EngineError:
    return LedgerBrokenError(
        tr('"{place}" is not a ledger: the file is no SQLite database', place=place),
        hint=tr("check the path given with --ledger or ENGINE_LEDGER"),
    )


def _corrupt(place: str) -> EngineError:
    return LedgerBrokenError(
        tr('the ledger "{place}" is damaged', place=place),
        hint=tr("keep the file and restore the last backup; what the target has is found by its key"),
    )


def _disk(place: str) -> EngineError:
    return LedgerBrokenError(
        tr('the disk that holds the ledger "{place}" reports an error', place=place),
        hint=tr("check the disk; a ledger must not lie on a network folder"),
    )


def _busy(place: str) -> EngineError:
    return LedgerBusyError(
        tr('another process holds the ledger "{place}"', place=place),
        hint=tr("wait for it to end, or end it; the same command can then be run again"),
    )


def _gone(place: str) -> EngineError:
    return LedgerUnreachableError(
        tr('the database of the ledger "{place}" does not answer', place=place),
        hint=tr("check that the server runs, and the host, port, user and password of the URL"),
    )


# https://sqlite.org/rescode.html: extended names begin with the primary one
_SQLITE: tuple[tuple[str, Callable[[str], EngineError]], ...] = (
    ("SQLITE_FULL", _full),
    ("SQLITE_READONLY", _unwritable),
    ("SQLITE_CANTOPEN", _unwritable),
    ("SQLITE_PERM", _unwritable),
    ("SQLITE_NOTADB", _no_database),
    ("SQLITE_CORRUPT", _corrupt),
    ("SQLITE_IOERR", _disk),
    ("SQLITE_BUSY", _busy),
    ("SQLITE_LOCKED", _busy),
    ("SQLITE_PROTOCOL", _busy),
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html: the first two characters are the class
_POSTGRESQL: tuple[tuple[str, Callable[[str], EngineError]], ...] = (
    ("53100", _full),
    ("25006", _unwritable),
    ("42501", _unwritable),
    ("55P03", _busy),
    ("40P01", _busy),
    ("53300", _busy),
    ("08", _gone),
    ("28", _gone),
    ("3D000", _gone),
    ("57P", _gone),
    ("XX001", _corrupt),
    ("XX002", _corrupt),
)


def _by_name(error: DBAPIError) -> Callable[[str], EngineError] | None:
    name = getattr(error.orig, "sqlite_errorname", None)
    return _first(_SQLITE, name) if name else None


def _by_state(error: DBAPIError) -> Callable[[str], EngineError] | None:
    state = getattr(error.orig, "sqlstate", None)
    return _first(_POSTGRESQL, state) if state else None


def _by_kind(error: DBAPIError) -> Callable[[str], EngineError] | None:
    """A connection that never came about has neither name nor state."""
    unnamed = not getattr(error.orig, "sqlite_errorname", None) and not getattr(error.orig, "sqlstate", None)
    lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return _gone if unnamed and lost and type(error.orig).__module__.startswith("psycopg") else None


def _first(
    table: tuple[tuple[str, Callable[[str], EngineError]], ...], code: str
) -> Callable[[str], EngineError] | None:
    return next((make for prefix, make in table if code.startswith(prefix)), None)
