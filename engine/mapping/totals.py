"""Sums over a document's tables, in strict decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import FailureClass, RecordError
from engine.findings import nearest
from engine.language import tr
from engine.mapping.values import is_empty, to_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["total", "unknown_part"]


def total(document: Mapping[str, Any], name: str, known: Mapping[str, Any] | None = None) -> Decimal:
    """The sum of a field, named ``TABLE.FIELD``, over all rows; a field that is missing counts as nothing.

    `known` holds the names that the mapping writes, nested. Raises RecordError for an unknown name and for a
    value that is no amount.
    """
    if known is not None:
        part = unknown_part(name, known)
        if part is not None:
            raise RecordError(
                tr("total('{name}'): the mapping writes no '{part}'", name=name, part=part[0]),
                failure=FailureClass.CONFIGURATION,
                hint=tr("did you mean '{guess}'?", guess=part[1]) if part[1] else None,
            )
    amount = Decimal(0)
    for value in _values([document], name.split(".")):
        try:
            amount += to_decimal(value)
        except RecordError as error:
            error.field = name
            raise
    return amount


def unknown_part(name: str, known: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """The first part of ``TABLE.FIELD`` that is not among the known names, with the nearest; or None."""
    names: Mapping[str, Any] = known
    for part in name.split("."):
        if part not in names:
            return part, nearest(part, names)
        names = names[part]
    return None


def _values(holders: list[Any], parts: list[str]) -> list[Any]:
    found: list[Any] = holders
    for part in parts:
        inner = [holder[part] for holder in found if isinstance(holder, dict) and part in holder]
        found = []
        for value in inner:
            found.extend(value if isinstance(value, list) else [value])
    return [value for value in found if not is_empty(value)]
