"""What a record's form looked like: which fields it had, which were filled, which components they were."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any

from engine.mapping.reads import TOP, Spot

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from engine.connector.api import Formed

__all__ = ["Layout", "Shape", "Shapes"]

_OWN = frozenset({"id", "title", "extend"})
_NOTHING = frozenset({"", "null", "[]", "{}"})
_LONGEST_NOTHING = 4
_DIGITS = dict.fromkeys(map(ord, "+-,."))
_MOST = 500
"""So many layouts are remembered; forms that differ more than that are not worth it."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What shapes have in common that were filled in alike: one object for all of them, as long as it is
    remembered."""

    fields: Mapping[Spot, str]
    filled: frozenset[Spot]
    tables: frozenset[str]
    components: Mapping[Spot, str]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A record's form, without the data; what a few hundred of them need is little.

    `fields` are all fields in the form's order, with the kind of their value; `filled` those of the watched
    ones that hold something, `tables` the tables with rows; `values` what the fields held that the scheme's
    conditions read. `layout` has the same, where the shape was read off a record.
    """

    id: str
    at: datetime
    fields: Mapping[Spot, str]
    filled: frozenset[Spot]
    tables: frozenset[str]
    components: Mapping[Spot, str]
    choices: Mapping[str, str]
    values: Mapping[Spot, Any]
    accepted: bool = False
    """A human took this form as it is."""
    layout: Layout | None = None

    def lacks(self, spot: Spot) -> bool:
        """True where the field is not on the form, or empty."""
        return spot not in self.filled

    def can_have(self, spot: Spot) -> bool:
        """False for a column of a table that has no rows: nothing can be said of it."""
        return spot[0] == TOP or spot[0] in self.tables


class Shapes:
    """Reads the shapes of records. `kept` are those of the watched fields whose values matter."""

    def __init__(self, source: Formed, watched: AbstractSet[Spot], kept: Collection[Spot]) -> None:
        self._source = source
        self._watched = watched
        self._kept = [spot for spot in kept if spot[0] == TOP]
        self._layouts: dict[Hashable, Layout] = {}
        self._labels: dict[tuple[str, ...], tuple[str, ...]] = {}

    def of(self, id: str, record: Mapping[str, Any]) -> Shape | None:
        """The shape of a record; None where nobody can tell when it was made."""
        at = self._source.created(record)
        if at is None:
            return None
        layout = self._layout(record)
        return Shape(
            id=id,
            at=at,
            fields=layout.fields,
            filled=layout.filled,
            tables=layout.tables,
            components=layout.components,
            choices=dict(self._source.choices(record)),
            values={spot: record.get(spot[1]) for spot in self._kept},
            layout=layout,
        )

    def _layout(self, record: Mapping[str, Any]) -> Layout:
        """The layout of a record; made anew only where none before was filled in alike."""
        seen = self._seen(record)
        layout = self._layouts.get(seen)
        if layout is None:
            if len(self._layouts) >= _MOST:
                self._layouts.clear()
            layout = self._layouts[seen] = _read(record, self._watched)
        return layout

    def _seen(self, record: Mapping[str, Any]) -> Hashable:
        """All that a layout follows from: the labels, the kinds of their values, the components."""
        labels = tuple(record)
        kinds: list[str] = []
        rows: list[tuple[str, ...] | None] = []
        for label in self._labels.get(labels) or self._fields_among(labels):
            value = record[label]
            plain = value.__class__ is str and "一" <= value[:1] <= "鿿"  # most are, and it is told at once
            kind = "text" if plain else _kind(value)
            kinds.append(kind)
            if kind == "table":
                rows.append(_columns(value) if value else None)
        ids = record.get("_components") or {}
        columns = record.get("_columns") or {}
        tables = [(table, tuple(each or ()), _texts(each)) for table, each in columns.items()]
        return labels, tuple(kinds), tuple(rows), tuple(ids), _texts(ids), tuple(tables)

    def _fields_among(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(self._labels) >= _MOST:
            self._labels.clear()
        found = self._labels[labels] = tuple(label for label in labels if _is_field(label))
        return found


def _is_field(label: str) -> bool:
    return label not in _OWN and not label.startswith("_")


def _texts(ids: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple(map(str, ids.values())) if ids else ()


def _columns(rows: list[Any]) -> tuple[str, ...]:
    """The columns of a table's rows, then the kind of each."""
    kinds: dict[str, str] = {}
    done: set[str] = set()
    for row in rows:
        if isinstance(row, dict) and not row.keys() <= done:
            for column, value in row.items():
                if column in done:
                    continue
                if column[:1] == "_":
                    done.add(column)
                    continue
                kinds[column] = kind = _kind(value)
                if kind:
                    done.add(column)
    return *kinds, *kinds.values()


def _read(record: Mapping[str, Any], watched: AbstractSet[Spot]) -> Layout:
    fields: dict[Spot, str] = {}
    filled: set[Spot] = set()
    tables: set[str] = set()
    for label, value in record.items():
        if not _is_field(label):
            continue
        spot = (TOP, intern(label))
        kind = fields[spot] = _kind(value)
        if kind and (kind != "table" or value):
            filled.add(spot)
            if kind == "table":
                tables.add(label)
                _read_rows(label, value, fields, filled)
    return Layout(fields, frozenset(filled & watched), frozenset(tables), _components(record))


def _read_rows(table: str, rows: list[Any], fields: dict[Spot, str], filled: set[Spot]) -> None:
    for row in rows:
        if not isinstance(row, dict):
            continue
        for column, value in row.items():
            spot = (table, intern(column))
            if spot in filled or column.startswith("_"):
                continue
            kind = _kind(value)
            if kind:
                fields[spot] = kind
                filled.add(spot)
            else:
                fields.setdefault(spot, "")


def _components(record: Mapping[str, Any]) -> dict[Spot, str]:
    found: dict[Spot, str] = {}
    for table, ids in ((TOP, record.get("_components")), *(record.get("_columns") or {}).items()):
        for label, id_ in (ids or {}).items():
            found[intern(table), intern(label)] = intern(str(id_))
    return found


def _kind(value: Any) -> str:
    """What sort of thing a value is; '' for nothing."""
    if value is None:
        return ""
    if not isinstance(value, str):
        if isinstance(value, list):
            return "table"
        if isinstance(value, dict):
            return "text" if value else ""
        value = str(value)
    text = value.strip()
    if len(text) <= _LONGEST_NOTHING and text in _NOTHING:
        return ""
    first = text[0]
    if not first.isdigit() and first not in "+-":
        return "text"
    if text[:4].isdigit() and text[4:5] == "-":
        return "date"
    return "amount" if text.translate(_DIGITS).isdigit() else "text"
