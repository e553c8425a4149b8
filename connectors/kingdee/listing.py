"""A scheme's request to read a form, checked: which fields, which rows make one record, in what order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.kingdee.query import LARGEST_PAGE, both, nested, split_keys, within
from engine.errors import ConfigurationError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.connector.api import Span

__all__ = ["Listing", "Row"]

Row = list[Any]

_ROWS_NAME = "rows"


@dataclass(frozen=True, slots=True)
class Listing:
    """What to ask for, and how rows become records.

    `row_keys` are the field keys of an entry: consecutive rows of one id become one record, in which these
    keys stand as a list under `rows_name`. Without them each row is a record, and its id must be its own.
    With `version_key` each change is a record of its own: its id is ``<id>@<version>``, and stands in the
    record as ``_version``.
    """

    form: str
    keys: tuple[str, ...]
    id_key: str
    order: str
    filter: str = ""
    time_key: str = ""
    version_key: str = ""
    limit: int = LARGEST_PAGE
    row_keys: tuple[str, ...] = ()
    rows_name: str = _ROWS_NAME
    _id_place: int = field(default=0, repr=False)

    @classmethod
    def of(cls, request: Mapping[str, Any], known: Iterable[str]) -> Listing:
        """The listing that a rendered request asks for. Raises ConfigurationError naming what is wrong."""
        _refuse_unknown(request, list(known))
        form = _required(request, "FormId")
        keys = split_keys(request.get("FieldKeys"))
        if not keys:
            raise ConfigurationError(tr('the request lacks "{name}"', name="FieldKeys"))
        id_key = _spelled(str(request.get("IdKey") or keys[0]), keys)
        if id_key not in keys:
            keys.insert(0, id_key)
        version_key = _version_key(request, keys)
        row_keys = _row_keys(request, keys, id_key, version_key)
        order = str(request.get("OrderString") or id_key).strip()
        if row_keys and order.replace(",", " ").split()[0].casefold() != id_key.casefold():
            raise ConfigurationError(
                tr(
                    'with RowKeys, OrderString must begin with "{name}": a record\'s rows stand together',
                    name=id_key,
                )
            )
        listing = cls(
            form=form,
            keys=tuple(keys),
            id_key=id_key,
            order=order,
            filter=_filter(request),
            time_key=str(request.get("TimeKey") or "").strip(),
            version_key=version_key,
            limit=_limit(request),
            row_keys=row_keys,
            rows_name=str(request.get("RowsName") or _ROWS_NAME),
            _id_place=keys.index(id_key),
        )
        listing.record([[None] * len(keys)])  # overlapping keys are an error before anything is asked
        return listing

    @property
    def family(self) -> str:
        """What these records are, for the ledger: the form, and which fields of it."""
        shape = "|".join((*self.keys, "", self.id_key, "", *self.row_keys, "", self.rows_name))
        shape += f"||{self.version_key}" if self.version_key else ""
        return f"kingdee.{self.form[:60]}.{hashlib.sha256(shape.encode()).hexdigest()[:12]}"

    def filter_for(self, span: Span | None) -> str:
        """The scheme's filter, narrowed to a span where the request names a time field."""
        if span is None or not self.time_key:
            return self.filter
        return both(self.filter, within(self.time_key, span))

    def id_of(self, row: Row) -> str:
        """The id of a row, as text; '' for none."""
        id = _cell_text(row[self._id_place])
        if not self.version_key or not id:
            return id
        return f"{id}@{_cell_text(row[self.keys.index(self.version_key)])}"

    def bare_id(self, id: str) -> str:
        """The value of the id field in a record's id."""
        return id.rpartition("@")[0] if self.version_key else id

    def record(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The record that these rows of one id make."""
        header = [key for key in self.keys if key not in self.row_keys]
        record = nested(header, self._cells(rows[0], header))
        if self.version_key:
            record["_version"] = self.id_of(rows[0])
        if not self.row_keys:
            return record
        if self.rows_name in record:
            raise ConfigurationError(
                tr('RowsName "{name}" is also a field of the header', name=self.rows_name)
            )
        record[self.rows_name] = [nested(self.row_keys, self._cells(row, self.row_keys)) for row in rows]
        return record

    def _cells(self, row: Row, keys: Sequence[str]) -> Row:
        return [row[self.keys.index(key)] for key in keys]


def _refuse_unknown(request: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in request:
        if name not in known:
            close = nearest(name, known)
            raise ConfigurationError(
                tr('unknown request field "{name}"; known are {names}', name=name, names=", ".join(known)),
                hint=tr('did you mean "{word}"?', word=close) if close else None,
            )


def _required(request: Mapping[str, Any], name: str) -> str:
    text = str(request.get(name) or "").strip()
    if not text:
        raise ConfigurationError(tr('the request lacks "{name}"', name=name))
    return text


def _filter(request: Mapping[str, Any]) -> str:
    value = request.get("FilterString") or ""
    if not isinstance(value, str):
        raise ConfigurationError(
            tr('"FilterString" must be a text such as {example}', example="FDocumentStatus='C'")
        )
    return value.strip()


def _limit(request: Mapping[str, Any]) -> int:
    value = request.get("Limit")
    if value in (None, ""):
        return LARGEST_PAGE
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise ConfigurationError(
            tr(
                '"Limit" must be a whole number from 1 to {most}, not "{value}"',
                most=LARGEST_PAGE,
                value=value,
            )
        )
    return int(text)


def _version_key(request: Mapping[str, Any], keys: list[str]) -> str:
    """The field that tells a record's versions apart; asked for, too, where FieldKeys does not name it."""
    key = _spelled(str(request.get("VersionKey") or ""), keys)
    if key and key not in keys:
        keys.append(key)
    return key


def _row_keys(request: Mapping[str, Any], keys: Sequence[str], *of_the_record: str) -> tuple[str, ...]:
    wanted = [_spelled(key, keys) for key in split_keys(request.get("RowKeys"))]
    for key in wanted:
        if key not in keys or key in of_the_record:
            raise ConfigurationError(
                tr('"{key}" of RowKeys must be one of FieldKeys, and not the record\'s id', key=key)
            )
    return tuple(wanted)


def _spelled(key: str, keys: Sequence[str]) -> str:
    """A key in the spelling that FieldKeys has."""
    return next((known for known in keys if known.casefold() == key.strip().casefold()), key.strip())


def _cell_text(value: Any) -> str:
    return "" if value is None else str(value).strip()
