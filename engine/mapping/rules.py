"""A mapping as the engine holds it: what becomes of each field of the document, in the scheme's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.errors import Position
    from engine.mapping.paths import Path
    from engine.mapping.templates import Template

__all__ = [
    "Array",
    "Block",
    "Check",
    "Constant",
    "Entry",
    "Field",
    "Items",
    "Leaf",
    "MappingSpec",
    "Nested",
    "PathLeaf",
    "Rule",
    "TemplateLeaf",
    "known_names",
    "templates_in",
    "templates_of",
]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is the same for all records."""

    value: Any
    position: Position


@dataclass(frozen=True, slots=True)
class PathLeaf:
    """A value that is cut out of the record or row."""

    path: Path
    position: Position


@dataclass(frozen=True, slots=True)
class TemplateLeaf:
    """A value that is worked out."""

    template: Template
    position: Position


Leaf = Constant | PathLeaf | TemplateLeaf


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is filled.

    `required` and `type` are None where the scheme leaves them to the form; `when` false leaves the field
    out; `default` serves a missing value and a table's miss.
    """

    leaf: Leaf
    position: Position
    default: Leaf | None = None
    required: bool | None = None
    type: str | None = None
    format: str | None = None
    lookup: str | None = None
    when: Template | Constant | None = None
    max_length: int | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Nested:
    """A group of fields."""

    fields: tuple[Field, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of an array: one for each row of a table, or one literal row where `each` is None."""

    fields: tuple[Field, ...]
    position: Position
    each: Path | None = None
    where: Template | Constant | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Array:
    """An array of rows: its blocks' rows, one block after the other."""

    blocks: tuple[Block, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Items:
    """A list of plain values."""

    leaves: tuple[Leaf, ...]
    position: Position


Entry = Rule | Nested | Array | Items


@dataclass(frozen=True, slots=True)
class Field:
    """A name in the document, where it stands in the scheme, and what fills it."""

    name: str
    position: Position
    entry: Entry


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every document must meet, and what to say where it does not."""

    that: Template
    position: Position
    say: Leaf | None = None


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """A whole mapping: the document's fields in order, and the checks."""

    fields: tuple[Field, ...]
    position: Position
    checks: tuple[Check, ...] = ()


def known_names(fields: tuple[Field, ...]) -> dict[str, Any]:
    """The names that a mapping writes, nested: an array's names are those of all its blocks."""
    known: dict[str, Any] = {}
    for field in fields:
        entry = field.entry
        inner: dict[str, Any] = {}
        if isinstance(entry, Nested):
            inner = known_names(entry.fields)
        elif isinstance(entry, Array):
            for block in entry.blocks:
                inner = _merged(inner, known_names(block.fields))
        known[field.name] = inner
    return known


def _merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {name: _merged(left.get(name, {}), right.get(name, {})) for name in {**left, **right}}


def templates_in(entry: Entry) -> Iterator[Template]:
    """The templates of a rule or of a list's values; those of groups and rows are their fields' own."""
    leaves: tuple[Leaf | None, ...] = ()
    if isinstance(entry, Rule):
        leaves = (entry.leaf, entry.default)
        if entry.when is not None and not isinstance(entry.when, Constant):
            yield entry.when
    elif isinstance(entry, Items):
        leaves = entry.leaves
    for leaf in leaves:
        if isinstance(leaf, TemplateLeaf):
            yield leaf.template


def templates_of(spec: MappingSpec) -> Iterator[Template]:
    """All templates of a mapping and its checks."""
    yield from _of_fields(spec.fields)
    for check in spec.checks:
        yield check.that
        if isinstance(check.say, TemplateLeaf):
            yield check.say.template


def _of_fields(fields: tuple[Field, ...]) -> Iterator[Template]:
    for entry in (field.entry for field in fields):
        yield from templates_in(entry)
        if isinstance(entry, Nested):
            yield from _of_fields(entry.fields)
        elif isinstance(entry, Array):
            for block in entry.blocks:
                if block.where is not None and not isinstance(block.where, Constant):
                    yield block.where
                yield from _of_fields(block.fields)
