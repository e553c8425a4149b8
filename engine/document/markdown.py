"""Markdown from texts that may be anybody's: what is said in a page never becomes its markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.document.seen import on_one_line, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["block", "code", "table", "text"]

_MARKUP = re.compile(r"([\\`*_\[\]|~])")
_ANGLES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})
_LONGEST = 400


def text(value: object, longest: int | None = _LONGEST) -> str:
    """A text as running text, on one line, cut where it is longer than `longest`."""
    line = _line(value, longest)
    shown = _MARKUP.sub(r"\\\1", line).translate(_ANGLES)
    return re.sub(r"^([#+-]|\d+\.)", r"\\\1", shown)


def code(value: object, longest: int | None = _LONGEST) -> str:
    """A text as a piece of code, on one line; usable in a table's cell."""
    line = _line(value, longest)
    if not line:
        return ""
    ticked = max((len(ticks) for ticks in re.findall("`+", line)), default=0)
    fence = "`" * (ticked + 1)
    gap = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{gap}{line}{gap}{fence}".replace("|", "\\|")


def block(language: str, value: str) -> list[str]:
    """A text as a block of code."""
    longest = max((len(ticks) for ticks in re.findall("`{3,}", value)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *(seen(line) for line in value.split("\n")), fence, ""]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of cells that are Markdown; columns in which nothing stands are left out."""
    if not rows:
        return []
    kept = [column for column in range(len(headings)) if column == 0 or any(row[column] for row in rows)]
    lines = [headings, ["---"] * len(headings), *rows]
    return [*("| " + " | ".join(line[column] for column in kept) + " |" for line in lines), ""]


def _line(value: object, longest: int | None) -> str:
    line = on_one_line(value)
    return line if longest is None or len(line) <= longest else line[:longest] + "…"
