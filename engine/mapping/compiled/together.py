"""The templates of one object that are not compiled, as one template of Jinja's.

Each is what it is alone: bounded and sandboxed, with names of its own. What fails, fails for all of them; the
object's fields are then filled one by one, so that each failure is where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from unicodedata import normalize

from jinja2 import TemplateError, nodes

from engine.mapping.compiled.whole import ROWS, for_record, for_rows, nothing_for_record, nothing_for_rows
from engine.mapping.template_rewrite import as_expression, bound, output_of
from engine.mapping.template_shortcuts import is_nothing, shortened, text_of_parts
from engine.mapping.templates import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.mapping.templates import Template

__all__ = ["Together"]

_LETTERS_MOST: Final = 64 * 1024
_GUARD: Final = "__guard__"


@dataclass(frozen=True, slots=True)
class _Part:
    """A template, the condition without which it has no value, and the one with which it needs none."""

    template: Template
    when: Template | None
    unless: Template | None

    @property
    def all(self) -> list[Template]:
        return [each for each in (self.template, self.when, self.unless) if each is not None]


class Together:
    """The templates of a record, or of a table's rows, which become one function.

    Where there is a `guard`, its value comes first, and those of the others only where it holds.
    """

    def __init__(self, *, over_rows: bool) -> None:
        self.guard: Template | None = None
        self._over_rows = over_rows
        self._parts: list[_Part] = []
        self._places: dict[tuple[str, ...], int] = {}
        self._letters = 0

    def add(
        self, template: Template, when: Template | None = None, unless: Template | None = None
    ) -> int | None:
        """The place of the template's value; None where there is no room for more.

        It is worked out where `when` holds and the expression `unless` gives nothing.
        """
        part = _Part(template, when, unless)
        texts = tuple(each.text if each is not None else "" for each in (template, when, unless))
        place = self._places.get(texts)
        if place is None:
            self._letters += sum(map(len, texts))
            if self._letters > _LETTERS_MOST and self._parts:
                return None
            place = self._places[texts] = len(self._parts)
            self._parts.append(part)
        return place + (self.guard is not None)

    def compiled(self) -> Callable[..., Any]:
        """The function, as `for_record` and `for_rows` make it."""
        try:
            tree = self._tree()
            if not _alike(tree):
                make = for_rows if self._over_rows else for_record
                return make(tree, tuple(self._templates()))
        except (TemplateError, RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
            pass
        return nothing_for_rows if self._over_rows else nothing_for_record

    def _templates(self) -> Iterator[Template]:
        for part in self._parts:
            yield from part.all
        if self.guard is not None:
            yield self.guard

    def _tree(self) -> nodes.Template:
        body: list[nodes.Node] = []
        values = [self._value(part, body) for part in self._parts]
        made: nodes.Expr = nodes.List(values)
        if self.guard is not None:
            holds = nodes.Name(_GUARD, "load")
            body.insert(0, nodes.Assign(nodes.Name(_GUARD, "store"), _expression(self.guard)))
            made = nodes.CondExpr(holds, nodes.List([holds, *values]), nodes.List([holds]))
        body.append(nodes.Output([made]))
        if self._over_rows:
            row, rows = nodes.Name("row", "store"), nodes.Name(ROWS, "load")
            body = [nodes.For(row, rows, body, [], None, False)]
        return nodes.Template(body)

    def _value(self, part: _Part, body: list[nodes.Node]) -> nodes.Expr:
        """A template as an expression; statements go into the body before it."""
        tests = [_expression(part.when)] if part.when is not None else []
        if part.unless is not None:
            tests.append(is_nothing(_expression(part.unless)))
        value = _expression(part.template) if part.template.is_expression else None
        if value is None:
            tree = bound(SANDBOX.parse(part.template.text), part.template.floats)
            if output_of(tree) is None:
                return self._block(shortened(tree, sets_names=True), tests, body)
            value = text_of_parts(output_of(shortened(tree, sets_names=False)) or [])
        for test in reversed(tests):
            value = nodes.CondExpr(test, value, nodes.Const(None))
        return value

    def _block(self, tree: nodes.Template, tests: list[nodes.Expr], body: list[nodes.Node]) -> nodes.Expr:
        name = f"__{len(body)}__"
        block: nodes.Node = nodes.AssignBlock(nodes.Name(name, "store"), None, tree.body)
        guard = [nodes.Name(_GUARD, "load")] if self.guard is not None else []
        for test in reversed([*guard, *tests]):
            block = nodes.If(test, [block], [], [])
        body.append(block)
        made = nodes.Name(name, "load")
        if not tests:
            return made
        return nodes.CondExpr(nodes.Test(made, "defined", [], [], None, None), made, nodes.Const(None))


def _expression(template: Template) -> nodes.Expr:
    """The bounded tree of a template that is one expression."""
    alone = as_expression(SANDBOX.parse(template.text))
    assert alone is not None
    tree: Any = bound(nodes.Template([nodes.Output([alone])]), template.floats)
    return cast("nodes.Expr", shortened(tree, sets_names=False).body[0].nodes[0])


def _alike(tree: nodes.Template) -> bool:
    """Whether two names of different templates are one for Python, such as a full-width and a plain Ａ."""
    names = {node.name for node in tree.find_all(nodes.Name)}
    return len({normalize("NFKC", name) for name in names}) < len(names)
