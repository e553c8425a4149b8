"""The marks of a merge that a human has still to decide: what they look like, and where a text has one.

A file with such marks is no YAML and no table, on purpose: nothing is sent from it until somebody has decided.
"""

from __future__ import annotations

import re

__all__ = ["BETWEEN", "CLOSING", "OPENING", "first_mark"]

OPENING = "<<<<<<< "
BETWEEN = "======="
CLOSING = ">>>>>>> "

_MARK = re.compile(rf"^(?:{OPENING}|{BETWEEN}[ \t]*\r?$|{CLOSING})", re.MULTILINE)


def first_mark(text: str) -> int | None:
    """The line, from 1, of the first mark that stands in a text; None where there is none."""
    found = _MARK.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None
