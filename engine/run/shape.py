"""What a record's form looked like: which fields it had, which were filled, which components they were."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import TYPE_CHECKING, Any

from engine.mapping.reads import TOP, Spot

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from engine.connector.api import Formed

__all__ = ["Shape", "shape_of"]

_OWN = frozenset({"id", "title", "extend"})
_NOTHING = frozenset({"", "null", "[]", "{}"})
_DIGITS = dict.fromkeys(map(ord, "+-,."))


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A record's form, without the data; what a few hundred of them need is little.

    `fields` are all fields in the form's order, with the kind of their value; `filled` those of the watched
    ones that hold something, `tables` the tables with rows; `values` what the fields held that the scheme's
    conditions read.
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

    def lacks(self, spot: Spot) -> bool:
        """True where the field is not on the form, or empty."""
        return spot not in self.filled

    def can_have(self, spot: Spot) -> bool:
        """False for a column of a table that has no rows: nothing can be said of it."""
        return spot[0] == TOP or spot[0] in self.tables


def shape_of(
    source: Formed, id: str, record: Mapping[str, Any], watched: AbstractSet[Spot], kept: Collection[Spot]
) -> Shape | None:
    """The shape of a record; None where nobody can tell when it was made. `kept` are those of the watched
    fields whose values matter."""
    at = source.created(record)
    if at is None:
        return None
    fields: dict[Spot, str] = {}
    filled: set[Spot] = set()
    tables: set[str] = set()
    for label, value in record.items():
        if label in _OWN or label.startswith("_"):
            continue
        spot = (TOP, intern(label))
        kind = fields[spot] = _kind(value)
        if kind and (kind != "table" or value):
            filled.add(spot)
            if kind == "table":
                tables.add(label)
                _read_rows(label, value, fields, filled)
    return Shape(
        id=id,
        at=at,
        fields=fields,
        filled=frozenset(filled & watched),
        tables=frozenset(tables),
        components=_components(record),
        choices=dict(source.choices(record)),
        values={spot: record.get(spot[1]) for spot in kept if spot[0] == TOP},
    )


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
    if isinstance(value, list):
        return "table"
    if value is None or value == {}:
        return ""
    text = (value if isinstance(value, str) else str(value)).strip()
    if text in _NOTHING:
        return ""
    if not text[0].isdigit() and text[0] not in "+-":
        return "text"
    if text[:4].isdigit() and text[4:5] == "-":
        return "date"
    return "amount" if text.translate(_DIGITS).isdigit() else "text"
