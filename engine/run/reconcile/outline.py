"""The few fields of a document that every claim can be asked for, mapped or not: key, date, organisation.

A claim that was refused, or cannot be mapped, still has a key, and somebody may have made a bill with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.connector.api import Listing
from engine.errors import RecordError
from engine.mapping.mapper import Mapper
from engine.mapping.rules import Constant, Rule, TemplateLeaf
from engine.run.tables import LookupPending

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from engine.run.lane import Lane

__all__ = ["Outline", "Outlined", "key_prefix"]


@dataclass(frozen=True, slots=True)
class Outlined:
    """What could be told without mapping the whole record."""

    key: str | None
    day: date | None
    organisation: str


class Outline:
    """Maps single fields of one scheme."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        form = lane.form
        self._key = self._mapper(lane.scheme.target.key)
        self._day = self._mapper(form.date) if form else None
        self._organisation = self._mapper(form.compare.get("organisation")) if form else None

    def of(self, record: Mapping[str, Any]) -> Outlined:
        """The outline of a record; what fails or must be looked up is left out."""
        target = self._lane.target
        dated, organised = self._map(self._day, record), self._map(self._organisation, record)
        return Outlined(
            key=target.key_of(self._map(self._key, record), self._lane.scheme.target.key) or None,
            day=target.day_of(dated) if dated and isinstance(target, Listing) else None,
            organisation=str(target.facts(organised).get("organisation", "")) if organised else "",
        )

    def _mapper(self, name: str | None) -> Mapper | None:
        lane = self._lane
        spec = lane.scheme.target.mapping
        fields = tuple(field for field in spec.fields if name and field.name.casefold() == name.casefold())
        if not fields:
            return None
        alone = replace(spec, fields=fields, checks=())
        return Mapper(alone, form=lane.form, table_defaults=lane.table_defaults, monotonic=lane.monotonic)

    def _map(self, mapper: Mapper | None, record: Mapping[str, Any]) -> dict[str, Any]:
        if mapper is None:
            return {}
        try:
            return mapper.map(record, self._lane.params, self._lane.tables.find).payload
        except (RecordError, LookupPending):
            return {}


def key_prefix(lane: Lane) -> str:
    """The text that every key of the scheme begins with: ``DD`` of ``DD{{ … }}``; '' where there is none."""
    target = lane.scheme.target
    for field in target.mapping.fields:
        if field.name.casefold() != target.key.casefold() or not isinstance(field.entry, Rule):
            continue
        leaf = field.entry.leaf
        if isinstance(leaf, TemplateLeaf):
            return min((leaf.template.text.partition(mark)[0] for mark in ("{{", "{%", "{#")), key=len)
        if isinstance(leaf, Constant):
            return str(leaf.value)
    return ""
