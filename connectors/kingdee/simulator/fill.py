"""A Model becomes a bill's values, as if its keys were typed in one after the other.

Keys are applied in JSON order and fire the rules of the form (reference §1): setting a unit's type anew
clears the unit, so a unit that stands before its type is lost, unless IsAutoAdjustField reorders the keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Problem
from connectors.kingdee.simulator.basedata import BaseData
from connectors.kingdee.simulator.bills import Bill, EntryRow, Values
from connectors.kingdee.simulator.conditions import parse_moment
from connectors.kingdee.simulator.forms import Entity, Form, FormField

__all__ = ["Filled", "Filler"]

_HEAD_IDS = ("fid", "id")


@dataclass(slots=True)
class Filled:
    """What came of filling in a Model.

    `malformed`: values that no field takes; `unknown`: base-data codes that there are not; `given`: the
    places (entity key or '', row from 0, field key) that the Model filled, even with an unknown code.
    """

    malformed: list[Problem] = field(default_factory=list)
    unknown: list[Problem] = field(default_factory=list)
    given: set[tuple[str, int, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where values go: the header or one row."""

    values: Values
    header: Values
    entity: Entity | None = None
    row: int = 0

    def named(self, label: str) -> str:
        if self.entity is None:
            return f"字段“{label}”"
        return f"单据体实体【{self.entity.label}】第【{self.row + 1}】行分录，【{label}】字段"


class Filler:
    """Fills one Model into one bill."""

    def __init__(
        self,
        form: Form,
        base: BaseData,
        *,
        reorder: bool = False,
        only: Iterable[str] = (),
        delete_rows: bool = True,
    ) -> None:
        self._form = form
        self._base = base
        self._reorder = reorder
        self._only = {str(key).lower() for key in only}
        self._delete_rows = delete_rows
        self._filled = Filled()

    def fill(self, bill: Bill, model: Mapping[str, Any]) -> Filled:
        """Change `bill` in place; the answer says what could not be filled in."""
        self._defaults(_Place(bill.values, bill.values), self._form.fields)
        head = _Place(bill.values, bill.values)
        for key, value in self._ordered(model, self._form.fields):
            entity = self._form.entity(key)
            if entity is not None:
                self._rows(bill, entity, value)
            else:
                self._set(head, self._form.fields, key, value)
        self._derive(head, self._form.fields)
        return self._filled

    def _rows(self, bill: Bill, entity: Entity, value: Any) -> None:
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            self._filled.malformed.append(_wrong(f"单据体实体【{entity.label}】应为数组", entity.key))
            return
        kept = {row.id: row for row in bill.entries.get(entity.key, [])}
        rows: list[EntryRow] = []
        for place, model in enumerate(value):
            row = kept.pop(_entry_id(model), None) or EntryRow(0)
            self._row(_Place(row.values, bill.values, entity, place), model)
            rows.append(row)
        bill.entries[entity.key] = rows if self._delete_rows else [*kept.values(), *rows]

    def _row(self, place: _Place, model: Mapping[str, Any]) -> None:
        assert place.entity is not None
        self._defaults(place, place.entity.fields)
        for key, value in self._ordered(model, place.entity.fields):
            self._set(place, place.entity.fields, key, value)
        self._derive(place, place.entity.fields)

    def _ordered(self, model: Mapping[str, Any], fields: Mapping[str, FormField]) -> list[tuple[str, Any]]:
        items = [(str(key), value) for key, value in model.items()]
        if self._reorder:
            order = {key: place for place, key in enumerate(fields)}
            items.sort(key=lambda item: order.get(item[0].lower(), len(order)))
        return items

    def _set(self, place: _Place, fields: Mapping[str, FormField], key: str, value: Any) -> None:
        found = fields.get(key.lower())
        if found is None or found.system or key.lower() in _HEAD_IDS:
            return  # the server passes over keys that the form does not have
        if self._only and key.lower() not in self._only:
            return
        entity = place.entity.key if place.entity else ""
        if found.references:
            place.values[found.key] = self._reference(place, found, value)
            if _code(value) is not None:
                self._filled.given.add((entity, place.row, found.key))
            return
        try:
            plain = _plain(found, value)
        except ValueError:
            message = f"{place.named(found.label)}的值“{value}”格式不正确"
            self._filled.malformed.append(_wrong(message, found.key))
            return
        if plain is not None:
            self._filled.given.add((entity, place.row, found.key))
        if place.values.get(found.key) != plain:
            self._clear_units(place, fields, found)
        place.values[found.key] = plain

    def _reference(self, place: _Place, found: FormField, value: Any) -> Any:
        code = _code(value)
        if code is None:
            return None
        base = found.base or str(place.values.get(found.base_of or "") or "")
        record = self._base.find(base, value)
        if record is None:
            message = f"{place.named(found.label)}的基础资料“{code}”不存在或已禁用"
            self._filled.unknown.append(Problem(message, found.key, code=MsgCode.NO_SUCH_FIELD))
            return None
        return {"form": base, "id": record.id, "number": record.number, "name": record.name}

    def _clear_units(self, place: _Place, fields: Mapping[str, FormField], changed: FormField) -> None:
        entity = place.entity.key if place.entity else ""
        for unit in fields.values():
            if unit.base_of == changed.key:
                place.values[unit.key] = None
                self._filled.given.discard((entity, place.row, unit.key))

    def _defaults(self, place: _Place, fields: Mapping[str, FormField]) -> None:
        for found in fields.values():
            if found.key in place.values:
                continue
            value = found.default
            if value is not None and found.base is not None:
                value = self._reference(place, found, {"FNUMBER": value})
            place.values[found.key] = value

    def _derive(self, place: _Place, fields: Mapping[str, FormField]) -> None:
        for found in fields.values():
            if place.values[found.key] is None and found.default_from is not None:
                place.values[found.key] = place.values.get(found.default_from)


def _code(value: Any) -> str | None:
    """What a reference names, None when it names nothing (``{}``, ``{"FNUMBER": ""}``, null, 0)."""
    if isinstance(value, Mapping):
        named = [item for item in value.values() if item not in (None, "", 0)]
        return str(named[0]) if named else None
    return None if value in (None, "", 0) else str(value)


def _entry_id(model: Mapping[str, Any]) -> int:
    for key, value in model.items():
        if str(key).lower() in ("fentryid", "entryid"):
            return int(value) if str(value or "").isdecimal() else 0
    return 0


def _plain(found: FormField, value: Any) -> Any:
    """The value as the state keeps it; raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, Mapping | list):
        raise ValueError(value)  # noqa: TRY004 - one kind of error for all values that do not fit
    if found.type == "decimal":
        return _digits(value)
    if found.type == "boolean":
        return str(value).strip().lower() in ("true", "1")
    if found.type in ("date", "datetime"):
        moment = parse_moment(str(value))
        if moment is None:
            raise ValueError(value)
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    text = str(value)
    if found.max_length is not None and len(text) > found.max_length:
        raise ValueError(value)
    if found.choices and text not in found.choices:
        raise ValueError(value)
    return text


def _digits(value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(value) from None
    if not number.is_finite():
        raise ValueError(value)
    return format(number, "f")


def _wrong(message: str, key: str) -> Problem:
    return Problem(message, key, code=MsgCode.INVALID)
