"""The marks of a merge that a human has still to decide: what they look like, and where a text has one.

A file with such marks is no YAML and no table, on purpose: nothing is sent from it until somebody has
decided.
"""

from __future__ import annotations

import re

from engine.errors import Position, SchemeError
from engine.language import tr

__all__ = ["BETWEEN", "CLOSING", "OPENING", "UndecidedError", "first_mark", "refuse_marks"]

OPENING = "<<<<<<< "
BETWEEN = "======="
CLOSING = ">>>>>>> "

_MARK = re.compile(rf"^(?:{OPENING}|{BETWEEN}[ \t]*\r?$|{CLOSING})", re.MULTILINE)


def first_mark(text: str) -> int | None:
    """The line, from 1, of the first mark that stands in a text; None where there is none."""
    found = _MARK.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


class UndecidedError(SchemeError):
    """A text has the marks of a merge in it."""


def refuse_marks(text: str, name: str) -> None:
    """Raise UndecidedError at the first mark in a text; `name` is its file's."""
    line = first_mark(text)
    if line is not None:
        raise UndecidedError(
            tr("two versions stand here side by side, and nobody has chosen yet"),
            position=Position(name, line),
            hint=tr(
                "between {first} and {middle} stands yours, from there to {last} the other; "
                "keep what is to hold, and delete the lines with the marks",
                first=OPENING.strip(),
                middle=BETWEEN,
                last=CLOSING.strip(),
            ),
        )
