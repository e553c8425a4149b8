"""What a template names (``extend.finish_time``, ``row.费用明细``, ``params.pay_org``), with the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from engine.mapping.paths import MISSING
from engine.mapping.scope import FUNCTIONS, RecordView, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.mapping.scope import Scope
    from engine.mapping.templates import Template

__all__ = ["mentions", "named"]


def named(template: Template) -> list[str]:
    """The names in a template, each once and as long as they are written."""
    return list(dict.fromkeys(_written(steps) for steps in _chains(template.tree(), frozenset())))


def mentions(template: Template, scope: Scope) -> list[tuple[str, Any]]:
    """The names in a template, each once and as long as they are written, with what they stand for.

    A template's own variables and functions are no names; what is not there is None.
    """
    found: dict[str, Any] = {}
    for steps in _chains(template.tree(), frozenset()):
        found.setdefault(_written(steps), _value(steps, scope))
    return list(found.items())


def _chains(node: nodes.Node, own: frozenset[str]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(node, nodes.For | nodes.Assign | nodes.Macro | nodes.AssignBlock):
        own = own | {name.name for name in node.find_all(nodes.Name) if name.ctx in ("store", "param")}
    steps = _steps(node)
    if steps is not None:
        if steps[0] not in own and steps[0] not in FUNCTIONS:
            yield steps
        return
    for child in node.iter_child_nodes():
        yield from _chains(child, own)


def _steps(node: nodes.Node) -> tuple[str | int, ...] | None:
    """The steps of a chain that begins with a name; None for anything else."""
    match node:
        case nodes.Name(ctx="load"):
            return (node.name,)
        case nodes.Getattr():
            holder = _steps(node.node)
            return None if holder is None else (*holder, node.attr)
        case nodes.Getitem(arg=nodes.Const(value=str() | int() as key)):
            holder = _steps(node.node)
            return None if holder is None else (*holder, key)
    return None


def _written(steps: tuple[str | int, ...]) -> str:
    first, *rest = steps
    text = str(first)
    for step in rest:
        plain = isinstance(step, str) and step.isidentifier()
        text += f".{step}" if plain else f"[{step!r}]"
    return text


def _value(steps: tuple[str | int, ...], scope: Scope) -> Any:
    value = scope.resolve(str(steps[0]))
    value = None if value is MISSING else unwrap(value)
    for step in steps[1:]:
        value = _inside(value, step)
    return value


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(value, RecordView):
        value = unwrap(value)
    if isinstance(value, dict):
        fields: Mapping[Any, Any] = value
        return fields.get(step)
    if isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        return value[step]
    return None
