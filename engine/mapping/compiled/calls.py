"""Look-ups, totals, and the methods of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.mapping.allowance import TEXT_MOST
from engine.mapping.compiled.names import DEEP
from engine.mapping.compiled.sequences import arguments
from engine.mapping.compiled.surroundings import look_up
from engine.mapping.compiled.trees import NO_WAY, argument
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.textmethods import TEXT_METHODS

if TYPE_CHECKING:
    from engine.mapping.compiled.expressions import Expressions

__all__ = ["called", "looked_up", "totalled"]


def looked_up(to: Expressions, node: Any) -> Value:
    """The filter ``lookup``."""
    if len(node.args) > 2 or any(pair.key not in ("table", "default") for pair in node.kwargs):
        raise Outside(NO_WAY)
    default = argument(node, 1, "default")
    return _found(to, argument(node, 0, "table").value, node.node, default)


def _found(to: Expressions, table: str, key: Any, default: Any) -> Value:
    other = to.data(default).name if default is not None else _table_default(to, table)
    trimmed = f"{to.scalar_text(key)}.strip()"
    made = to.put(look_up(to.writer, to.around, table, trimmed))
    with to.writer.block(f"if {made.name} is MISS:"):
        to.line("raise UNUSUAL" if other is None else f"{made.name} = {other}")
    to.line(
        f"if {made.name}.__class__ is not str or len({made.name}) > {TEXT_MOST}: "
        f"{made.name} = bounded({made.name})"
    )
    return made


def _table_default(to: Expressions, table: str) -> str | None:
    defaults = to.around.table_defaults
    return to.writer.literal(defaults[table]) if table in defaults else None


def totalled(to: Expressions, node: Any) -> Value:
    """The filter ``total``."""
    if node.args or node.kwargs:
        raise Outside(NO_WAY)
    return _added_up(to, node.node.value)


def _added_up(to: Expressions, name: str) -> Value:
    total = to.around.sums.get(name)
    if total is None:
        raise Outside(DEEP)
    return Value(total, "plain")


def called(to: Expressions, node: Any) -> Value:
    """A call of a function of the engine, or of a text's method."""
    target = node.node
    if type(target).__name__ == "Name":
        return _function(to, target.name, node)
    if type(target).__name__ != "Getattr" or target.attr not in TEXT_METHODS:
        raise Outside(NO_WAY)
    receiver = to.data(target.node).name
    return to.put(f"method({to.writer.literal(target.attr)}, {receiver}{arguments(to, node)})")


def _function(to: Expressions, name: str, node: Any) -> Value:
    if name == "total" and len(node.args) == 1 and not node.kwargs:
        return _added_up(to, node.args[0].value)
    if name == "lookup" and 2 <= len(node.args) <= 3 and not node.kwargs:
        return _found(to, node.args[0].value, node.args[1], node.args[2] if len(node.args) > 2 else None)
    raise Outside(NO_WAY)
