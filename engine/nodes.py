"""Values read from YAML or CSV that remember where they stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """One YAML value and its place.

    `value` is a scalar (str, int, Decimal, bool, None), a tuple of nodes, or a dict from key to node; for a
    dict, `keys` holds each key's own place. Never a float: numbers with a point are Decimal. `quoted` says
    that a text stands in quotes, and so begins one column after `position`.
    """

    value: Any
    position: Position
    keys: dict[str, Position] = field(default_factory=dict)
    quoted: bool = False

    @property
    def text_position(self) -> Position:
        """Where the first character of a text stands; a column within the text counts from here."""
        place = self.position
        return Position(place.file, place.line, place.column + 1) if self.quoted else place

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    def get(self, key: str) -> Node | None:
        """The node under `key`, or None when this is no mapping or lacks it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping, in the file's order."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value
