"""Short ways for what templates hold most, in trees that are worked out together.

They give what the long ways give, or raise; the interpreted form then says what comes of it. So they need not
raise the same.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import nodes, pass_context, pass_environment
from jinja2.runtime import Undefined
from jinja2.visitor import NodeTransformer

from engine.mapping.allowance import TEXT_MOST
from engine.mapping.filters import KNOWN_FILTERS
from engine.mapping.lookups import find_in_table
from engine.mapping.moments import to_date
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import ALLOWANCE, SCOPE, allowance_of, text_of
from engine.mapping.scope import ENGINE_WORDS, RecordView, field_of
from engine.mapping.values import is_empty, to_decimal

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment
    from jinja2.runtime import Context

    from engine.mapping.allowance import Allowance

__all__ = ["FIELD", "SHORT_FILTERS", "TOTALS", "is_nothing", "shortened", "text_of_parts"]

TOTALS: Final = "__totals__"
"""The name of the document's totals."""
FIELD: Final = " field"
"""The filter for a field of a group, with a default."""
_CHOSEN, _NOTHING, _PIECE, _TEXT = " chosen", " nothing", " piece", " text"
_SHORT: Final = {"cut": 1, "date": 0, "decimal": 0, "lookup": 1}
"""Filters with a short way of their own, by how many arguments they take then."""
_WEIGHED: Final = frozenset({str, int, bool, type(None), Decimal, date, datetime, time, dict, list, tuple})
_HOLDERS: Final = frozenset({dict, list, tuple})
_TAKES_ALL: Final = frozenset({"join", "list", "sum", "length", "count"})


def shortened(tree: nodes.Node, *, sets_names: bool) -> Any:
    """The bounded tree with short ways where there are any.

    Where it sets no names, all but the engine's words are fields of the record; where it does, its output
    becomes texts here.
    """
    return _Shortening(sets_names).visit(tree)


def text_of_parts(parts: list[nodes.Expr]) -> nodes.Expr:
    """The text of a template's output."""
    if len(parts) == 1:
        return nodes.Filter(parts[0], _PIECE, [], [], None, None)
    return nodes.Filter(nodes.List(parts), _TEXT, [], [], None, None)


def is_nothing(value: nodes.Expr) -> nodes.Expr:
    """Whether a value is left out of a document."""
    return nodes.Filter(value, _NOTHING, [], [], None, None)


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
        if node.name in _SHORT and len(node.args) == _SHORT[node.name] and not node.kwargs:
            node.name = f" {node.name}"
        if node.name == "total" and isinstance(inner, nodes.Expr) and not node.args:
            return _total(inner)
        if node.name in _TAKES_ALL and isinstance(inner, nodes.Filter) and inner.name == "select":
            inner.name = inner.name if inner.args or inner.kwargs else _CHOSEN
        return node

    def visit_Output(self, node: nodes.Output, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return nodes.Output([text_of_parts(node.nodes)]) if self.sets_names else node

    def visit_Call(self, node: nodes.Call, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.kwargs:
            return node
        name, args = node.node.name, node.args
        if name == "lookup" and len(args) in (2, 3):
            return nodes.Filter(
                args[1], "lookup" if args[2:] else " lookup", [args[0], *args[2:]], [], None, None
            )
        return _total(args[0]) if name == "total" and len(args) == 1 else node


def _total(name: nodes.Expr) -> nodes.Expr:
    return nodes.Getitem(nodes.Name(TOTALS, "load"), name, "load")


def _with_default(node: nodes.Filter, inner: nodes.Getattr | nodes.Getitem) -> nodes.Node:
    if node.kwargs or len(node.args) > 2:
        return node
    name = nodes.Const(inner.attr) if isinstance(inner, nodes.Getattr) else inner.arg
    return nodes.Filter(inner.node, FIELD, [name, *(node.args or [nodes.Const("")])], [], None, None)


@pass_environment
def _field(sandbox: Environment, holder: Any, name: Any, default: Any, also_falsy: Any = False) -> Any:
    if holder.__class__ is RecordView:
        value = holder._fields.get(name, MISSING)
        if value.__class__ is str:
            return default if also_falsy and not value else value
        if value is None:
            return default if also_falsy else None
        value = field_of(holder, name)
        return default if value is MISSING or (also_falsy and not value) else value
    if holder.__class__ not in _HOLDERS:
        raise TypeError  # a text's method, or a field of what has none
    value = sandbox.getitem(holder, name)
    return default if isinstance(value, Undefined) or (also_falsy and not value) else value


def _nothing(value: Any) -> bool:
    if value.__class__ is RecordView:
        return not value._fields
    if value.__class__ not in _WEIGHED:
        raise TypeError  # what only shows when it is gone through
    return is_empty(value)


@pass_context
def _chosen(context: Context, values: Any) -> list[Any]:
    return [value for value in allowance_of(context).taken(values) if value]


@pass_context
def _cut(context: Context, value: Any, length: Any) -> str:
    usual = value.__class__ is str and length.__class__ is int and length >= 0
    made: str = context.parent[ALLOWANCE].made(
        value[:length] if usual else KNOWN_FILTERS["cut"](value, length)
    )
    return made


@pass_context
def _date(context: Context, value: Any) -> date:
    return to_date(value, context.parent[SCOPE].zone)


@pass_context
def _lookup(context: Context, key: Any, table: Any) -> Any:
    return context.parent[ALLOWANCE].made(find_in_table(context.parent[SCOPE], table, key))


@pass_context
def _piece(context: Context, value: Any) -> str:
    allowance: Allowance = context.parent[ALLOWANCE]
    if value.__class__ is str:
        allowance.text(len(value))
        return value
    return text_of(value, allowance)


@pass_context
def _text(context: Context, values: list[Any]) -> str:
    allowance: Allowance = context.parent[ALLOWANCE]
    try:
        length = sum(map(len, values))
        if length <= TEXT_MOST:
            text = "".join(values)
            allowance.text(length)
            return text
    except TypeError:
        pass
    return "".join([text_of(value, allowance) for value in values])


SHORT_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    FIELD: _field,
    _NOTHING: _nothing,
    _CHOSEN: _chosen,
    " cut": _cut,
    " date": _date,
    " decimal": to_decimal,
    " lookup": _lookup,
    _PIECE: _piece,
    _TEXT: _text,
}
"""Filters that stand in trees only, as `INNER_FILTERS` do."""
