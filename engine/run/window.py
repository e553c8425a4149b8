"""Which stretch of time a run lists, cut into spans that the source accepts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.connector.api import Span
from engine.language import tr
from engine.ledger import windows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.run.lane import Lane, Work

__all__ = ["LAG", "Window", "cut", "plan_window"]

LAG = timedelta(seconds=5)
"""The listing ends this long before the run's start: what is being created right now is the next run's."""


@dataclass(frozen=True, slots=True)
class Window:
    """The spans to list, oldest first; a single None for an interface without time.

    `key` is the watermark that the spans move; None for a window that was asked for by hand.
    """

    spans: tuple[Span | None, ...]
    key: str | None
    about: Mapping[str, Any]
    listed_until: datetime | None = None
    """How far all is listed without a hole; None when there is something from before to list."""


async def plan_window(
    lane: Lane,
    work: Work,
    began: datetime,
    *,
    start: datetime | None,
    since: datetime | None,
    until: datetime | None,
    counted: bool,
) -> Window:
    """Plan a run's listing.

    `start` is the scheme's own; `since` and `until` replace it for one run; `counted` is False for a run that
    must not move the watermark.
    """
    assert lane.source is not None
    assert lane.origin is not None
    longest = lane.source.longest_span
    source = lane.scheme.source
    about = {
        "scheme": lane.scheme.id,
        "system": lane.origin.system,
        "target": lane.to.system,
        "interface": source.interface,
        "request": dict(lane.request),
    }
    if longest is None or (start is None and since is None):
        return Window((None,), None, about)
    key = windows.watermark_key(
        lane.scheme.id, lane.origin.system, source.interface, lane.request, lane.to.system
    )
    end = min(until or began - LAG, began - LAG)
    if since is not None or until is not None or not counted:
        begin = since or start
        assert begin is not None
        return Window(tuple(cut(begin, end, longest)), None, about)
    overlap = source.window.overlap if source.window else timedelta()
    assert start is not None
    mark = await work.ledger.do(lambda tx: windows.read_watermark(tx, key))
    if mark is not None and mark > began + overlap / 2:
        work.tally.warn(
            tr(
                "the clock was ahead when this was last listed, up to {mark}; all is listed anew",
                mark=f"{mark.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            )
        )
        await work.ledger.do(lambda tx: windows.forget(tx, key))
        mark = None
    # Spans may have broken, or the process died, between a window's new start and what was listed before.
    covered = await work.ledger.do(lambda tx: windows.covered_until(tx, key, start, LAG))
    begin = start if mark is None else max(start, min(mark, covered) - overlap)
    whole = mark is not None and mark <= covered
    return Window(tuple(cut(begin, end, longest)), key, about, mark if whole else None)


def cut(start: datetime, end: datetime, longest: timedelta) -> list[Span]:
    """A stretch cut into spans of at most `longest`, oldest first; nothing when it is empty."""
    spans = []
    while start < end:
        stop = min(start + longest, end)
        spans.append(Span(start, stop))
        start = stop
    return spans
