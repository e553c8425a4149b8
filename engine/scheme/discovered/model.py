"""Fields that were found in real records, or that a system described."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVERY", "Discovered", "FoundField", "path_of"]

EVERY = "*"
"""The step from a table to each of its rows."""


@dataclass(frozen=True, slots=True)
class FoundField:
    """One field: where it is, what people call it, and what was seen of it.

    `names` lead to it, `EVERY` through the rows of a table; `id` is its component's, which outlives a change
    of label; of `of` records (or rows) `seen` had something in it; `formerly` are labels that older records
    have it under. `refers` is the base data form that a target's field takes its values from.
    """

    names: tuple[str, ...]
    label: str
    type: str
    id: str = ""
    required: bool = False
    seen: int | None = None
    of: int | None = None
    examples: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    refers: str = ""

    @property
    def table(self) -> tuple[str, ...]:
        """The names that lead to the table of a column; empty for any other field."""
        return self.names[: self.names.index(EVERY)] if EVERY in self.names else ()


@dataclass(frozen=True, slots=True)
class Discovered:
    """All that was found of one thing: `subject` is a scheme's source, or a form of a target."""

    subject: str
    environment: str
    fields: tuple[FoundField, ...]
    records: int | None = None
    form: str = ""
    """The form's own name, where it is one of a target."""

    @property
    def is_source(self) -> bool:
        return not self.form

    def path(self, one: FoundField) -> str:
        """How a scheme writes it: a path of the record, or a field of the form."""
        return path_of(one.names) if self.is_source else ".".join(one.names)

    def tree(self) -> dict[str, Any]:
        """The names below each name, rows and their table together."""
        top: dict[str, Any] = {}
        for one in self.fields:
            below = top
            for name in one.names:
                if name != EVERY:
                    below = below.setdefault(name, {})
        return top

    def by_path(self) -> Mapping[tuple[str, ...], FoundField]:
        """Each field by its names."""
        return {one.names: one for one in self.fields}


@dataclass(slots=True)
class Tally:
    """What is counted of one field while records are gone through."""

    names: tuple[str, ...]
    seen: int = 0
    of: int = 0
    kinds: set[str] = field(default_factory=set)
    values: dict[str, int] = field(default_factory=dict)
    former: dict[str, None] = field(default_factory=dict)


def path_of(names: tuple[str, ...]) -> str:
    """Names as a path of a record: ``$.报销明细[*].费用明细``."""
    from engine.mapping.path_steps import Step, bare

    text = "$"
    for name in names:
        if name == EVERY:
            text += "[*]"
        else:
            text += f".{name}" if bare(name) else Step.named(name).quoted
    return text
