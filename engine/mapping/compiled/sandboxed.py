"""Write what is left to Jinja: one evaluation for all such templates of a record or row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.mapping.compiled.names import DEEP
from engine.mapping.compiled.reads import Place
from engine.mapping.compiled.together import Together
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside

if TYPE_CHECKING:
    from engine.mapping.compiled.reads import Level
    from engine.mapping.compiled.surroundings import Surroundings
    from engine.mapping.compiled.writer import Writer
    from engine.mapping.templates import Template

__all__ = ["Sandboxed"]


class Sandboxed:
    """Writes the values of templates that are worked out together, when the first of them is asked for.

    Those that need the document's totals are worked out by themselves, when the rows are there.
    """

    def __init__(self, writer: Writer, around: Surroundings) -> None:
        self._writer = writer
        self._around = around
        self._groups: dict[tuple[str, bool], tuple[str, Together]] = {}
        self._all: dict[str, Together] = {}
        self._summed = ", ".join(f"{writer.literal(name)}: {sum_}" for name, sum_ in around.sums.items())

    def value(self, template: Template, place: Place, when: Template | None = None) -> Value:
        """A template's value, where the condition `when` holds. Raises Outside."""
        late = self._is_late(template, place)
        if when is not None and when.reads_document is not late:
            when = None
        variable, together = self._group(place.levels[-1], late)
        number = together.add(template, when)
        if number is None:
            del self._groups[place.levels[-1].root, late]
            return self.value(template, place, when)
        self._writer.line(f"if {variable} is None: {variable} = {self._call(together, place, late)}")
        return self._put(f"{variable}[{number}]", template)

    def alone(self, template: Template, place: Place) -> Value:
        """A template's value, worked out by itself, since it is seldom needed. Raises Outside."""
        late, together = self._is_late(template, place), Together()
        return self._put(f"{self._call(together, place, late)}[{together.add(template)}]", template)

    def guard(self, condition: Template, place: Place) -> Value:
        """A condition without which none of the row's other templates is worked out. Raises Outside."""
        late = self._is_late(condition, place)
        variable, together = self._group(place.levels[-1], late)
        together.guard = condition
        self._writer.line(f"{variable} = {self._call(together, place, late)}")
        return self._put(f"{variable}[0]", condition)

    def finish(self) -> None:
        """Make the functions that were named."""
        for name, together in self._all.items():
            self._writer.names[name] = together.compiled()

    def _is_late(self, template: Template, place: Place) -> bool:
        if not template.reads_document:
            return False
        reads_it = any(use.name == "document" for use in template.names)
        if reads_it or len(place.levels) > 1 or not template.totals <= self._around.sums.keys():
            raise Outside(DEEP)
        return True

    def _group(self, level: Level, late: bool) -> tuple[str, Together]:
        known = self._groups.get((level.root, late))
        if known is None:
            known = self._groups[level.root, late] = self._writer.local(), Together()
            level.prelude.line(f"{known[0]} = None")
        return known

    def _call(self, together: Together, place: Place, late: bool) -> str:
        scope = Place(place.levels[:1]).kept_scope(self._writer)
        if late:
            scope = f"summed({scope}, {{{self._summed}}})"
        name = self._writer.keep(together)
        self._all[name] = together
        return f"{name}({scope}{place.rows})"

    def _put(self, source: str, template: Template) -> Value:
        made = self._writer.local()
        self._writer.line(f"{made} = {source}")
        return Value(made, "data" if template.is_expression else "text")
