"""How far each listing has been read: a watermark for the whole, spans for what happened on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, insert, select, update

from engine import jsontext
from engine.ledger.sql import insert_missing
from engine.ledger.tables import spans, watermarks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

__all__ = [
    "Listed",
    "SpanState",
    "advance",
    "covered_from",
    "covered_until",
    "forget",
    "gaps",
    "note_span",
    "read_watermark",
    "spans_of",
    "watermark_key",
]


class SpanState(StrEnum):
    """What became of a span."""

    LISTED = "listed"  # wholly
    GAP = "gap"  # the source refuses to list it, for good
    BROKEN = "broken"  # it will be listed anew


@dataclass(frozen=True, slots=True)
class Listed:
    """A span that was asked for: start ≤ t < end."""

    start: datetime
    end: datetime
    state: SpanState
    run: str
    items: int
    reason: str | None
    at: datetime


def watermark_key(
    scheme: str, system: str, interface: str, request: Mapping[str, Any], target: str = ""
) -> str:
    """A listing's identity: a hash that does not depend on the order of keys.

    `request` is the rendered one, without time and page fields. `target` is the target system: what was
    listed for one of them says nothing about what another has still to get.
    """
    about = [scheme, system, interface, request, target]
    plain = orjson.loads(jsontext.dumps(about))  # Decimals as numbers, tuples as lists
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_watermark(tx: Connection, key: str) -> datetime | None:
    """Up to where everything is listed; None when nothing is yet."""
    mark: datetime | None = tx.scalar(select(watermarks.c.mark).where(watermarks.c.key == key))
    return mark


def advance(
    tx: Connection, key: str, about: Mapping[str, Any], start: datetime, end: datetime, at: datetime
) -> datetime:
    """Move the mark over a wholly listed span (or a gap) and return it.

    The first span sets it; a later one moves it only when it begins at the mark or before: never over a
    hole, never back. Spans must therefore be reported in the order of time.
    """
    row = {"key": key, "about": about, "mark": start, "updated_at": at}
    insert_missing(tx, watermarks, [row], ["key"])
    mark: datetime = tx.scalars(select(watermarks.c.mark).where(watermarks.c.key == key)).one()
    if not start <= mark < end:
        return mark
    tx.execute(update(watermarks).where(watermarks.c.key == key).values(mark=end, updated_at=at))
    return end


def forget(tx: Connection, key: str) -> None:
    """Know nothing of a listing any more: all of it is listed anew."""
    tx.execute(delete(spans).where(spans.c.watermark == key))
    tx.execute(delete(watermarks).where(watermarks.c.key == key))


def note_span(
    tx: Connection,
    key: str,
    start: datetime,
    end: datetime,
    state: SpanState,
    *,
    run: str,
    at: datetime,
    items: int = 0,
    reason: str | None = None,
) -> None:
    """Record what became of a span.

    Listed spans that touch are kept as one; an earlier 'broken' note of the same stretch is dropped.
    """
    if state is not SpanState.BROKEN:
        broken = spans.c.state == SpanState.BROKEN
        tx.execute(
            delete(spans).where(spans.c.watermark == key, broken, spans.c.start >= start, spans.c.start < end)
        )
    if state is SpanState.LISTED and _extend(tx, key, start, end, run, items, at):
        return
    tx.execute(
        insert(spans).values(
            watermark=key, start=start, end=end, state=state, run=run, items=items, reason=reason, at=at
        )
    )


def _extend(
    tx: Connection, key: str, start: datetime, end: datetime, run: str, items: int, at: datetime
) -> bool:
    """Join the span to the latest listed one, if that reaches its start."""
    last = tx.execute(
        select(spans)
        .where(spans.c.watermark == key, spans.c.state == SpanState.LISTED)
        .order_by(spans.c.end.desc())
        .limit(1)
    ).one_or_none()
    if last is None or not last.start <= start <= last.end:
        return False
    tx.execute(
        update(spans)
        .where(spans.c.id == last.id)
        .values(end=max(end, last.end), run=run, items=last.items + items, at=at)
    )
    return True


def spans_of(tx: Connection, key: str, state: SpanState | None = None) -> list[Listed]:
    """What became of a listing's spans, in the order of time."""
    wanted = [spans.c.watermark == key] + ([spans.c.state == state] if state else [])
    rows = tx.execute(select(spans).where(*wanted).order_by(spans.c.start, spans.c.id))
    return [
        Listed(row.start, row.end, SpanState(row.state), row.run, row.items, row.reason, row.at)
        for row in rows
    ]


def gaps(tx: Connection, key: str) -> list[Listed]:
    """The stretches that the source refused to list: what was created then was never seen."""
    return spans_of(tx, key, SpanState.GAP)


def covered_from(tx: Connection, key: str) -> datetime | None:
    """Where the listing began; a window that is later set to start earlier has this much left to list."""
    settled = spans.c.state.in_([SpanState.LISTED, SpanState.GAP])
    first: datetime | None = tx.scalar(
        select(func.min(spans.c.start)).where(spans.c.watermark == key, settled)
    )
    return first


def covered_until(tx: Connection, key: str, start: datetime, lag: timedelta) -> datetime:
    """How far everything from `start` on is listed (or a gap) without a hole; `start` itself when nothing is.

    A listing that began up to `lag` later than `start` counts as begun there.
    """
    settled = spans.c.state.in_([SpanState.LISTED, SpanState.GAP])
    listed = select(spans.c.start, spans.c.end).where(spans.c.watermark == key, settled)
    reach = start
    for span in tx.execute(listed.order_by(spans.c.start)):
        if span.start > max(reach, start + lag):
            break
        reach = max(reach, span.end)
    return reach
