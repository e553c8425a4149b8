"""Fields one after the other, with their paths: those of a catalog, and those that a mapping writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.mapping.rules import Array, Items, Nested, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.connector.catalog import Field as CatalogField
    from engine.mapping.rules import Block, Field
    from engine.scheme.model import Scheme
    from engine.scheme.reach import Reach

__all__ = ["Mapped", "each_field", "each_mapped", "target_fields", "without_rows"]

_ROW = re.compile(r"\[(?:\*|\d+)\]")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One field of a document: its path, what the catalog knows of it, and what fills it.

    `entry` is a Block for the rows of an array, once for each block.
    """

    path: str
    name: str
    known: CatalogField | None
    entry: Rule | Items | Block


def each_field(fields: Mapping[str, CatalogField], above: str = "") -> Iterator[tuple[str, CatalogField]]:
    """Each field of a catalog with its path, those below it after it."""
    for name, field in fields.items():
        yield f"{above}{name}", field
        yield from each_field(field.fields, f"{above}{name}.")


def each_mapped(
    fields: tuple[Field, ...], known: Mapping[str, CatalogField], *, rows: str = "", above: str = ""
) -> Iterator[Mapped]:
    """Each field that a mapping fills, in its order; `rows` stands behind the name of an array."""
    for field in fields:
        about = known.get(field.name)
        inner = about.fields if about else {}
        path = f"{above}{field.name}"
        match field.entry:
            case Rule() | Items() as entry:
                yield Mapped(path, field.name, about, entry)
            case Nested(fields=below):
                yield from each_mapped(below, inner, rows=rows, above=f"{path}.")
            case Array(blocks=blocks):
                for block in blocks:
                    yield Mapped(f"{path}{rows}", field.name, about, block)
                    yield from each_mapped(block.fields, inner, rows=rows, above=f"{path}{rows}.")


def without_rows(path: str) -> str:
    """A path of a record as catalogs have it: ``$.报销明细[*].费用明细`` is ``报销明细.费用明细``."""
    return _ROW.sub("", path).removeprefix("$").removeprefix(".")


def target_fields(scheme: Scheme, reach: Reach) -> Mapping[str, CatalogField]:
    """The fields that a scheme's target takes: its form's, or its interface's."""
    target = scheme.target
    if target.form is not None:
        form = reach.form(target.connection, target.form)
        return form.fields if form else {}
    interface = reach.interface(target.connection, target.interface)
    return interface.fields if interface else {}
