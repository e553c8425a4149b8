"""How many calls a reconciliation will take, as far as the ledger tells beforehand."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from engine.errors import QuotaSpent
from engine.language import tr
from engine.ledger import comparing
from engine.run.window import cut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.run.lane import Lane, Work

__all__ = ["expected_calls", "refuse_beyond_budget"]

_USUAL_PAGE = 20
_TARGET_PAGE = 2000
_KEYS_AT_ONCE = 100


async def expected_calls(lane: Lane, work: Work, since: datetime, until: datetime) -> dict[str, int]:
    """About how many calls each connection will get. Claims that the ledger does not know come on top."""
    assert lane.origin is not None
    assert lane.source is not None
    system = lane.origin.system
    known, pruned = await work.ledger.do(
        lambda tx: (
            comparing.ids(tx, system, lane.family),
            comparing.pruned(tx, lane.scheme.id, lane.to.system, since, until),
        )
    )
    created = lane.origin.connector.creation_time
    inside = [each for each in known if (made := created(each[0])) is None or since <= made < until]
    open_ = sum(not final for _, final, _ in inside)
    unread = sum(not (final and kept) for _, final, kept in inside)
    elsewhen = set(pruned) - {id for id, _, _ in inside}  # their bills are listed, and they are read again
    longest = lane.source.longest_span
    spans = 1 if longest is None else max(len(cut(since, until, longest)), 1)
    pages = max(ceil(len(inside) / _size(lane.request)), spans)
    gets = unread if lane.source.gets_each else 0
    asked = 2 * ceil(len(inside) / _TARGET_PAGE) + 2 * ceil(open_ / _KEYS_AT_ONCE)
    return {lane.origin.connection.name: pages + gets + len(elsewhen), lane.to.connection.name: max(asked, 2)}


async def refuse_beyond_budget(lane: Lane, expected: Mapping[str, int]) -> None:
    """Half a comparison tells nothing: none is begun that the quota cannot carry. Raises QuotaSpent."""
    for bound in (lane.origin, lane.to):
        if bound is None:
            continue
        left, needed = (await bound.meter.budget()).left, expected.get(bound.connection.name, 0)
        if left is not None and left < needed:
            raise QuotaSpent(
                tr(
                    "this takes about {needed} calls of '{name}', and {left} are left",
                    needed=needed,
                    name=bound.connection.name,
                    left=left,
                ),
                hint=tr("take a shorter period with --since and --until"),
            )


def _size(request: Mapping[str, Any]) -> int:
    for name in ("size", "maxResults", "Limit"):
        text = str(request.get(name) or "")
        if text.isdecimal() and int(text):
            return int(text)
    return _USUAL_PAGE
