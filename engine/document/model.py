"""A document as it is before it is written down: sections of facts, steps and tables, all of them plain text.

Nothing here is markup. Texts may be anybody's, so each renderer escapes them in its own way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Document", "Section", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head. `code` are the columns that hold names, paths and templates as they are written."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: tuple[int, ...] = (0,)

    def without_empty_columns(self) -> Table:
        """Without the columns, but the first, in which nothing stands."""
        kept = [
            place for place in range(len(self.head)) if place == 0 or any(row[place] for row in self.rows)
        ]
        return Table(
            self.title,
            tuple(self.head[place] for place in kept),
            tuple(tuple(row[place] for place in kept) for row in self.rows),
            tuple(new for new, place in enumerate(kept) if place in self.code),
        )


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, in this order: words, facts by name, steps, tables."""

    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    steps: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document."""

    title: str
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, Any]:
        """The document as plain values."""
        return asdict(self)
