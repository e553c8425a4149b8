"""The marks of a merge that a human has still to decide: what they look like, and where a text has one.

A file with such marks is no YAML and no table, on purpose: nothing is sent from it until somebody has
decided.
"""

from __future__ import annotations

import re

from engine.errors import Position, SchemeError
from engine.language import tr

__all__ = ["BETWEEN", "CLOSING", "OPENING", "UndecidedError", "open_choices", "refuse_marks"]

OPENING = "<<<<<<< "
BETWEEN = "======="
CLOSING = ">>>>>>> "

_MARK = re.compile(rf"^(?:{OPENING}|{BETWEEN}[ \t]*\r?$|{CLOSING})", re.MULTILINE)


def open_choices(text: str) -> list[int]:
    """The lines, from 1, where a choice is left open: its first mark, or a mark that was left over."""
    lines, line, at, inside = [], 1, 0, False
    for found in _MARK.finditer(text):
        line, at = line + text.count("\n", at, found.start()), found.start()
        opens = found[0].startswith(OPENING)
        if opens or not inside:
            lines.append(line)
        inside = opens or (inside and not found[0].startswith(CLOSING))
    return lines


class UndecidedError(SchemeError):
    """A text has the marks of a merge in it."""


def refuse_marks(text: str, name: str) -> None:
    """Raise UndecidedError at the first choice that a text leaves open, and tell of the others; `name` is
    its file's."""
    found = [_undecided(Position(name, line)) for line in open_choices(text)]
    if found:
        raise UndecidedError.of(found)


def _undecided(place: Position) -> UndecidedError:
    return UndecidedError(
        tr("two versions stand here side by side, and nobody has chosen yet"),
        position=place,
        hint=tr(
            "between {first} and {middle} stands yours, from there to {last} the other; "
            "keep what is to hold, and delete the lines with the marks",
            first=OPENING.strip(),
            middle=BETWEEN,
            last=CLOSING.strip(),
        ),
    )
