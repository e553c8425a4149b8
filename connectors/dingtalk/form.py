"""Form components to plain fields: what people see on the form, under the labels they gave it.

The shapes are from page oa-formcomponent-message and from captured answers of both API generations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from connectors.dingtalk.values import decoded_of, text_of, value_of
from engine.errors import FailureClass, RecordError
from engine.language import tr

__all__ = ["ENGINE_WORDS", "Decoded", "decode_form"]

ENGINE_WORDS = frozenset(
    (
        *("id", "title", "extend", "record", "row", "parent", "params", "document", "total"),
        *("_ext", "_repeated", "_components", "_columns"),
    )
)
"""Words of a record and of templates, which win over labels of the same name."""

_ROW_WORDS = frozenset(("_ext", "_repeated"))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A form's fields by label; `ext`: their decoded ext_value; `repeated`: labels that stand as label#id.

    `components` are the ids of the components that the labels stand for, `columns` those of each table's
    columns: an id stays when somebody gives a component another label.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    ext: dict[str, Any] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


class _Cell(NamedTuple):
    """One named value of a form or of a row, not yet placed under its label; there are very many."""

    label: str
    id: str
    value: Any
    ext: Any
    columns: Mapping[str, str] | None = None


def decode_form(components: Sequence[Any]) -> Decoded:
    """The components of an instance, under the old API's keys. Raises RecordError for an unreadable table."""
    return _plain_form(components) or _any_form(components)


def _plain_form(components: Sequence[Any]) -> Decoded | None:
    """A form as nearly all are: each label is one component's. None for any other, be it only unusual."""
    decoded = Decoded()
    fields, exts, ids = decoded.fields, decoded.ext, decoded.components
    try:
        for part in components:
            label, id_ = part["name"], part["id"]
            if label in fields or not _is_plain(label, id_):
                return None
            ids[label] = id_
            if part.get("component_type") == "TableField" or id_.startswith("TableField"):
                fields[label], columns = _table(part.get("value"), label)
                if columns:
                    decoded.columns[label] = columns
                continue
            raw = part.get("ext_value")
            if raw is not None and (ext := decoded_of(raw)) is not None:
                exts[label] = ext
            value = part.get("value")
            fields[label] = value if value.__class__ is str and value != "null" else value_of(value)
    except (AttributeError, KeyError, TypeError):  # it is not of the usual shape
        return None
    return decoded


@lru_cache(maxsize=2000)
def _is_plain(label: Any, id_: Any) -> bool:
    """Whether a label and an id can be taken as they are."""
    named = isinstance(label, str) and isinstance(id_, str) and label.strip() == label and id_.strip() == id_
    return named and label[:1] not in ("", "[") and id_ != "" and label not in ENGINE_WORDS


def _any_form(components: Sequence[Any]) -> Decoded:
    cells: list[_Cell] = []
    for part in components:
        if isinstance(part, dict):
            _component(part, cells)
    repeated = _repeated([(cell.label, cell.id) for cell in cells], ENGINE_WORDS, each=True)
    placed = _place(cells, repeated)
    return Decoded(
        {key: cell.value for key, cell in placed.items()},
        {key: cell.ext for key, cell in placed.items() if cell.ext is not None},
        repeated,
        {key: cell.id for key, cell in placed.items() if cell.id},
        {key: dict(cell.columns) for key, cell in placed.items() if cell.columns},
    )


def _component(part: dict[str, Any], cells: list[_Cell]) -> None:
    """Add the cells of a component."""
    id_ = text_of(part.get("id")) or ""
    label = text_of(part.get("name")) or id_
    if part.get("component_type") == "TableField" or id_.startswith("TableField"):
        rows, columns = _table(part.get("value"), label)
        cells.append(_Cell(label, id_, rows, None, columns))
        return
    ext = decoded_of(part.get("ext_value"))
    value = value_of(part.get("value"))
    if label.startswith("["):
        cells += _split_range(label, id_, value, ext)
    else:
        cells.append(_Cell(label, id_, value, ext))


def _split_range(label: str, id_: str, value: Any, ext: Any) -> list[_Cell]:
    """A date range is one component whose name is a JSON list of labels and whose value a list of texts; it
    becomes one field for each label, and keeps its whole list (a duration may follow) beside the first."""
    names = decoded_of(label)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        return [_Cell(label, id_, value, ext)]
    parts = decoded_of(value) if isinstance(value, str) else None
    values = parts if isinstance(parts, list) else []
    padded = [value_of(part) for part in values] + [None] * len(names)
    cells = [_Cell(name, id_, found, None) for name, found in zip(names, padded, strict=False)]
    kept = ext if ext is not None else (values if len(values) > len(names) else None)
    return [_Cell(cells[0].label, id_, cells[0].value, kept), *cells[1:]]


# --- tables -----------------------------------------------------------------------------------------------


def _table(value: Any, label: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of a table, and the ids of the columns that they show. An empty one comes with the definitions
    of its columns instead of rows, on the old API alone, so that nothing is made of them."""
    if value_of(value) in (None, ""):
        return [], {}
    decoded = decoded_of(value)
    if not isinstance(decoded, list):
        raise _unreadable(label)
    return _plain_table(decoded) or _any_table(decoded, label)


def _plain_table(entries: list[Any]) -> tuple[list[dict[str, Any]], dict[str, str]] | None:
    """The same in one pass, for a table as nearly all are: each label is one column's, and once in a row.
    None for any other, be it only unusual."""
    rows: list[dict[str, Any]] = []
    columns: dict[str, str] = {}
    try:
        for entry in entries:
            row: dict[str, Any] = {}
            exts: dict[str, Any] = {}
            cells = entry["rowValue"]
            if cells.__class__ is not list:
                return None
            for cell in cells:
                label, id_ = cell["label"], cell["key"]
                if columns.get(label) != id_:
                    if label in columns or not _is_plain(label, id_):
                        return None
                    columns[label] = id_
                if label in row:
                    return None
                value = cell.get("value")
                row[label] = value if value.__class__ is str and value != "null" else value_of(value)
                raw = cell.get("extendValue") if "extendValue" in cell else cell.get("extValue")
                if raw is not None and (ext := decoded_of(raw)) is not None:
                    exts[label] = ext
            if exts:
                row["_ext"] = exts
            rows.append(row)
    except (AttributeError, KeyError, TypeError):
        return None
    return rows, columns


def _any_table(decoded: list[Any], label: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    rows: list[list[_Cell]] = []
    for entry in decoded:
        if isinstance(entry, dict) and "rowValue" in entry:
            rows.append(_row(entry["rowValue"], label))
        elif isinstance(entry, list):
            rows.append(_row(entry, label))
        elif not (isinstance(entry, dict) and "componentName" in entry and "props" in entry):
            raise _unreadable(label)
    named = {(cell.label, cell.id) for row in rows for cell in row}
    repeated = _repeated(sorted(named), _ROW_WORDS)
    for row in rows:
        if len({cell.label for cell in row}) < len(row):
            repeated += [word for word in _twice(row) if word not in repeated]
    placed = [_place(row, repeated) for row in rows]
    columns = {key: cell.id for row in placed for key, cell in row.items() if cell.id}
    return [_as_row(row, repeated) for row in placed], columns


def _row(entry: Any, label: str) -> list[_Cell]:
    if not isinstance(entry, list):
        raise _unreadable(label)
    cells: list[_Cell] = []
    for cell in entry:
        if not isinstance(cell, dict):
            raise _unreadable(label)
        id_ = text_of(cell.get("key")) or text_of(cell.get("id")) or ""
        name = text_of(cell.get("label")) or text_of(cell.get("name")) or id_
        ext = decoded_of(cell.get("extendValue", cell.get("extValue")))
        value = value_of(cell.get("value"))
        if name.startswith("["):
            cells += _split_range(name, id_, value, ext)
        else:
            cells.append(_Cell(name, id_, value, ext))
    return cells


def _as_row(placed: Mapping[str, _Cell], repeated: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {key: cell.value for key, cell in placed.items()}
    ext = {key: cell.ext for key, cell in placed.items() if cell.ext is not None}
    if ext:
        row["_ext"] = ext
    if repeated:
        row["_repeated"] = repeated
    return row


def _unreadable(label: str) -> RecordError:
    return RecordError(
        tr('the table "{label}" cannot be read', label=label),
        failure=FailureClass.DATA,
        label=label,
        path=f"$.{label}",
        hint=tr("DingTalk cuts a table's text at 65535 characters; look at the approval for very many rows"),
    )


# --- labels -----------------------------------------------------------------------------------------------


def _repeated(named: Sequence[tuple[str, str]], words: frozenset[str], *, each: bool = False) -> list[str]:
    """Labels of more than one component, or that are among `words`; with `each`, every mention counts."""
    labels = {label for label, _ in named}
    if len(labels) == len(named) and words.isdisjoint(labels):
        return []
    ids: dict[str, list[str]] = defaultdict(list)
    for label, id_ in named:
        ids[label].append(id_)
    return [
        label
        for label, found in ids.items()
        if label in words or (len(found) if each else len(set(found))) > 1
    ]


def _twice(cells: Sequence[_Cell]) -> list[str]:
    seen: set[str] = set()
    return [cell.label for cell in cells if cell.label in seen or seen.add(cell.label)]  # type: ignore[func-returns-value]


def _place(cells: Sequence[_Cell], repeated: Sequence[str]) -> dict[str, _Cell]:
    """Each cell under the key that it has in a record or row. `repeated`: the labels of more than one."""
    if not repeated:
        return {cell.label: cell for cell in cells}
    placed: dict[str, _Cell] = {}
    for cell in cells:
        key = f"{cell.label}#{cell.id}" if cell.label in repeated else cell.label
        number = 2
        while key in placed:
            key = f"{cell.label}#{cell.id}#{number}"
            number += 1
        placed[key] = cell
    return placed
