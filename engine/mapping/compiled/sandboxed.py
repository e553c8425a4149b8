"""Write what is left to Jinja: one evaluation for all such templates of a record or row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.mapping.compiled.names import DEEP
from engine.mapping.compiled.reads import Place
from engine.mapping.compiled.together import Together
from engine.mapping.compiled.trees import NO_WAY
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside

if TYPE_CHECKING:
    from engine.mapping.compiled.reads import Level
    from engine.mapping.compiled.surroundings import Surroundings
    from engine.mapping.compiled.writer import Writer
    from engine.mapping.templates import Template

__all__ = ["Sandboxed"]


@dataclass(frozen=True, slots=True)
class _Group:
    """Templates, and the variables of their values, and of what goes through the rows."""

    together: Together
    values: str
    begun: str


class Sandboxed:
    """Writes the values of templates that are worked out together, when the first of them is asked for.

    Those that need the document's totals are worked out by themselves, when the rows are there.
    """

    def __init__(self, writer: Writer, around: Surroundings) -> None:
        self._writer = writer
        self._around = around
        self._groups: dict[tuple[str, bool], _Group] = {}
        self._all: dict[str, Together] = {}
        self._begun = ""
        self._summed = ", ".join(f"{writer.literal(name)}: {sum_}" for name, sum_ in around.sums.items())

    def value(
        self,
        template: Template,
        place: Place,
        when: Template | None = None,
        unless: Template | None = None,
    ) -> Value:
        """A template's value, where the condition `when` holds and `unless` gives nothing. Raises Outside."""
        late = self._is_late(template, place)
        if when is not None and (when.reads_document is not late or _reads_loop(when)):
            when = None
        group = self._group(place.levels[-1], late)
        number = group.together.add(template, when, unless)
        if number is None:
            del self._groups[place.levels[-1].root, late]
            return self.value(template, place, when, unless)
        with self._writer.block(f"if {group.values} is None:"):
            self._work_out(group, place, late)
        return self._put(f"{group.values}[{number}]", template)

    def alone(self, template: Template, place: Place) -> Value:
        """A template's value, worked out by itself, since it is seldom needed. Raises Outside."""
        late, level = self._is_late(template, place), place.levels[-1]
        together = Together(over_rows=not level.is_record)
        number = together.add(template)
        row = "" if level.is_record else f"({level.root})"
        return self._put(f"{self._call(together, place, late)}{row}[{number}]", template)

    def guard(self, condition: Template, place: Place) -> Value:
        """A condition without which none of the row's other templates is worked out. Raises Outside."""
        late = self._is_late(condition, place)
        group = self._group(place.levels[-1], late)
        group.together.guard = condition
        self._work_out(group, place, late)
        return self._put(f"{group.values}[0]", condition)

    def finish(self) -> None:
        """Make the functions that were named."""
        for name, together in self._all.items():
            self._writer.names[name] = together.compiled()

    def _is_late(self, template: Template, place: Place) -> bool:
        if _reads_loop(template):
            raise Outside(NO_WAY)
        if not template.reads_document:
            return False
        reads_it = any(use.name == "document" for use in template.names)
        if reads_it or len(place.levels) > 1 or not template.totals <= self._around.sums.keys():
            raise Outside(DEEP)
        return True

    def _group(self, level: Level, late: bool) -> _Group:
        known = self._groups.get((level.root, late))
        if known is None:
            together = Together(over_rows=not level.is_record)
            known = self._groups[level.root, late] = _Group(
                together, self._writer.local(), self._writer.local()
            )
            level.prelude.line(f"{known.values} = None")
            if level.before is not None:
                level.before.line(f"{known.begun} = None")
        return known

    def _work_out(self, group: _Group, place: Place, late: bool) -> None:
        call = self._call(group.together, place, late)
        if place.levels[-1].is_record:
            self._writer.line(f"{group.values} = {call}")
            return
        self._writer.line(f"if {group.begun} is None: {group.begun} = {call}")
        self._writer.line(f"{group.values} = {group.begun}({place.levels[-1].root})")

    def _call(self, together: Together, place: Place, late: bool) -> str:
        name = self._writer.keep(together)
        self._all[name] = together
        if not self._begun:
            self._begun = self._writer.local()
            defaults = self._writer.keep(self._around.table_defaults)
            place.levels[0].prelude.line(
                f"{self._begun} = Begun(record, params, look, zone, {defaults}, clock, deadline)"
            )
        if late:
            return f"{name}({self._begun}, {{{self._summed}}})"
        return f"{name}({self._begun}{Place(place.levels[:-1]).rows})"

    def _put(self, source: str, template: Template) -> Value:
        made = self._writer.local()
        self._writer.line(f"{made} = {source}")
        return Value(made, "data" if template.is_expression else "text")


def _reads_loop(template: Template) -> bool:
    """Whether a field is named as the loop over the rows is."""
    return any(use.name == "loop" for use in template.names)
