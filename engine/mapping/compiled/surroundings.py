"""What holds for all templates of a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.mapping.compiled.trees import NODES_MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.mapping.compiled.reads import Level
    from engine.mapping.compiled.writer import Writer

__all__ = ["Surroundings", "is_digits", "look_up"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for all of a mapping: the tables' defaults, the zone, and how totals are added up."""

    table_defaults: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    """Those that are wholly known; the others are asked through ``look``."""
    params: Level
    sums: Mapping[str, str]
    """The variables of totals over amounts."""
    top: frozenset[str]
    """The document's fields that hold no rows and no groups."""
    values: Mapping[str, str]
    """Those that are worked out already, by name."""
    nodes_most: int = NODES_MOST
    """How large a template may be."""


def look_up(writer: Writer, around: Surroundings, table: str, key: str) -> str:
    """An expression for a table's value or `MISS`."""
    known = around.tables.get(table)
    if known is None:
        return f"look({writer.literal(table)}, {key})"
    return f"{writer.keep(known)}.get({key}, MISS)"


def is_digits(name: str) -> str:
    """An expression for whether a value is a text of digits with one point at most, as most amounts are."""
    plain = f"{name}.isascii() and {name}.replace('.', '', 1).isdigit()"
    return f"{name}.__class__ is str and len({name}) <= 40 and {plain}"
