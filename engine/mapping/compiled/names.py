"""Names and fields: what a template begins with, and what it reaches from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.reads import Level, read_field
from engine.mapping.compiled.trees import NO_WAY, is_loop
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.scope import ENGINE_WORDS

if TYPE_CHECKING:
    from engine.mapping.compiled.expressions import Expressions

__all__ = ["DEEP", "maybe", "reached"]

_NO_ROW: Final = "it reads a row that is not there"
DEEP: Final = "it goes deep into the document"


def _chain(to: Expressions, node: Any) -> tuple[Level | Value | None, tuple[str, ...]] | None:
    """What a node begins with, and the fields that it goes through; None for other nodes.

    It begins with a record, a row, the params, a name of the template's own, or the document (None).
    """
    names: list[str] = []
    while type(node).__name__ != "Name":
        kind = type(node).__name__
        if kind == "Getattr":
            names.append(node.attr)
        elif kind == "Getitem" and type(node.arg).__name__ == "Const" and type(node.arg.value) is str:
            names.append(node.arg.value)
        else:
            return None
        node = node.node
    names.reverse()
    levels = to.place.levels
    own = to.locals.get(node.name)
    if own is not None:
        return (own, tuple(names)) if own.kind == "raw" or not names else None
    match node.name:
        case "record":
            return levels[0], tuple(names)
        case "params":
            return to.around.params, tuple(names)
        case "row" | "parent":
            place = len(levels) - (1 if node.name == "row" else 2)
            if place < 1:
                raise Outside(_NO_ROW)
            return levels[place], tuple(names)
        case "document":
            return None, tuple(names)
    if node.name in ENGINE_WORDS or (node.name == "loop" and to.loop is not None):
        raise Outside(NO_WAY)
    return levels[0], (node.name, *names)


def _fields(to: Expressions, begin: Level | Value | None, names: tuple[str, ...]) -> tuple[str, str]:
    """The variables of the last field of a chain, and of what holds it."""
    if isinstance(begin, Level):
        return read_field(to.writer, begin, names), read_field(to.writer, begin, names[:-1])
    if isinstance(begin, Value):
        found = holder = begin.name
        for name in names:
            holder, literal = found, to.writer.literal(name)
            read = f"{holder}.get({literal}, MISSING) if {holder}.__class__ is dict"
            found = to.put(f"{read} else got({holder}, {literal})", "raw").name
        return found, holder
    if len(names) != 1 or names[0] not in to.around.top:
        raise Outside(DEEP)
    known = to.around.values.get(names[0])
    if known is None:  # always left out, or worked out later
        return "None", "record"
    return to.put(f"None if {known} is OUT else {known}").name, "record"


def reached(to: Expressions, node: Any) -> Value:
    """The value of a name or field."""
    if to.loop is not None and type(node).__name__ == "Getattr" and is_loop(node.node):
        return _turn(to, node.attr)
    chain = _chain(to, node)
    if chain is None:
        return _reached_otherwise(to, node)
    begin, names = chain
    if names:
        return Value(_fields(to, begin, names)[0], "raw")
    if begin is None:
        raise Outside(DEEP)
    if isinstance(begin, Level):
        return Value(begin.root, "raw")
    if begin.kind == "set":
        to.line(f"if {begin.name} is MISSING: raise UNUSUAL")
        return Value(begin.name)
    return begin


def _turn(to: Expressions, name: str) -> Value:
    """A field of ``loop``."""
    assert to.loop is not None
    number, count = to.loop
    source = {
        "index": f"{number} + 1",
        "index0": number,
        "first": f"{number} == 0",
        "last": f"{number} + 1 == {count}",
        "length": count,
        "revindex": f"{count} - {number}",
        "revindex0": f"{count} - {number} - 1",
    }.get(name)
    if source is None:
        raise Outside(NO_WAY)
    return to.put(source, "plain")


def _reached_otherwise(to: Expressions, node: Any) -> Value:
    holder = to.data(node.node)
    if type(node).__name__ == "Getattr":
        return to.put(f"attribute({holder.name}, {to.writer.literal(node.attr)})")
    if type(node.arg).__name__ == "Slice":
        piece = node.arg
        ends = [
            to.data(end).name if end is not None else "None" for end in (piece.start, piece.stop, piece.step)
        ]
        return to.put(f"sliced({holder.name}, {', '.join(ends)})")
    return to.put(f"item({holder.name}, {to.data(node.arg).name})")


def maybe(to: Expressions, node: Any) -> tuple[Value, str]:
    """A value as ``default`` and ``is defined`` take it, and a statement for when it is missing.

    The statement refuses what may not be missing even then; it is '' for what cannot be missing.
    """
    chain = _chain(to, node) if type(node).__name__ in ("Name", "Getattr", "Getitem") else None
    if chain is not None and not chain[1] and isinstance(chain[0], Value) and chain[0].kind == "set":
        return Value(chain[0].name), "pass"
    if chain is None and type(node).__name__ == "Getattr":
        return to.put(f"maybe_in({to.data(node.node).name}, {to.writer.literal(node.attr)})"), "pass"
    if chain is None and type(node).__name__ == "Getitem" and type(node.arg).__name__ == "Const":
        return to.put(f"maybe_in({to.data(node.node).name}, {to.data(node.arg).name})"), "pass"
    if chain is None or not chain[1]:
        return to.data(node), ""
    found, holder = _fields(to, *chain)
    names = chain[1]
    return Value(found, "raw"), f"undefined({holder}, {to.writer.literal(names[-1])})"
