"""Rows of tables as a target: each version of an entry is written once, and never over a newer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.tables.files import NEWER, VERSION, Table
from engine.connector.api import (
    Accepted,
    Answer,
    Asking,
    Existing,
    Gate,
    NotSent,
    Outgoing,
    Refused,
    Unclear,
)
from engine.errors import ConfigurationError, EngineError, FailureClass
from engine.language import tr

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from connectors.tables.files import TableFolder
    from engine.connector.session import Session

__all__ = ["UpsertTarget"]

_INTERFACE = "upsert"


class UpsertTarget:
    """An `engine.connector.api.Target`. A table itself says which versions it holds, so that nothing must be
    remembered elsewhere; what a newer version replaced is found no more, and is then not written again."""

    stages: tuple[str, ...] = ("save",)
    asking: Asking = "first"
    largest_batch = 100

    def __init__(self, session: Session, folder: TableFolder) -> None:
        self._session = session
        self._folder = folder

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        """The rows that were written from these versions; a key is ``TABLE:VERSION``."""
        found: dict[str, list[Existing]] = {}
        for name in dict.fromkeys(key.partition(":")[0] for key in keys):
            table = self._folder.read(name, VERSION)
            for key in keys:
                of, _, version = key.partition(":")
                if table is not None and of == name and version in table.rows:
                    found[key] = [Existing(key, key, "save")]
        return found

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._session.turn(_INTERFACE, metered=False)

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        """All rows of a table are written at once, or none is."""
        answers: dict[int, Answer] = {}
        rows: dict[str, list[tuple[int, _Row]]] = {}
        for place, document in enumerate(documents):
            row = _read(document)
            if isinstance(row, Refused):
                answers[place] = row
            else:
                rows.setdefault(row.table, []).append((place, row))
        for name, placed in rows.items():
            written = self._write(name, [row for _, row in placed], gate)
            answers |= {place: answer for (place, _), answer in zip(placed, written, strict=True)}
        return [answers[place] for place in range(len(documents))]

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        """A row is written and done; there is no further stage."""
        return [Accepted(document.id, document.number) for document in documents]

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        """``TABLE:VERSION``: the same version in another table is another row."""
        name, version = payload.get("table"), payload.get(key_field)
        return f"{name}:{version}" if name and version else None

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        return {}

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        return None

    def _write(self, name: str, rows: Sequence[_Row], gate: Gate) -> list[Answer]:
        try:
            with self._folder.locked():
                key = rows[0].columns[0]
                table = self._folder.read(name, key) or Table(key, [], {})
                answers = [_put(table, row) for row in rows]
                if not gate():
                    message = tr("the claim grew old before the row was written")
                    return [NotSent(message, FailureClass.TRANSIENT)] * len(rows)
                self._folder.write(name, table)
        except ConfigurationError as error:
            return [Refused(error.message, FailureClass.CONFIGURATION)] * len(rows)
        except EngineError as error:
            return [NotSent(error.message, FailureClass.TRANSIENT)] * len(rows)
        except OSError as error:  # the table is in its place, but may not outlive a failing machine
            return [Unclear(str(error))] * len(rows)
        return answers


class _Row:
    """A document, read: its table, the scheme's columns, its values and its version."""

    def __init__(self, document: Outgoing, columns: tuple[str, ...], values: dict[str, str]) -> None:
        payload = document.payload
        self.key = document.key
        self.table = str(payload["table"])
        self.columns = columns
        self.values = values
        self.version = str(payload["version"])
        self.newer = str(payload.get("newer") or "")


def _read(document: Outgoing) -> _Row | Refused:
    payload = document.payload
    columns = tuple(name for part in str(payload.get("columns") or "").split(",") if (name := part.strip()))
    row = payload.get("row")
    if not columns or len(set(columns)) < len(columns) or {VERSION, NEWER} & set(columns):
        message = tr('"columns" must name each column once, the key first: {example}', example="工号,姓名")
        return Refused(message, FailureClass.CONFIGURATION, "columns")
    if not isinstance(row, Mapping):
        return Refused(tr('"{field}" is empty', field="row"), FailureClass.DATA, "row")
    for name, value in row.items():
        if name not in columns:
            message = tr('"columns" does not name "{name}"', name=name)
            return Refused(message, FailureClass.CONFIGURATION, "columns")
        if isinstance(value, (Mapping, list)):
            return Refused(tr('"{field}" is no single value', field=name), FailureClass.DATA, f"row.{name}")
    values = {name: _text(value) for name, value in row.items()}
    if not values.get(columns[0]):
        return Refused(tr('"{field}" is empty', field=columns[0]), FailureClass.DATA, f"row.{columns[0]}")
    return _Row(document, columns, values)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value).strip()


def _put(table: Table, row: _Row) -> Answer:
    """Change the table, unless it has a newer row: then this version has been overtaken, and all is well."""
    text = row.values[row.columns[0]]
    there = table.rows.get(text)
    if there is None or there.get(NEWER, "") <= row.newer:
        values = {**row.values, VERSION: row.version, NEWER: row.newer}
        table.put(values, (*row.columns, VERSION, NEWER))
    return Accepted(row.key, row.key, dict(table.rows[text]), row.key)
