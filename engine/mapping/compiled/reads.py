"""Reading fields: each once for a record or row, before anything is worked out from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.mapping.path_steps import plain_names

if TYPE_CHECKING:
    from engine.mapping.compiled.writer import Lines, Writer
    from engine.mapping.paths import Path

__all__ = ["Level", "Place", "read_field", "read_path", "refuse_repeated"]


@dataclass(slots=True)
class Level:
    """A record or row: the variable that holds it, and what was read of it so far.

    `scope` is the name of the interpreted form's scope, once something needs it.
    """

    root: str
    is_record: bool
    prelude: Lines
    reads: dict[tuple[str, ...], str] = field(default_factory=dict)
    scope: str | None = None
    table: str = ""
    """The variable of the table whose rows these are."""
    before: Lines | None = None
    """Lines before the first of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where code is written: the record and the rows around it."""

    levels: tuple[Level, ...]

    @property
    def rows(self) -> str:
        """The rows' variables, as further arguments."""
        return "".join(f", {level.root}" for level in self.levels[1:])

    def new_scope(self, document: str = "{}") -> str:
        """An expression for the interpreted form's scope; `document` is the document's variable."""
        return f"scope(record, params, look, deadline, {document}{self.rows})"

    def kept_scope(self, writer: Writer) -> str:
        """The variable of a scope that is made once for a record or row."""
        level = self.levels[-1]
        if level.scope is None:
            level.scope = writer.local()
            level.prelude.line(f"{level.scope} = {self.new_scope()}")
        return level.scope


def read_field(writer: Writer, level: Level, names: tuple[str, ...]) -> str:
    """The variable of a field; `MISSING` where it is not there. Reading never fails."""
    if not names:
        return level.root
    known = level.reads.get(names)
    if known is not None:
        return known
    holder = read_field(writer, level, names[:-1])
    if holder == level.root and not level.is_record and not level.reads:
        level.prelude.line(f"if {holder}.__class__ is not dict: raise UNUSUAL")
    made = level.reads[names] = writer.local()
    name = writer.literal(names[-1])
    if holder == level.root:
        level.prelude.line(f"{made} = {holder}.get({name}, MISSING)")
    else:
        level.prelude.line(
            f"{made} = {holder}.get({name}, MISSING) if {holder}.__class__ is dict else got({holder}, {name})"
        )
    return made


def read_path(writer: Writer, level: Level, path: Path, *, rows: bool = False) -> str | None:
    """The variable of a path's value, or of its table; None for paths that only jsonpath-ng can follow."""
    steps = path.steps
    if rows and steps and steps[-1].kind == "every":
        steps = steps[:-1]
    names = plain_names(steps)
    if names is None or (rows and not names):
        return None
    return read_field(writer, level, names)


def refuse_repeated(writer: Writer, level: Level, path: Path) -> str | None:
    """The statement for a path that found nothing: a label that stands more than once is no missing one."""
    names = path.names[1:] if path.names[:1] == ("_ext",) else path.names
    return f"single({level.root}, {writer.literal(names[0])})" if names else None
