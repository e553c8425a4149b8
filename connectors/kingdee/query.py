"""Texts of ExecuteBillQuery: quoted values, filters, field keys, and rows turned into nested records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.connector.api import Span

__all__ = ["LARGEST_PAGE", "among", "both", "equals", "nested", "query", "split_keys", "within"]

LARGEST_PAGE = 2000
"""Rows that every build gives in one answer; later ones allow more."""


def query(
    form: str, keys: Sequence[str], filter: str, order: str, *, start: int = 0, limit: int = LARGEST_PAGE
) -> dict[str, Any]:
    """The `data` of a query for one page.

    TopRowCount stays 0: it counts from row 0 of the whole result, so that a page's size there would empty
    every page after the first.
    """
    return {
        "FormId": form,
        "FieldKeys": ",".join(keys),
        "FilterString": filter,
        "OrderString": order,
        "TopRowCount": 0,
        "StartRow": start,
        "Limit": limit,
    }


def equals(field: str, value: str) -> str:
    """``FBillNo='DD1'``; an internal id (a field named …ID) that is a number stands without quotes."""
    if field.upper().endswith("ID") and value.isascii() and value.isdigit():
        return f"{field}={value}"
    return f"{field}={_quoted(value)}"


def among(field: str, values: Sequence[str]) -> str:
    """``FBillNo in ('DD1','DD2')``, or the plain comparison for one value; ``FID`` takes numbers."""
    ids = field == "FID" and all(value.isascii() and value.isdigit() for value in values)
    texts = list(values) if ids else [_quoted(value) for value in values]
    if len(texts) == 1:
        return f"{field}={texts[0]}"
    return f"{field} in ({','.join(texts)})"


def within(field: str, span: Span) -> str:
    """The times of a span, half open, as the Beijing wall clock that Kingdee keeps, in whole seconds."""
    start, end = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}" for at in (span.start, span.end))
    return f"{field}>={_quoted(start)} and {field}<{_quoted(end)}"


def both(first: str, second: str) -> str:
    """Two filters that must hold together; either may be empty."""
    if not first.strip() or not second.strip():
        return first.strip() or second.strip()
    return f"({first.strip()}) and {second.strip()}"


def split_keys(value: Any) -> list[str]:
    """Field keys from a list or a text with commas."""
    parts = value.split(",") if isinstance(value, str) else list(value or [])
    return [key for part in parts if (key := str(part).strip())]


def nested(keys: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """A row as a record: the value of ``FSupplierId.FNumber`` stands under ``FSupplierId``, ``FNumber``.

    Raises ConfigurationError where one key is the beginning of another, since both cannot stand.
    """
    record: dict[str, Any] = {}
    for key, value in zip(keys, row, strict=True):
        *outer, last = key.split(".")
        place = record
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise _overlap(key)
        if last in place:
            raise _overlap(key)
        place[last] = value
    return record


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _overlap(key: str) -> ConfigurationError:
    return ConfigurationError(tr('FieldKeys asks for "{key}" both whole and in part, or twice', key=key))
