"""Looking after the ledger itself: what it holds, whether it is whole, and a copy of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from engine.errors import UsageError
from engine.language import tr
from engine.ledger import faults
from engine.ledger.open import ledger_path, ledger_place, ledger_version, require_ledger
from engine.ledger.tables import deliveries, metadata, records, runs

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

__all__ = ["LedgerStatus", "backup", "check", "status"]


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """What a ledger holds. `place` is its path, or its URL without the password; `size` is in bytes."""

    place: str
    version: str | None
    size: int
    records: int
    deliveries: dict[str, int]
    runs: int
    unfinished_runs: int


def status(tx: Connection) -> LedgerStatus:
    """Counts, size and version; deliveries by state."""
    by_state = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
    open_runs = select(func.count()).select_from(runs).where(runs.c.ended_at.is_(None))
    return LedgerStatus(
        place=faults.shown(tx.engine.url),
        version=ledger_version(tx),
        size=_size(tx),
        records=tx.scalars(select(func.count()).select_from(records)).one(),
        deliveries={row.state: row.number for row in tx.execute(by_state.order_by(deliveries.c.state))},
        runs=tx.scalars(select(func.count()).select_from(runs)).one(),
        unfinished_runs=tx.scalars(open_runs).one(),
    )


def backup(url: str, to: Path) -> Path:
    """Copy the ledger to a new file while it may be in use; the file is there whole or not at all.

    Raises UsageError when the file exists or the ledger is on a server (its own tool does it), and the
    errors of `engine.ledger.faults`.
    """
    source = _file(url)
    if to.is_dir():
        to = to / source.name
    if to.exists():
        raise UsageError(tr('"{path}" exists already; a backup never overwrites', path=to))
    part = to.with_name(f"{to.name}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _copy(source, part)
        part.rename(to)
    except sqlite3.Error as error:
        raise faults.plain_sqlite(error, str(source)) from error
    except OSError as error:
        raise faults.LedgerUnwritableError(
            tr('the backup "{path}" cannot be written: {reason}', path=to, reason=error.strerror or "")
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return to


def check(url: str) -> list[str]:
    """What is damaged in the ledger's file, in SQLite's words; empty when all is well, or on a server."""
    path = ledger_path(url)
    if path is None or not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path)) as database:  # reads only: nobody has to wait for it
            damages = [row[0] for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
            orphans = database.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise faults.plain_sqlite(error, str(path)) from error
    return damages + [f"{table} {row} -> {parent}" for table, row, parent, _ in orphans]


def _file(url: str) -> Path:
    path = ledger_path(url)
    if path is None:
        raise UsageError(
            tr('the ledger "{place}" is no file', place=ledger_place(url)),
            hint=tr("back it up with the database's own tool: pg_dump --format=custom"),
        )
    require_ledger(url)
    return path


def _copy(source: Path, to: Path) -> None:
    """By SQLite's online backup: a consistent state, whatever is written meanwhile."""
    with closing(sqlite3.connect(source)) as left, closing(sqlite3.connect(to)) as right:
        left.backup(right)
        damages = [row[0] for row in right.execute("PRAGMA quick_check") if row[0] != "ok"]
    if damages:
        raise faults.LedgerBrokenError(
            tr('the ledger "{place}" is damaged', place=str(source)), hint="; ".join(damages[:3])
        )
    with to.open("rb+") as file:
        os.fsync(file.fileno())


def _size(tx: Connection) -> int:
    if tx.dialect.name == "sqlite":
        return _file_size(tx.engine.url)
    sizes = (
        tx.scalar(text("SELECT pg_total_relation_size(to_regclass(:name))"), {"name": name})
        for name in metadata.tables
    )
    return sum(size or 0 for size in sizes)


def _file_size(url: URL) -> int:
    parts = (Path(f"{url.database}{suffix}") for suffix in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.is_file())
