"""Short ways for what templates hold most, in trees that are worked out together.

They give what the long ways give, or raise; the interpreted form then says what comes of it. So they need not
raise the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes, pass_context
from jinja2.visitor import NodeTransformer

from engine.mapping.allowance import TEXT_MOST
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import allowance_of, text_of
from engine.mapping.scope import ENGINE_WORDS, RecordView, field_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context

__all__ = ["SHORT_FILTERS", "shortened", "text_of_parts"]

_FIELD, _CHOSEN, _TEXT = " field", " chosen", " text"
_TAKES_ALL: Final = frozenset({"join", "list", "sum", "length", "count"})


def shortened(tree: nodes.Node, *, sets_names: bool) -> Any:
    """The bounded tree with short ways where there are any.

    Where it sets no names, all but the engine's words are fields of the record.
    """
    return _Shortening(sets_names).visit(tree)


def text_of_parts(parts: list[nodes.Expr]) -> nodes.Expr:
    """The text of a template's output."""
    return nodes.Filter(nodes.List(parts), _TEXT, [], [], None, None)


class _Shortening(NodeTransformer):
    def __init__(self, sets_names: bool) -> None:
        self.sets_names = sets_names

    def visit_Name(self, node: nodes.Name, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802 - Jinja's naming
        if self.sets_names or node.name in ENGINE_WORDS:
            return node
        return nodes.Getitem(nodes.Name("record", "load"), nodes.Const(node.name), "load")

    def visit_Filter(self, node: nodes.Filter, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        inner = node.node
        if node.name in ("default", "d") and isinstance(inner, (nodes.Getattr, nodes.Getitem)):
            return _with_default(node, inner)
        if node.name in _TAKES_ALL and isinstance(inner, nodes.Filter) and inner.name == "select":
            inner.name = inner.name if inner.args or inner.kwargs else _CHOSEN
        return node

    def visit_Call(self, node: nodes.Call, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.kwargs:
            return node
        name, args = node.node.name, node.args
        if name == "lookup" and len(args) in (2, 3):
            return nodes.Filter(args[1], "lookup", [args[0], *args[2:]], [], None, None)
        if name == "total" and len(args) == 1:
            return nodes.Filter(args[0], "total", [], [], None, None)
        return node


def _with_default(node: nodes.Filter, inner: nodes.Getattr | nodes.Getitem) -> nodes.Node:
    if node.kwargs or len(node.args) > 2:
        return node
    name = nodes.Const(inner.attr) if isinstance(inner, nodes.Getattr) else inner.arg
    return nodes.Filter(inner.node, _FIELD, [name, *(node.args or [nodes.Const("")])], [], None, None)


def _field(holder: Any, name: Any, default: Any, also_falsy: Any = False) -> Any:
    if holder.__class__ is not RecordView:
        raise TypeError  # a field of what has none
    value = holder._fields.get(name, MISSING)
    if value.__class__ is str:
        return default if also_falsy and not value else value
    value = field_of(holder, name)
    return default if value is MISSING or (also_falsy and not value) else value


@pass_context
def _chosen(context: Context, values: Any) -> list[Any]:
    return [value for value in allowance_of(context).taken(values) if value]


@pass_context
def _text(context: Context, values: list[Any]) -> str:
    allowance = allowance_of(context)
    try:
        length = sum(map(len, values))
        if length <= TEXT_MOST:
            text = "".join(values)
            allowance.text(length)
            return text
    except TypeError:
        pass
    return "".join([text_of(value, allowance) for value in values])


SHORT_FILTERS: Final[dict[str, Callable[..., Any]]] = {_FIELD: _field, _CHOSEN: _chosen, _TEXT: _text}
"""Filters that stand in trees only, as `INNER_FILTERS` do."""
