"""Templates with ``set``, ``for`` and ``if``, as Python statements that write a text.

Names follow Jinja's scopes: what a loop or a block sets ends with it, what an ``if`` sets stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.allowance import STEPS_MOST, TEXT_MOST
from engine.mapping.compiled.reads import read_field
from engine.mapping.compiled.sequences import sequence
from engine.mapping.compiled.texts import glued
from engine.mapping.compiled.trees import NO_WAY, all_nodes, is_loop
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.scope import ENGINE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.mapping.compiled.expressions import Expressions
    from engine.mapping.templates import Template

__all__ = ["write_statements"]

_MADE_MOST: Final = 4 * 1024 * 1024
"""Letters that loops may build, far below what the interpreted form allows."""


def write_statements(expressions: Expressions, template: Template, tree: Any) -> Value:
    """The text of a template with statements. Raises Outside."""
    statements = _Statements(expressions, template)
    text = expressions.put("''", "text")
    statements.enter(_set_in(tree.body))
    statements.body(tree.body, text.name)
    return text


class _Statements:
    def __init__(self, expressions: Expressions, template: Template) -> None:
        self.to = expressions
        self.known = frozenset(use.name for use in template.names)
        self.written = expressions.put("0").name
        self.steps = expressions.put("0").name

    def body(self, statements: Iterable[Any], text: str) -> None:
        """Write statements, whose output goes to the variable `text`."""
        for statement in statements:
            write = _STATEMENTS.get(type(statement).__name__)
            if write is None:
                raise Outside(NO_WAY)
            write(self, statement, text)

    def enter(self, names: Iterable[str]) -> None:
        """A scope of its own for names that are set in it; until then they mean what they meant outside."""
        for name in names:
            outside = self.to.locals.get(name)
            made = self.to.writer.local()
            if outside is None:
                self.to.line(f"{made} = {self.context(name)}")
                outside = Value(made, "raw")
            elif outside.kind != "raw":
                self.to.line(f"{made} = {outside.name}")
            if outside.kind == "raw":
                source = f"{outside.name}.__class__ is str or {outside.name} is MISSING"
                self.to.line(f"{made} = {outside.name} if {source} else seen({outside.name})")
            self.to.locals[name] = Value(made, "set")

    def context(self, name: str) -> str:
        """What a name means before it is set."""
        if name not in self.known:
            return "MISSING"
        if name in ENGINE_WORDS:
            raise Outside(NO_WAY)
        return read_field(self.to.writer, self.to.place.levels[0], (name,))

    def output(self, node: Any, text: str) -> None:
        parts = [
            self.to.writer.literal(part.data) if type(part).__name__ == "TemplateData" else self.to.text(part)
            for part in node.nodes
        ]
        piece = glued(self.to, parts).name
        self.to.line(f"{self.written} = {self.written} + len({piece})")
        self.to.line(f"if {self.written} > {TEXT_MOST}: raise UNUSUAL")
        self.to.line(f"{text} = {text} + {piece}")

    def branch(self, node: Any, text: str) -> None:
        with self.to.writer.block(f"if {self.to.data(node.test).name}:"):
            self.body(node.body, text)
        if not node.elif_ and not node.else_:
            return
        with self.to.writer.block("else:"):
            if node.elif_:
                first, *others = node.elif_
                self.branch(_If(first.test, first.body, others, node.else_), text)
            else:
                self.body(node.else_, text)

    def assign(self, node: Any, text: str) -> None:
        value = self.to.data(node.node).name
        self.unpack(node.target, value)

    def unpack(self, target: Any, value: str) -> None:
        if type(target).__name__ == "Name":
            self.to.line(f"{self.to.locals[target.name].name} = {value}")
            return
        if type(target).__name__ != "Tuple" or any(type(part).__name__ != "Name" for part in target.items):
            raise Outside(NO_WAY)
        names = "".join(f"{self.to.locals[part.name].name}, " for part in target.items)
        self.to.line(f"{names} = {value}")

    def assign_block(self, node: Any, text: str) -> None:
        if node.filter is not None or type(node.target).__name__ != "Name":
            raise Outside(NO_WAY)
        inner = self.to.put("''", "text").name
        self.within(_set_in(node.body), lambda: self.body(node.body, inner))
        self.to.line(f"{self.to.locals[node.target.name].name} = {inner}")

    def within(self, names: Iterable[str], write: Callable[[], None]) -> None:
        """Write something in a scope of its own."""
        outside = dict(self.to.locals)
        self.enter(names)
        write()
        self.to.locals.clear()
        self.to.locals.update(outside)

    def loop(self, node: Any, text: str) -> None:
        uses_loop = any(is_loop(each) for part in node.body for each in all_nodes(part))
        if node.recursive or (uses_loop and node.test is not None):
            raise Outside(NO_WAY)
        to = self.to
        values, kind = self.rows(node.iter)
        to.line(f"{self.steps} = {self.steps} + len({values})")
        to.line(f"if {self.steps} > {STEPS_MOST}: raise UNUSUAL")
        outer = to.loop, to.counter
        one, none_yet = to.writer.local(), to.put("True").name
        if uses_loop:
            to.loop = to.put("-1").name, to.put(f"len({values})").name
        to.counter = to.counter or to.put("0").name
        with to.writer.block(f"for {one} in {values}:"):
            to.line(f"if {to.counter} > {_MADE_MOST}: raise UNUSUAL")
            to.line("if clock is not None and clock() > deadline: raise UNUSUAL")
            if to.loop is not None and uses_loop:
                to.line(f"{to.loop[0]} = {to.loop[0]} + 1")
            self.within((), lambda: self.turn(node, one, kind, none_yet, text))
        to.loop, to.counter = outer
        if node.else_:
            with to.writer.block(f"if {none_yet}:"):
                self.within(_set_in(node.else_), lambda: self.body(node.else_, text))

    def turn(self, node: Any, one: str, kind: str, none_yet: str, text: str) -> None:
        """One turn of a loop."""
        targets = [node.target] if type(node.target).__name__ == "Name" else list(node.target.items)
        if type(node.target).__name__ == "Name":
            self.to.locals[node.target.name] = Value(one, kind)
        else:
            for target in targets:
                self.to.locals[getattr(target, "name", "")] = Value(self.to.writer.local(), kind)
            self.unpack(node.target, one)
        if node.test is not None:
            self.to.line(f"if not {self.to.data(node.test).name}: continue")
        self.to.line(f"{none_yet} = False")
        self.enter(_set_in(node.body))
        self.body(node.body, text)

    def rows(self, node: Any) -> tuple[str, str]:
        """A list to go through, and of which kind its values are."""
        if type(node).__name__ == "Call" and getattr(node.node, "name", "") == "range" and not node.kwargs:
            ends = ", ".join(self.to.data(part).name for part in node.args)
            return self.to.put(f"span({ends})").name, "data"
        if type(node).__name__ == "Filter":
            return sequence(self.to, node), "data"
        value = self.to.value(node)
        if value.kind == "raw":
            name = value.name
            return self.to.put(f"{name} if {name}.__class__ is list else parts(seen({name}))").name, "raw"
        name = value.name
        return self.to.put(f"{name} if {name}.__class__ is list else parts({name})").name, "data"


class _If:
    """What is left of an ``if`` after its first test."""

    def __init__(self, test: Any, body: Any, elif_: Any, else_: Any) -> None:
        self.test, self.body, self.elif_, self.else_ = test, body, elif_, else_


_STATEMENTS: Final[Mapping[str, Callable[[_Statements, Any, str], None]]] = {
    "Output": _Statements.output,
    "If": _Statements.branch,
    "For": _Statements.loop,
    "Assign": _Statements.assign,
    "AssignBlock": _Statements.assign_block,
}


def _set_in(body: Iterable[Any]) -> list[str]:
    """The names that statements set, those of loops and blocks within them left out."""
    found: dict[str, None] = {}
    for statement in body:
        kind = type(statement).__name__
        if kind in ("Assign", "AssignBlock"):
            target = statement.target
            for part in target.items if type(target).__name__ == "Tuple" else [target]:
                found[getattr(part, "name", "")] = None
        elif kind == "If":
            for inner in (statement.body, *(each.body for each in statement.elif_), statement.else_):
                found.update(dict.fromkeys(_set_in(inner)))
    return list(found)
