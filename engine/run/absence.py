"""Why a record is not in the ledger: by its name's own time, and by what each scheme has listed."""

from __future__ import annotations

from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.connector.registry import connector_class
from engine.errors import EngineError
from engine.language import tr
from engine.ledger import story, windows
from engine.ledger.windows import SpanState
from engine.run.telling import when

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.run.inspect import View

__all__ = ["absence"]

_PRECISION = timedelta(minutes=1)
"""How exactly a number tells its time."""

_CLOSE = 0.9
"""How alike a mistyped number must be: numbers of one day are alike anyway."""


def absence(
    tx: Transaction, view: View, name: str, scheme: str | None, elsewhere: Sequence[str]
) -> list[str]:
    """Reasons why nobody has seen a record of this name; `elsewhere` are the schemes that have, if any."""
    if elsewhere:
        return [
            tr(
                "scheme '{scheme}' has not seen '{name}'; {others} has",
                scheme=scheme or "",
                name=name,
                others=", ".join(f"'{other}'" for other in elsewhere),
            )
        ]
    lines = [tr("no scheme has seen '{name}' in this ledger", name=name)]
    close = get_close_matches(name, story.names(tx), n=1, cutoff=_CLOSE)
    if close:
        lines.append(tr("did you mean '{word}'?", word=close[0]))
    marks = story.watermarks_of(tx, scheme)
    if not marks:
        lines.append(tr("no run has listed anything yet"))
    made = creation_time(view, name)
    if made is not None and made > view.clock.now() + _PRECISION:
        lines.append(tr("by its number it was made at {made}, which is yet to come", made=when(made)))
        return lines
    for key, about, mark in marks:
        lines.append(_against(tx, key, str(about.get("scheme")), mark, made))
    if made is None:
        lines.append(
            tr("its number does not tell when it was made; check the number, the process and the environment")
        )
    return lines


def _against(tx: Transaction, key: str, scheme: str, mark: datetime, made: datetime | None) -> str:
    """What one scheme's listing says about a record made then."""
    first = windows.covered_from(tx, key)
    listed = tr(
        "'{scheme}' has listed {start} to {end}",
        scheme=scheme,
        start=when(first) if first else "-",
        end=when(mark),
    )
    if made is None:
        return listed
    moment = when(made)
    if first is None or made < first:
        return tr(
            "{listed}; it was made at {made}, before that: start the window earlier, or use --since",
            listed=listed,
            made=moment,
        )
    for span in windows.spans_of(tx, key):
        if span.state is not SpanState.LISTED and span.start <= made < span.end:
            return _missed(listed, moment, span)
    if made >= mark - _PRECISION:
        return tr(
            "{listed}; it was made at {made}, after that: the next run lists it", listed=listed, made=moment
        )
    return tr(
        "{listed}; it was made at {made}, within that, and the source did not name it: "
        "another process code, or it was deleted",
        listed=listed,
        made=moment,
    )


def _missed(listed: str, moment: str, span: windows.Listed) -> str:
    """It was made in a stretch that could not be listed."""
    if span.state is SpanState.GAP:
        return tr(
            "{listed}; it was made at {made}, in a gap that the source refuses to list: {reason}",
            listed=listed,
            made=moment,
            reason=span.reason or "",
        )
    return tr(
        "{listed}; it was made at {made}, where listing broke off: the next run lists it anew: {reason}",
        listed=listed,
        made=moment,
        reason=span.reason or "",
    )


def creation_time(view: View, name: str) -> datetime | None:
    """When a record was made, as its name tells under one of the environment's connectors."""
    for connection in view.choice.environment.connections.values():
        try:
            made = connector_class(connection.connector).creation_time(name)
        except EngineError:
            continue
        if made is not None:
            return made
    return None
