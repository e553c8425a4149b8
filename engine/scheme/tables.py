"""Tables that stand in the scheme or in a CSV file: what the source says → what the target knows."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.errors import Position, SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.mapping.scope import MISS
from engine.scheme.build import table_spec
from engine.scheme.files import safe_file
from engine.scheme.marks import refuse_marks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.connector.environments import SchemeValues
    from engine.nodes import Node
    from engine.scheme.model import Scheme, TableSpec

__all__ = ["StaticTable", "load_table", "load_tables", "table_specs"]

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# A long number that lost its digits (6.21484E+18), a formula (="6214"), an error (#N/A).
_SPOILT = re.compile(r"-?\d+(\.\d+)?E\+\d+|=\".*\"|#(N/A|REF!|NAME\?|VALUE!|DIV/0!)")


@dataclass(frozen=True, slots=True)
class StaticTable:
    """A table that is wholly known; keys are trimmed texts. Defaults are the mapping's business, not its."""

    name: str
    entries: Mapping[str, Any] = field(default_factory=dict)

    def find(self, key: object) -> Any:
        """The value under a key, compared as trimmed text, or `MISS`."""
        return self.entries.get(str(key).strip(), MISS)


def table_specs(scheme: Scheme, values: SchemeValues | None = None) -> dict[str, tuple[TableSpec, Path]]:
    """All tables, each with the folder of its files: the scheme's own, or as connections.yaml has them.

    Raises SchemeError for a table of connections.yaml that the scheme does not have.
    """
    folder = scheme.file.parent
    found: dict[str, tuple[TableSpec, Path]] = {name: (spec, folder) for name, spec in scheme.tables.items()}
    for name, node in (values.tables if values else {}).items():
        own = scheme.tables.get(name)
        if own is None:
            close = nearest(name, scheme.tables)
            raise SchemeError(
                tr('the scheme "{scheme}" has no table "{name}"', scheme=scheme.id, name=name),
                position=node.position,
                hint=tr('did you mean "{word}"?', word=close) if close else None,
            )
        found[name] = (_override(own, node), values.folder or folder if values else folder)
    return found


def _override(own: TableSpec, node: Node) -> TableSpec:
    """A table as connections.yaml gives it: a text is a CSV file with the scheme's own columns."""
    if isinstance(node.value, str):
        given = replace(own, file=node.value, values=None, connection=None, interface=None)
        return replace(given, position=node.position)
    if not node.is_mapping:
        raise SchemeError(tr("a table must be a mapping, or the name of a CSV file"), position=node.position)
    spec = table_spec(own.name, node)
    if spec.values is None and spec.file is None and spec.interface is None:
        raise SchemeError(tr("a table needs values, a file, or an interface"), position=node.position)
    if spec.file is not None:
        spec = replace(spec, key=spec.key or own.key, value=spec.value or own.value)
    if not spec.has_default and own.has_default:
        spec = replace(spec, default=own.default, has_default=True)
    return spec


def load_tables(scheme: Scheme, values: SchemeValues | None = None) -> dict[str, StaticTable]:
    """The inline and CSV tables of a scheme, those of connections.yaml instead of its own where given.

    Raises SchemeError at the place of what is wrong, in the scheme or in the CSV file.
    """
    specs = table_specs(scheme, values)
    return {name: load_table(spec, folder) for name, (spec, folder) in specs.items() if not spec.is_live}


def load_table(spec: TableSpec, folder: Path) -> StaticTable:
    """One inline or CSV table. Raises SchemeError."""
    if spec.file is None:
        return StaticTable(spec.name, _trimmed(spec))
    path = safe_file(folder, spec.file, spec.position)
    return StaticTable(spec.name, _read_csv(path, str(folder / spec.file), spec))


def _trimmed(spec: TableSpec) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    wrong: list[SchemeError] = []
    for key, value in (spec.values or {}).items():
        trimmed = key.strip()
        if trimmed in entries:
            text = tr('the key "{key}" stands twice in the table "{table}"', key=trimmed, table=spec.name)
            wrong.append(SchemeError(text, position=spec.position))
        entries[trimmed] = value
    if wrong:
        raise SchemeError.of(wrong)
    return entries


def _decode(data: bytes, shown: str) -> str:
    if data.startswith(_WORKBOOKS):
        raise SchemeError(
            tr("this is a workbook, not CSV"),
            position=Position(shown),
            hint=tr("in a spreadsheet program, save it as CSV UTF-8"),
        )
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # UTF-16 without its mark has them
            return text
    raise SchemeError(
        tr("the file is neither UTF-8 nor GB18030"),
        position=Position(shown),
        hint=tr("in a spreadsheet program, save it as CSV UTF-8"),
    )


def _read_csv(path: Path, shown: str, spec: TableSpec) -> dict[str, Any]:
    """Key column → value column; empty lines are passed over. Positions are lines of the CSV file."""
    try:
        text = _decode(path.read_bytes(), shown)
    except OSError as error:
        raise SchemeError(
            tr('"{name}" cannot be read: {reason}', name=shown, reason=error.strerror), position=spec.position
        ) from error
    refuse_marks(text, shown)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: dict[str, Any] = {}
    lines: dict[str, int] = {}
    wrong: list[SchemeError] = []
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        at_key = _column(header, spec.key, spec, shown)
        at_value = _column(header, spec.value, spec, shown)
        line = reader.line_num + 1
        for row in reader:
            place, line = Position(shown, line), reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            try:
                key, value = _cells(row, at_key, at_value, place, len(header))
            except SchemeError as error:
                wrong.append(error)
                continue
            if key in lines:
                wrong.append(_twice(key, spec.name, place, lines[key]))
                continue
            entries[key], lines[key] = value, place.line
    except csv.Error as error:
        hint = tr("a quote in this line has no counterpart, or stands inside a cell")
        text = tr("not CSV: {problem}", problem=error)
        wrong.append(SchemeError(text, position=Position(shown, line), hint=hint))
    if wrong:
        raise SchemeError.of(wrong)
    return entries


def _column(header: list[str], name: str | None, spec: TableSpec, shown: str) -> int:
    """Where the column of this name is."""
    if name is None:
        raise SchemeError(
            tr('the table "{table}" must name the columns "key" and "value"', table=spec.name),
            position=spec.position,
        )
    if header.count(name.strip()) == 1:
        return header.index(name.strip())
    if name.strip() in header:
        raise SchemeError(
            tr('the column "{name}" stands twice in the header', name=name), position=Position(shown)
        )
    raise SchemeError(
        tr('there is no column "{name}"; the header has {names}', name=name, names=", ".join(header))
        if any(header)
        else tr('there is no column "{name}"; the file is empty', name=name),
        position=Position(shown),
        hint=_header_hint(header, name),
    )


def _header_hint(header: list[str], name: str) -> str:
    """What is the matter with a header that lacks a column."""
    if close := nearest(name, header):
        return tr('did you mean "{word}"?', word=close)
    if len(header) == 1 and any(mark in header[0] for mark in "\t;"):
        return tr("cells are separated by commas; in a spreadsheet program, save it as CSV UTF-8")
    return tr("the first line must be the columns' names")


def _cells(row: list[str], at_key: int, at_value: int, place: Position, width: int) -> tuple[str, str]:
    if len(row) <= max(at_key, at_value) or len(row) > width:
        raise SchemeError(
            tr("this line has {got} cells, the header {wanted}", got=len(row), wanted=width),
            position=place,
            hint=tr("put quotes around a cell that holds a comma"),
        )
    key = row[at_key].strip()
    if not key:
        raise SchemeError(tr("the key is empty"), position=place)
    value = row[at_value].strip()
    for cell in (key, value):
        if _SPOILT.fullmatch(cell):
            raise SchemeError(
                tr('"{cell}" is what a spreadsheet program made of a number or text', cell=cell),
                position=place,
                hint=tr("format the column as text, enter the number again, and save it as CSV UTF-8"),
            )
    return key, value


def _twice(key: str, table: str, place: Position, first: int) -> SchemeError:
    return SchemeError(
        tr('the key "{key}" stands twice in the table "{table}"', key=key, table=table),
        position=place,
        hint=tr("it first stands in line {line}; keep one of the two", line=first),
    )
