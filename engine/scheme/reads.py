"""What a scheme reads of a record, and where: the fields whose loss would leave a hole in a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.mapping.reads import Spot, read_by_path, read_by_template, table_of
from engine.mapping.rules import Array, Constant, Field, Items, Nested, PathLeaf, Rule, TemplateLeaf

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.errors import Position
    from engine.mapping.rules import Block, Leaf
    from engine.mapping.templates import Template
    from engine.scheme.model import Scheme

__all__ = ["Read", "reads_of"]

_CONDITIONS = ("final", "where", "hold")


@dataclass(frozen=True, slots=True)
class Read:
    """One place that reads a field: the path or template, and what it fills.

    `part` is ``final``, ``where`` or ``hold`` for the source's conditions, else ``target``. `optional` marks
    a table that the scheme says may be missing.
    """

    spot: Spot
    text: str
    position: Position
    part: str
    field: str = ""
    label: str | None = None
    optional: bool = False


@dataclass(slots=True)
class _Collector:
    found: list[Read] = field(default_factory=list)

    def template(
        self,
        template: Template,
        part: str,
        name: str,
        rows: tuple[str | None, ...] = (),
        label: str | None = None,
    ) -> None:
        for spot in sorted(read_by_template(template, rows)):
            self.found.append(Read(spot, template.text, template.position, part, name, label))

    def leaf(self, leaf: Leaf | None, name: str, rows: tuple[str | None, ...], label: str | None) -> None:
        if isinstance(leaf, TemplateLeaf):
            self.template(leaf.template, "target", name, rows, label)
        elif isinstance(leaf, PathLeaf):
            for spot in sorted(read_by_path(leaf.path, rows[-1] if rows else None)):
                self.found.append(Read(spot, leaf.path.text, leaf.path.position, "target", name, label))

    def condition(
        self,
        condition: Template | Constant | None,
        name: str,
        rows: tuple[str | None, ...],
        label: str | None,
    ) -> None:
        if condition is not None and not isinstance(condition, Constant):
            self.template(condition, "target", name, rows, label)

    def fields(self, fields: Iterable[Field], prefix: str, rows: tuple[str | None, ...]) -> None:
        for each in fields:
            name, entry = f"{prefix}{each.name}", each.entry
            if isinstance(entry, Rule):
                self.condition(entry.when, name, rows, entry.label)
                self.leaf(entry.leaf, name, rows, entry.label)
                self.leaf(entry.default, name, rows, entry.label)
            elif isinstance(entry, Items):
                for leaf in entry.leaves:
                    self.leaf(leaf, name, rows, None)
            elif isinstance(entry, Nested):
                self.fields(entry.fields, f"{name}.", rows)
            elif isinstance(entry, Array):
                for block in entry.blocks:
                    self.block(block, name, rows)

    def block(self, block: Block, name: str, rows: tuple[str | None, ...]) -> None:
        inner = rows
        if block.each is not None:
            path = block.each
            for spot in sorted(read_by_path(path, rows[-1] if rows else None)):
                read = Read(spot, path.text, path.position, "target", name, optional=block.optional)
                self.found.append(read)
            inner = (*rows, table_of(path))
        self.condition(block.where, name, inner, None)
        self.fields(block.fields, f"{name}.", inner)


def reads_of(scheme: Scheme) -> dict[Spot, tuple[Read, ...]]:
    """Each field of a record that the scheme's conditions, mapping and checks read, with the places that do.

    What only a callback reads is left out: a comment without it is no reason not to pay.
    """
    collector = _Collector()
    for part in _CONDITIONS:
        condition = getattr(scheme.source, part)
        if condition is not None:
            collector.template(condition, part, f"source.{part}")
    mapping = scheme.target.mapping
    collector.fields(mapping.fields, "", ())
    for check in mapping.checks:
        collector.template(check.that, "target", "checks")
        collector.leaf(check.say, "checks", (), None)
    found: dict[Spot, list[Read]] = {}
    for read in collector.found:
        found.setdefault(read.spot, []).append(read)
    return {spot: tuple(reads) for spot, reads in found.items()}
