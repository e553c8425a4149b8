"""What a template may hold: a list of Jinja's constructs, filters, tests, functions and methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from engine.errors import SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.mapping.filters import FILTERS, REASONS, TESTS
from engine.mapping.scope import FUNCTIONS
from engine.mapping.textmethods import TEXT_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.mapping.template_places import Places

__all__ = ["Used", "check_template"]

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call, nodes.Filter, nodes.Test, nodes.Keyword),
    *(nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr, nodes.Concat, nodes.CondExpr),
    *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair),
    *(nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock),
)
_TAGS = {
    "Macro": "macro",
    "CallBlock": "call",
    "Block": "block",
    "Extends": "extends",
    "Include": "include",
    "Import": "import",
    "FromImport": "from … import",
    "FilterBlock": "filter",
    "With": "with",
    "ScopedEvalContextModifier": "autoescape",
    "NSRef": "set of a field",
}
_WITHOUT_ATTRIBUTE = frozenset({"map", "sum", "min", "max", "sort", "unique", "join"})


class Used:
    """The tables and totals that a template names."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.totals: set[str] = set()


def check_template(tree: nodes.Template, places: Places) -> Used:
    """Go through the whole tree. Raises SchemeError for the first thing that is not allowed."""
    used = Used()
    for node in _all(tree):
        if not isinstance(node, _ALLOWED):
            name = _TAGS.get(type(node).__name__, type(node).__name__.lower())
            raise SchemeError(
                tr("a template cannot hold '{name}'", name=name),
                position=places.line(node.lineno),
                hint=tr("set, for and if are all the tags there are"),
            )
        check = _CHECKS.get(type(node))
        if check is not None:
            check(node, places, used)
    return used


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    waiting: list[nodes.Node] = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(list(found.iter_child_nodes())))


def _name(node: Any, places: Places, used: Used) -> None:
    if node.name == "self":  # Jinja's template object
        raise SchemeError(
            tr("'self' is not known here"),
            position=places.of("name", "self"),
            hint=tr("a field of that name is written {example}", example="record['self']"),
        )
    _no_inside(node.name, places.of("name", node.name))
    if node.ctx == "store" and node.name in FUNCTIONS:
        raise SchemeError(
            tr("'{name}' is a word of the engine and cannot be set", name=node.name),
            position=places.of("name", node.name),
        )


def _field(node: Any, places: Places, used: Used) -> None:
    _no_inside(node.attr, places.of("field", node.attr))


def _no_inside(name: str, position: Any) -> None:
    if name.startswith("__"):
        raise SchemeError(
            tr("'{name}' is no field: Python's inside is out of reach", name=name), position=position
        )


def _loop(node: Any, places: Places, used: Used) -> None:
    if node.recursive:
        raise SchemeError(tr("a loop cannot be recursive"), position=places.line(node.lineno))


def _call(node: Any, places: Places, used: Used) -> None:
    _no_spreading(node, places)
    target = node.node
    if isinstance(target, nodes.Name):
        if target.name not in FUNCTIONS:
            raise _not_callable(target.name, "name", FUNCTIONS, places)
        if target.name == "lookup":
            used.tables.add(_literal(node.args[:1], "lookup", places, node.lineno))
        elif target.name == "total":
            used.totals.add(_literal(node.args[:1], "total", places, node.lineno))
    elif isinstance(target, nodes.Getattr):
        if target.attr not in TEXT_METHODS:
            raise _not_callable(target.attr, "field", TEXT_METHODS, places)
    else:
        raise SchemeError(tr("this cannot be called"), position=places.line(node.lineno))


def _not_callable(name: str, kind: str, known: frozenset[str], places: Places) -> SchemeError:
    guess = nearest(name, known)
    if name in FILTERS:
        hint = tr("it is a filter: write … | {name}", name=name)
    elif guess is not None:
        hint = tr("did you mean '{guess}'?", guess=guess)
    else:
        hint = tr("a field whose name holds a bracket is written {example}", example=f"record['{name}(…)']")
    return SchemeError(
        tr("'{name}' cannot be called; known are {known}", name=name, known=", ".join(sorted(known))),
        position=places.of(kind, name),
        hint=hint,
    )


def _filter(node: Any, places: Places, used: Used) -> None:
    _no_spreading(node, places)
    _known_filter(node.name, places)
    if node.name in _WITHOUT_ATTRIBUTE and any(pair.key == "attribute" for pair in node.kwargs):
        raise SchemeError(
            tr("'{name}' takes no attribute here", name=node.name),
            position=places.of("filter", node.name),
            hint=tr("go through the rows with {loop}", loop="{% for … in … %}"),
        )
    if node.name == "lookup":
        used.tables.add(_literal(node.args[:1] or _keyword(node, "table"), "lookup", places, node.lineno))
    elif node.name == "total":
        used.totals.add(_literal([node.node], "total", places, node.lineno))
    elif node.name in ("map", "select", "reject"):
        _indirect(node, places, used)


def _indirect(node: Any, places: Places, used: Used) -> None:
    """`map`, `select` and `reject` name a filter or test by text; it must be a text that can be checked."""
    if not node.args:
        if node.name == "map":
            raise SchemeError(tr("map needs a filter's name"), position=places.of("filter", "map"))
        return
    name = _literal(node.args[:1], node.name, places, node.lineno)
    if node.name != "map":
        _known_test(name, places)
        return
    _known_filter(name, places)
    if name in ("map", "select", "reject"):
        raise SchemeError(tr("map cannot apply '{name}'", name=name), position=places.of("filter", "map"))
    if name == "lookup":
        used.tables.add(_literal(node.args[1:2], "lookup", places, node.lineno))
    elif name == "total":
        raise SchemeError(tr("map cannot apply '{name}'", name=name), position=places.of("filter", "map"))


def _known_filter(name: str, places: Places) -> None:
    if name in FILTERS:
        return
    reason = REASONS.get(name)
    guess = nearest(name, FILTERS)
    hint = tr(reason) if reason else tr("did you mean '{guess}'?", guess=guess) if guess else None
    if not reason and guess is None:
        hint = tr("known are {known}", known=", ".join(sorted(FILTERS)))
    raise SchemeError(tr("no filter '{name}'", name=name), position=places.of("filter", name), hint=hint)


def _test(node: Any, places: Places, used: Used) -> None:
    _no_spreading(node, places)
    _known_test(node.name, places)


def _known_test(name: str, places: Places) -> None:
    if name in TESTS:
        return
    guess = nearest(name, TESTS)
    raise SchemeError(
        tr("no test '{name}'", name=name),
        position=places.of("test", name),
        hint=tr("did you mean '{guess}'?", guess=guess) if guess else None,
    )


def _no_spreading(node: Any, places: Places) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise SchemeError(tr("arguments cannot be spread with * or **"), position=places.line(node.lineno))


def _keyword(node: Any, name: str) -> list[Any]:
    return [pair.value for pair in node.kwargs if pair.key == name]


def _literal(arguments: list[Any], name: str, places: Places, line: int) -> str:
    if arguments and isinstance(arguments[0], nodes.Const) and isinstance(arguments[0].value, str):
        return arguments[0].value
    raise SchemeError(
        tr("'{name}' needs a name in quotes, not a value that is worked out", name=name),
        position=places.line(line),
    )


_CHECKS: dict[type, Callable[[Any, Places, Used], None]] = {
    nodes.Name: _name,
    nodes.Getattr: _field,
    nodes.For: _loop,
    nodes.Call: _call,
    nodes.Filter: _filter,
    nodes.Test: _test,
}
