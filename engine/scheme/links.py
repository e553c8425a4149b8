"""Which of a record's fields go into which of a document's, as the scheme says, without any record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.mapping.mentions import named
from engine.mapping.rules import Array, Constant, Items, Nested, PathLeaf, Rule
from engine.mapping.values import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.connector.catalog import Field as FormField
    from engine.mapping.rules import Field, Leaf
    from engine.scheme.model import Scheme

__all__ = ["Link", "links_of"]

_NOT_OF_THE_RECORD = ("params", "document", "parent")


@dataclass(frozen=True, slots=True)
class Link:
    """One target field and what it is made of; `sources` is empty for a constant, which `constant` holds.

    `target` is the field's path without row numbers; `tables` are the look-ups on the way. Sources of a row
    are written with their table: ``报销明细[*].费用明细``.
    """

    target: str
    label: str
    sources: tuple[str, ...]
    tables: tuple[str, ...] = ()
    constant: str | None = None


def links_of(scheme: Scheme, fields: Mapping[str, FormField]) -> list[Link]:
    """The links of a scheme's mapping in its order; `fields` are those of the target's form."""
    return list(_links(scheme.target.mapping.fields, fields, "", ""))


def _links(
    entries: Sequence[Field], known: Mapping[str, FormField], prefix: str, table: str
) -> Iterator[Link]:
    for field in entries:
        described = known.get(field.name)
        label = described.label if described is not None else ""
        inner = described.fields if described is not None else {}
        path = f"{prefix}{field.name}"
        match field.entry:
            case Rule() as rule:
                yield _link(rule, path, rule.label or label, table)
            case Nested(fields=below):
                yield from _links(below, inner, f"{path}.", table)
            case Array(blocks=blocks):
                for block in blocks:
                    rows = _plain(block.each.text) if block.each is not None else table
                    yield from _links(block.fields, inner, f"{path}.", rows)
            case Items(leaves=leaves):
                sources = [name for leaf in leaves for name in _sources(leaf, table)]
                yield Link(path, label, tuple(dict.fromkeys(sources)))


def _link(rule: Rule, path: str, label: str, table: str) -> Link:
    leaves = [rule.leaf, *([rule.default] if rule.default is not None else [])]
    sources = tuple(dict.fromkeys(name for leaf in leaves for name in _sources(leaf, table)))
    tables = {rule.lookup} if rule.lookup is not None else set()
    for leaf in leaves:
        if not isinstance(leaf, Constant | PathLeaf):
            tables |= leaf.template.tables
    constant = to_text(rule.leaf.value) if isinstance(rule.leaf, Constant) else None
    return Link(path, label, sources, tuple(sorted(tables)), constant)


def _sources(leaf: Leaf, table: str) -> Iterator[str]:
    if isinstance(leaf, Constant):
        return
    if isinstance(leaf, PathLeaf):
        yield _within(leaf.path.text, table)
        return
    for name in named(leaf.template):
        first = name.split(".", 1)[0].split("[", 1)[0]
        if first == "row":
            yield _within("@" + name[len("row") :], table)
        elif first == "record":
            yield name[len("record") :].lstrip(".")
        elif first not in _NOT_OF_THE_RECORD or first == "params":
            yield name


def _within(path: str, table: str) -> str:
    return table + path[1:] if path.startswith("@") else _plain(path)


def _plain(path: str) -> str:
    return path.removeprefix("$").removeprefix(".")
