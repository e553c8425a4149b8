"""Lists that filters go through, and the arguments of filters and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.mapping.compiled.trees import NO_WAY
from engine.mapping.compiled.ways import Outside
from engine.mapping.filters import PLAIN_FILTERS, TESTS

if TYPE_CHECKING:
    from engine.mapping.compiled.expressions import Expressions

__all__ = ["arguments", "sequence"]


def sequence(to: Expressions, node: Any) -> str:
    """A list that a filter goes through: also what ``select``, ``reject`` and ``map`` give."""
    kind = type(node).__name__
    if kind == "Filter" and node.name in ("select", "reject") and not node.args and not node.kwargs:
        values = sequence(to, node.node)
        return to.put(f"{node.name}(steps({values}))").name
    if kind == "Filter" and node.name in ("select", "reject") and not node.kwargs:
        run, values = to.keep(TESTS[node.args[0].value]), sequence(to, node.node)
        more = "".join(f", {to.data(part).name}" for part in node.args[1:])
        return to.put(f"tested({values}, {node.name == 'select'}, {run}{more})").name
    if kind == "Filter" and node.name == "items" and not node.args and not node.kwargs:
        return to.put(f"pairs({to.data(node.node).name})").name
    if kind == "Filter" and node.name == "map" and not node.kwargs:
        name = node.args[0].value
        if name not in PLAIN_FILTERS:
            raise Outside(NO_WAY)
        values = sequence(to, node.node)
        more = "".join(f", {to.data(part).name}" for part in node.args[1:])
        return to.put(f"mapped({values}, {to.keep(PLAIN_FILTERS[name])}{more})").name
    value = to.data(node)
    to.line(f"if {value.name}.__class__ is not list: raise UNUSUAL")
    return value.name


def arguments(to: Expressions, node: Any) -> str:
    """What follows the value in a filter or call, with the comma before it."""
    made = "".join(f", {to.data(part).name}" for part in node.args)
    if node.kwargs:
        pairs = [f"{to.writer.literal(pair.key)}: {to.data(pair.value).name}" for pair in node.kwargs]
        made += f", **{{{', '.join(pairs)}}}"
    return made
