"""From Jinja's tree to Python statements that give the same value, or raise where it would not be plain.

Whatever raises here is worked out again by the interpreted form, which gives the value or the failure. So a
statement may be stricter than the template, never laxer, and may be worked out earlier than Jinja would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.calls import called
from engine.mapping.compiled.filters import defaulted, filtered, tested
from engine.mapping.compiled.names import reached
from engine.mapping.compiled.operators import (
    chosen,
    compared,
    constant,
    either,
    grouped,
    listed,
    negated,
    operated,
    signed,
    tupled,
)
from engine.mapping.compiled.reads import read_field
from engine.mapping.compiled.statements import write_statements
from engine.mapping.compiled.texts import concatenated, output
from engine.mapping.compiled.trees import NO_WAY, branches, measure
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.scope import ENGINE_WORDS
from engine.mapping.template_rewrite import as_expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.mapping.compiled.reads import Place
    from engine.mapping.compiled.surroundings import Surroundings
    from engine.mapping.compiled.writer import Writer
    from engine.mapping.templates import Template

__all__ = ["Expressions"]


class Expressions:
    """Writes the templates of one place. Raises `Outside` for what is not compiled."""

    def __init__(self, writer: Writer, place: Place, around: Surroundings) -> None:
        self.writer = writer
        self.place = place
        self.around = around
        self.floats: Mapping[float, str] = {}
        self.locals: dict[str, Value] = {}
        """What the template itself sets or goes through."""
        self.loop: tuple[str, str] | None = None
        """The number of a loop's turn, and how many there are."""
        self.counter: str | None = None
        """How much was built in loops."""

    def template(self, template: Template) -> Value:
        """A template's value as a rule takes it: plain data."""
        tree = template.tree()
        measure(tree, self.around.nodes_most)
        self.floats = template.floats
        labels = tuple(use.name for use in template.names if use.name not in ENGINE_WORDS)
        if labels and branches(tree):  # the interpreted form reads all of them, those of the other branch too
            record = self.place.levels[0]
            repeated = read_field(self.writer, record, ("_repeated",))
            self.line(f"if {repeated} and {repeated} is not MISSING: singles(record, {self.keep(labels)})")
        if not template.is_expression:
            if all(type(statement).__name__ == "Output" for statement in tree.body):
                return output(self, tree)
            return write_statements(self, template, tree)
        expression = as_expression(tree)
        assert expression is not None
        value = self.value(expression)
        if value.kind in ("text", "plain"):
            return value
        make = "unwrap(seen({0}))" if value.kind == "raw" else "unwrap({0})"
        return self.put(f"{value.name} if {value.name}.__class__ is str else {make.format(value.name)}")

    def day(self, template: Template) -> Value | None:
        """The day as text of a template that is a value with the filter ``date``; None for others."""
        tree = template.tree()
        node: Any = as_expression(tree) if template.is_expression else None
        if type(node).__name__ != "Filter" or node.name != "date" or node.args or node.kwargs:
            return None
        measure(tree, self.around.nodes_most)
        if branches(tree):
            return None
        self.floats = template.floats
        return self.put(f"day({self.data(node.node).name}, zone)", "day")

    def condition(self, template: Template) -> str:
        """A variable that is true where the condition holds."""
        return self.template(template).name

    def line(self, text: str) -> None:
        self.writer.line(text)

    def keep(self, value: Any) -> str:
        return self.writer.keep(value)

    def put(self, source: str, kind: str = "data") -> Value:
        """A new variable with that value."""
        made = self.writer.local()
        self.line(f"{made} = {source}")
        if self.counter is not None and kind in ("data", "text"):
            self.line(f"{self.counter} = {self.counter} + size({made})")
        return Value(made, kind)

    def value(self, node: Any) -> Value:
        """A node's value, of any kind."""
        write = _NODES.get(type(node).__name__)
        if write is None:
            raise Outside(NO_WAY)
        return write(self, node)

    def data(self, node: Any) -> Value:
        """A node's value as templates see it; never missing."""
        value = self.value(node)
        if value.kind != "raw":
            return value
        return self.put(f"{value.name} if {value.name}.__class__ is str else seen({value.name})")

    def text(self, node: Any) -> str:
        """A node's value as it stands in a text."""
        is_default = type(node).__name__ == "Filter" and node.name in ("default", "d")
        value = defaulted(self, node, as_text=True) if is_default else self.value(node)
        if value.kind == "text":
            return value.name
        make = "raw_text" if value.kind == "raw" else "text"
        return self.put(f"{value.name} if {value.name}.__class__ is str else {make}({value.name})").name

    def scalar_text(self, node: Any) -> str:
        """A node's value as a text, which it must be able to stand as."""
        value = self.data(node)
        if value.kind == "text":
            return value.name
        return self.put(f"{value.name} if {value.name}.__class__ is str else to_text({value.name})").name


_NODES: Final[Mapping[str, Callable[[Expressions, Any], Value]]] = {
    **dict.fromkeys(("Name", "Getattr", "Getitem"), reached),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"), operated),
    **dict.fromkeys(("Neg", "Pos"), signed),
    **dict.fromkeys(("And", "Or"), either),
    "Call": called,
    "Compare": compared,
    "Concat": concatenated,
    "CondExpr": chosen,
    "Const": constant,
    "Dict": grouped,
    "Filter": filtered,
    "List": listed,
    "Not": negated,
    "Test": tested,
    "Tuple": tupled,
}
