"""Turn a checked tree into one whose every step is bounded, where Jinja's own code would not ask the sandbox.

Loops, joined texts, literals of lists, slices and plain text go through filters that no template can name; a
number with a point becomes a Decimal.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import nodes, pass_context
from jinja2.runtime import Undefined
from jinja2.visitor import NodeTransformer

from engine.language import tr
from engine.mapping.allowance import bounded
from engine.mapping.jsonout import json_text
from engine.mapping.sandbox import allowance_of
from engine.mapping.scope import RecordView
from engine.mapping.textmethods import joined
from engine.mapping.values import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2.runtime import Context

__all__ = ["INNER_FILTERS", "as_expression", "bound", "output_of", "sliced"]

_DECIMAL, _CONCAT, _HELD, _SLICE, _LOOP = " decimal", " concat", " held", " slice", " loop"


def bound(tree: nodes.Template, written: Mapping[float, str]) -> nodes.Template:
    """The tree with the bounds built in; `written` are its numbers with a point as the template has them."""
    bounded_tree: nodes.Template = _Bounding(written).visit(tree)
    return bounded_tree


def as_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The one expression that the template is, or None; blanks around it don't count."""
    parts: list[nodes.Node] = []
    for statement in tree.body:
        if not isinstance(statement, nodes.Output):
            return None
        parts.extend(statement.nodes)
    parts = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    if len(parts) == 1 and isinstance(parts[0], nodes.Expr) and not isinstance(parts[0], nodes.TemplateData):
        return parts[0]
    return None


def output_of(tree: nodes.Template) -> list[nodes.Expr] | None:
    """The parts of a bounded tree that is nothing but output; None for others."""
    parts: list[nodes.Expr] = []
    for statement in tree.body:
        if not isinstance(statement, nodes.Output):
            return None
        parts.extend(statement.nodes)
    return parts


class _Bounding(NodeTransformer):
    def __init__(self, written: Mapping[float, str]) -> None:
        self.written = written

    def visit_Const(self, node: nodes.Const, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802 - Jinja's naming
        if isinstance(node.value, float):
            return _through(_DECIMAL, nodes.Const(self.written[node.value], lineno=node.lineno))
        return node

    def visit_TemplateData(self, node: nodes.TemplateData, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        return nodes.Const(node.data, lineno=node.lineno)

    def visit_Concat(self, node: nodes.Concat, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _through(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _through(_HELD, node)

    def visit_Tuple(self, node: nodes.Tuple, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _through(_HELD, node) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _through(_HELD, node)

    def visit_Getitem(self, node: nodes.Getitem, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        nothing = nodes.Const(None, lineno=node.lineno)
        piece = node.arg
        return _through(
            _SLICE, node.node, piece.start or nothing, piece.stop or nothing, piece.step or nothing
        )

    def visit_For(self, node: nodes.For, *_: Any, **__: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _through(_LOOP, cast("nodes.Expr", node.iter))
        return node


def _through(name: str, value: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)


@pass_context
def _loop(context: Context, values: Any) -> list[Any]:
    # a list, so that `loop.length` and `loop.last` are known without reading ahead
    return list(allowance_of(context).steps(values))


def _concat(values: list[Any]) -> str:
    return joined("", (to_text(value) if _is_scalar(value) else json_text(value) for value in values))


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    return not isinstance(value, (RecordView, list, tuple, dict))


def sliced(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """``value[start:stop:step]`` in a template."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if not isinstance(value, (str, list, tuple, range)):
        raise TypeError(tr("only texts and lists can be cut with [:]"))
    return value[start:stop:step]


INNER_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    _DECIMAL: Decimal,
    _CONCAT: _concat,
    _HELD: bounded,
    _SLICE: sliced,
    _LOOP: _loop,
}
"""Filters that stand in trees only: a blank begins their names, so that no template can write them."""
