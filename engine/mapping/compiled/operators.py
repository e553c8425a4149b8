"""Constants, lists, operators and comparisons."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.trees import NO_WAY
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside

if TYPE_CHECKING:
    from engine.mapping.compiled.expressions import Expressions

__all__ = [
    "chosen",
    "compared",
    "constant",
    "either",
    "grouped",
    "listed",
    "negated",
    "operated",
    "signed",
    "tupled",
]

_OPERATORS: Final = {
    "eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in",
}  # fmt: skip


def constant(to: Expressions, node: Any) -> Value:
    """A constant."""
    value = node.value
    if isinstance(value, float):
        return Value(to.keep(Decimal(to.floats[value])), "plain")
    if type(value) is str:
        return Value(to.writer.literal(value), "text")
    if value is None or type(value) in (bool, int):
        return Value(to.writer.literal(value), "plain")
    raise Outside(NO_WAY)


def _items(to: Expressions, node: Any) -> str:
    """A list's or tuple's values, between brackets."""
    return "".join(f"{to.data(part).name}, " for part in node.items)


def listed(to: Expressions, node: Any) -> Value:
    """A list."""
    return to.put(f"weighed([{_items(to, node)}])")


def tupled(to: Expressions, node: Any) -> Value:
    """A tuple."""
    return to.put(f"weighed(({_items(to, node)}))")


def grouped(to: Expressions, node: Any) -> Value:
    """A group written in a template."""
    pairs = [f"{to.data(pair.key).name}: {to.data(pair.value).name}" for pair in node.items]
    return to.put(f"bounded({{{', '.join(pairs)}}})")


def operated(to: Expressions, node: Any) -> Value:
    """An operator between two numbers, texts or lists."""
    left, right = to.data(node.left).name, to.data(node.right).name
    return to.put(f"op_{type(node).__name__}({left}, {right})")


def signed(to: Expressions, node: Any) -> Value:
    """A sign before a number."""
    make = "minus" if type(node).__name__ == "Neg" else "plus"
    return to.put(f"{make}({to.data(node.node).name})")


def negated(to: Expressions, node: Any) -> Value:
    """``not``."""
    return to.put(f"not {to.data(node.node).name}", "plain")


def either(to: Expressions, node: Any) -> Value:
    """``and`` and ``or``: the second is worked out only where it is asked for."""
    left = to.data(node.left)
    made = to.put(left.name)
    sign = "" if type(node).__name__ == "And" else "not "
    with to.writer.block(f"if {sign}{made.name}:"):
        right = to.data(node.right)
        to.line(f"{made.name} = {right.name}")
    return Value(made.name, left.kind if left.kind == right.kind else "data")


def chosen(to: Expressions, node: Any) -> Value:
    """``a if b else c``."""
    test = to.data(node.test).name
    made = to.writer.local()
    with to.writer.block(f"if {test}:"):
        first = to.data(node.expr1)
        to.line(f"{made} = {first.name}")
    with to.writer.block("else:"):
        if node.expr2 is None:
            to.line("raise UNUSUAL")
            return Value(made, first.kind)
        second = to.data(node.expr2)
        to.line(f"{made} = {second.name}")
    return Value(made, first.kind if first.kind == second.kind else "data")


def compared(to: Expressions, node: Any) -> Value:
    """Comparisons, one after the other."""
    source = to.data(node.expr).name
    for operand in node.ops:
        constants = _constants(operand.expr) if operand.op in ("in", "notin") else None
        right = to.keep(constants) if constants is not None else to.data(operand.expr).name
        source += f" {_OPERATORS[operand.op]} {right}"
    return to.put(source, "plain")


def _constants(node: Any) -> list[Any] | None:
    if type(node).__name__ not in ("List", "Tuple") or not node.items or len(node.items) > 50:
        return None
    values = [part.value if type(part).__name__ == "Const" else node for part in node.items]
    return values if all(type(value) in (str, int, bool) for value in values) else None
