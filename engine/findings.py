"""What is wrong with a file, found without running it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.errors import Position

__all__ = ["Finding", "Severity", "nearest"]


class Severity(StrEnum):
    """How grave a finding is; only errors keep a scheme from running."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: a stable `code`, where, what, and what to write instead."""

    code: str
    position: Position
    message: str
    severity: Severity = Severity.ERROR
    hint: str | None = None

    def __str__(self) -> str:
        line = f"{self.position}  {self.code}  {self.message}"
        return f"{line}\n    {self.hint}" if self.hint else line


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word the user probably meant, or None."""
    names = list(known)
    folded = {name.casefold(): name for name in names}
    if word.casefold() in folded:
        return folded[word.casefold()]
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    return found[0] if found else None
