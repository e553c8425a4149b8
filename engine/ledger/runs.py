"""What each run was and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from engine.ledger.tables import runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

__all__ = ["Run", "finish", "list_runs", "show", "start", "unfinished"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `status` and `ended_at` are None while it goes on, or when its process died."""

    id: str
    scheme: str
    scheme_hash: str
    environment: str
    command: str
    started_at: datetime
    ended_at: datetime | None = None
    status: str | None = None
    result: Mapping[str, Any] | None = None


def start(
    tx: Connection,
    id: str,
    *,
    scheme: str,
    scheme_hash: str,
    environment: str,
    command: str,
    at: datetime,
) -> None:
    """Record that a run begins."""
    tx.execute(
        insert(runs).values(
            id=id,
            scheme=scheme,
            scheme_hash=scheme_hash,
            environment=environment,
            command=command,
            started_at=at,
        )
    )


def finish(tx: Connection, id: str, status: str, result: Mapping[str, Any], at: datetime) -> None:
    """Record how a run ended: success, partial or failed, and the object that ``run --json`` prints."""
    tx.execute(update(runs).where(runs.c.id == id).values(status=status, result=result, ended_at=at))


def list_runs(tx: Connection, scheme: str | None = None, *, limit: int = 50) -> list[Run]:
    """The latest runs, newest first."""
    query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
    return [
        _run(row) for row in tx.execute(query if scheme is None else query.where(runs.c.scheme == scheme))
    ]


def show(tx: Connection, id: str) -> Run | None:
    """The run with this id, or None."""
    row = tx.execute(select(runs).where(runs.c.id == id)).one_or_none()
    return None if row is None else _run(row)


def unfinished(tx: Connection, scheme: str | None = None, environment: str | None = None) -> list[Run]:
    """Runs without an end, oldest first: going on, or died. Only who holds their lease can tell which."""
    query = select(runs).where(runs.c.ended_at.is_(None)).order_by(runs.c.started_at, runs.c.id)
    if scheme is not None:
        query = query.where(runs.c.scheme == scheme)
    if environment is not None:
        query = query.where(runs.c.environment == environment)
    return [_run(row) for row in tx.execute(query)]


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)
