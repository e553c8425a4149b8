"""The fields of records, learnt from the records themselves and from what their system says of the form."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from engine.scheme.discovered.masking import masked
from engine.scheme.discovered.model import EVERY, FoundField, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine.connector.api import Described
    from engine.connector.catalog import Field

__all__ = ["learn"]

_OWN = frozenset({"_components", "_columns", "_repeated"})
_EXT = "_ext"
_DEEPEST = 6
_MOST_FIELDS = 2000
_MOST_VALUES = 100
_EXAMPLES = 3
_NOTHING = frozenset({"", "null", "[]", "{}"})

Names = tuple[str, ...]


def learn(
    records: Sequence[Mapping[str, Any]],
    described: Sequence[Described] | None,
    response: Mapping[str, Field],
) -> tuple[FoundField, ...]:
    """The fields of `records`, the newest first, and those of the form as its system describes it.

    A field that goes by another label in older records counts as one, under its newest label. `response` is
    the catalog's: it has labels and types of what no form holds. First come the form's fields in its own
    order, then the others by path.
    """
    counted = _Counting(described)
    for record in records:
        counted.add(record)
    fields = list(_of_the_form(counted, described)) if described is not None else []
    told = {one.names for one in fields}
    gone = _gone(counted, described)
    rest = [
        _field(counted.tallies[names], None, _catalogued(response, names))
        for names in sorted(counted.tallies)
        if names not in told and not any(names[: len(one)] == one for one in gone)
    ]
    return (*fields, *rest)


def _of_the_form(counted: _Counting, described: Sequence[Described] | None) -> Iterator[FoundField]:
    for one in described or ():
        names = (one.table, EVERY, one.name) if one.table else (one.name,)
        yield _field(counted.tallies.get(names) or Tally(names), one, None)


def _gone(counted: _Counting, described: Sequence[Described] | None) -> set[Names]:
    """Components of older records that the form has no more; what stood under them is gone, too."""
    if described is None:
        return set()
    known = {one.id for one in described if one.id}
    lost = {names for names, id_ in counted.ids.items() if id_ not in known}
    return lost | {(_EXT, *names) for names in lost if len(names) == 1}


def _field(tally: Tally, described: Described | None, catalogued: Field | None) -> FoundField:
    choices = described.choices if described else catalogued.enum if catalogued else ()
    kind = described.type if described else catalogued.type if catalogued else _type(tally)
    label = described.label if described else catalogued.label if catalogued else ""
    chosen = set(choices)
    shown: Counter[str] = Counter()
    for value, count in tally.values.items():
        shown[masked(value, chosen=value in chosen)] += count
    ranked = sorted(shown.items(), key=lambda pair: (-pair[1], pair[0]))
    return FoundField(
        tally.names,
        label or tally.names[-1].partition("#")[0],
        kind,
        id=described.id if described else "",
        required=bool(described and described.required),
        seen=tally.seen,
        of=tally.of,
        examples=tuple(sorted(text for text, _ in ranked[:_EXAMPLES])),
        choices=tuple(choice for choice in choices if choice),
        formerly=tuple(tally.former),
    )


def _catalogued(response: Mapping[str, Field], names: Names) -> Field | None:
    found: Field | None = None
    fields = response
    for name in names:
        if name == EVERY:
            continue
        found = fields.get(name)
        if found is None:
            return None
        fields = found.fields
    return found


def _type(tally: Tally) -> str:
    """The kind of the values: several kinds, or none, are text."""
    return next(iter(tally.kinds)) if len(tally.kinds) == 1 else "string"


class _Counting:
    """Goes through records; `ids` are the components that stand at some names and nowhere else."""

    def __init__(self, described: Sequence[Described] | None) -> None:
        self.tallies: dict[Names, Tally] = {}
        self.ids: dict[Names, str] = {}
        self._places: dict[tuple[str, str], Names] = {}
        many = Counter((one.table, one.id) for one in described or () if one.id)
        self._tables = {one.id: one.name for one in described or () if one.type == "array"}
        for one in described or ():
            if one.id and many[one.table, one.id] == 1:
                self._places[one.table, one.id] = (one.name,)

    def add(self, record: Mapping[str, Any]) -> None:
        """Count the fields of one record."""
        tops = self._current(record, record.get("_components") or {}, "")
        columns = record.get("_columns") or {}
        for label, value in record.items():
            if label in _OWN:
                continue
            if label == _EXT:
                for about, ext in (value or {}).items() if isinstance(value, dict) else ():
                    self._walk((_EXT, tops.get(str(about), str(about))), ext)
                continue
            name = tops.get(label, label)
            if isinstance(value, list) and any(isinstance(row, dict) for row in value):
                self._rows((name,), value, columns.get(label) or {}, former=label)
            else:
                self._walk((name,), value, former=label)

    def _current(self, holder: Iterable[str], ids: Mapping[str, str], table: str) -> dict[str, str]:
        """label → the label that its component goes by now, for those of a record or of a table's row."""
        many = Counter(ids.values())
        found: dict[str, str] = {}
        for label, id_ in ids.items():
            if many[id_] > 1 or label not in holder:
                continue
            now = self._places.setdefault((table, id_), (label,))[0]
            found[label] = now
            self.ids[(table, EVERY, now) if table else (now,)] = id_
        return found

    def _rows(self, names: Names, rows: list[Any], ids: Mapping[str, str], *, former: str) -> None:
        self._count(names, rows, "array", former)
        held = {name for row in rows if isinstance(row, dict) for name in row}
        current = self._current(held, ids, names[0])
        for label in held - {"_repeated", _EXT}:
            name = (*names, EVERY, current.get(label, label))
            for row in rows:
                if isinstance(row, dict):
                    self._walk(name, row.get(label), former=label)
        for row in rows:
            ext = row.get(_EXT) if isinstance(row, dict) else None
            for about, value in ext.items() if isinstance(ext, dict) else ():
                self._walk((*names, EVERY, _EXT, current.get(str(about), str(about))), value)

    def _walk(self, names: Names, value: Any, *, former: str | None = None) -> None:
        if isinstance(value, dict) and len(names) < _DEEPEST:
            for name, inner in value.items():
                self._walk((*names, str(name)), inner)
        elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
            self._count(names, value, "array", former)
            for part in value if len(names) < _DEEPEST else ():
                if isinstance(part, dict):
                    self._walk((*names, EVERY), part)
        else:
            self._count(names, value, _kind(value), former)

    def _count(self, names: Names, value: Any, kind: str, former: str | None) -> None:
        tally = self.tallies.get(names)
        if tally is None:
            if len(self.tallies) >= _MOST_FIELDS:
                return
            tally = self.tallies[names] = Tally(names)
        if former is not None and former != names[-1]:
            tally.former[former] = None
        tally.of += 1
        if not kind or (kind == "array" and not value):
            return
        tally.seen += 1
        tally.kinds.add(kind)
        if kind == "array" or isinstance(value, dict):
            return
        text = str(value)
        if text in tally.values or len(tally.values) < _MOST_VALUES:
            tally.values[text] = tally.values.get(text, 0) + 1


def _kind(value: Any) -> str:
    """What sort of thing a value is; '' for nothing. A text of digits is a text: it may be an id."""
    if value is None or value == {} or (isinstance(value, str) and value.strip() in _NOTHING):
        return ""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float() | Decimal():
            return "decimal"
        case list():
            return "array"
        case dict():
            return "object"
    return _kind_of_text(str(value).strip())


def _kind_of_text(text: str) -> str:
    if len(text) >= 10 and text[:4].isdigit() and text[4] == text[7] == "-" and text[8:10].isdigit():
        return "datetime" if len(text) > 10 else "date"
    if "." in text:
        try:
            Decimal(text)
        except InvalidOperation:
            return "string"
        return "decimal"
    return "string"
