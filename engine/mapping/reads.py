"""Which fields of a record a path or template reads: labels at its top, and columns of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jinja2 import TemplateError, nodes

from engine.mapping.scope import ENGINE_WORDS

if TYPE_CHECKING:
    from engine.mapping.paths import Path
    from engine.mapping.templates import Template

__all__ = ["TOP", "Spot", "read_by_path", "read_by_template", "table_of"]

Spot = tuple[str, str]
"""A table's label and a column's; the table is `TOP` for a field of the record itself."""

TOP: Final = ""
_EXT = "_ext"
_OWN = frozenset({"id", "title", "extend"})
_THROUGH = frozenset({"default", "d", "list", "sort", "reverse", "unique", "select", "reject"})
_ONE = frozenset({"first", "last"})


def _is_label(name: str) -> bool:
    return name not in _OWN and not name.startswith("_")


def table_of(each: Path) -> str | None:
    """The label of the table whose rows a path goes through; None for any other rows."""
    if each.scope == "record" and len(each.names) == 1 and _is_label(each.names[0]):
        return each.names[0]
    return None


def read_by_path(path: Path, table: str | None) -> frozenset[Spot]:
    """What a path reads; `table` is the label of the table whose row it may stand in."""
    if not path.steps or path.steps[0].kind not in ("name", "names"):
        return frozenset()
    holder = TOP if path.scope == "record" else table
    if holder is None:
        return frozenset()
    names = path.steps[0].names
    if names == (_EXT,):
        second = path.steps[1] if len(path.steps) > 1 else None
        names = second.names if second is not None and second.kind in ("name", "names") else ()
        return frozenset((holder, name) for name in names)
    found = {(holder, name) for name in names if holder != TOP or _is_label(name)}
    if holder == TOP and len(path.names) == 1 and _is_label(names[0]):
        found |= {(names[0], column) for column in _column(path)}
    return frozenset(found)


def _column(path: Path) -> tuple[str, ...]:
    """The column that a path reads of a table's rows, where it reads one: ``$.明细[0].金额``."""
    rest = path.steps[1:]
    if len(rest) < 2 or rest[0].kind not in ("every", "index", "indices") or rest[1].kind != "name":
        return ()
    return tuple(name for name in rest[1].names if not name.startswith("_"))


def read_by_template(template: Template, rows: tuple[str | None, ...] = ()) -> frozenset[Spot]:
    """What a template reads; `rows` are the labels of the tables whose rows it stands in, innermost last."""
    try:
        tree = template.tree()
    except (TemplateError, RecursionError):
        return frozenset()  # it was parsed before; what cannot be told is not watched
    reader = _Reader(rows)
    known: _Known = {}
    for node in tree.body:
        reader.visit(node, known)
    return frozenset(reader.found)


# What an expression stands for, as far as that matters here: the record, its `_ext`, a row or its `_ext`, or
# the value of a field of the record, whose rows a loop may go through.
_Meaning = tuple[str, str] | None
_RECORD: Final = ("record", TOP)
_Known = dict[str, _Meaning]


class _Reader:
    def __init__(self, rows: tuple[str | None, ...]) -> None:
        self.found: set[Spot] = set()
        self.words: _Known = {"record": _RECORD}
        for word, table in zip(("row", "parent"), reversed(rows), strict=False):
            self.words[word] = ("row", table) if table is not None else None

    def visit(self, node: nodes.Node, known: _Known) -> _Meaning:
        """Read an expression or statement; `known` are the template's own variables, and grows."""
        match node:
            case nodes.Name(ctx="load"):
                return self.name(node.name, known)
            case nodes.Getattr():
                return self.field(self.visit(node.node, known), node.attr)
            case nodes.Getitem(arg=nodes.Const(value=value)):
                holder = self.visit(node.node, known)
                return self.field(holder, value) if isinstance(value, str) else _one_of(holder)
            case nodes.Filter(node=nodes.Node() as inner):
                return self.filter(node, inner, known)
            case nodes.For():
                self.loop(node, known)
                return None
            case nodes.Assign(target=nodes.Name() as target):
                known[target.name] = self.visit(node.node, known)
                return None
            case nodes.CondExpr():
                meanings = [self.visit(part, known) for part in node.iter_child_nodes()]
                return meanings[1] if len(meanings) > 1 else None
        for child in node.iter_child_nodes():
            self.visit(child, known)
        return None

    def name(self, name: str, known: _Known) -> _Meaning:
        if name in known:
            return known[name]
        if name in self.words or name in ENGINE_WORDS:
            return self.words.get(name)
        return self.field(_RECORD, name)

    def field(self, holder: _Meaning, name: str) -> _Meaning:
        if holder is None:
            return None
        kind, table = holder
        if kind == "value":
            return None
        if kind in ("record", "row") and name == _EXT:
            return ("ext", table)
        if kind == "record" and not _is_label(name):
            return None
        if kind == "row" and name.startswith("_"):
            return None
        self.found.add((table, name))
        return ("value", name) if kind == "record" else None

    def filter(self, node: nodes.Filter, inner: nodes.Node, known: _Known) -> _Meaning:
        meaning = self.visit(inner, known)
        for child in node.iter_child_nodes():
            if child is not inner:
                self.visit(child, known)
        if node.name in _ONE:
            return _one_of(meaning)
        return meaning if node.name in _THROUGH else None

    def loop(self, node: nodes.For, known: _Known) -> None:
        row = _one_of(self.visit(node.iter, known))
        inner: _Known = {**known, "loop": None}
        for target in node.target.find_all(nodes.Name):
            inner[target.name] = None
        if isinstance(node.target, nodes.Name):
            inner[node.target.name] = row
        for part in (*([node.test] if node.test is not None else []), *node.body, *node.else_):
            self.visit(part, inner)


def _one_of(meaning: _Meaning) -> _Meaning:
    """One of the rows that a field's value may be."""
    return ("row", meaning[1]) if meaning is not None and meaning[0] == "value" else None
