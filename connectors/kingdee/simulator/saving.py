"""Save, BatchSave and Draft: each bill is checked and kept by itself (reference §4, §5, §7, §11).

The order of the checks of one bill: values that no field takes, required fields, base data, the number's
uniqueness. The first of these that fails is what the bill's Errors say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connectors.kingdee.simulator.answers import MsgCode, Problem
from connectors.kingdee.simulator.basedata import BaseData
from connectors.kingdee.simulator.bills import Bill, BillStore
from connectors.kingdee.simulator.body import flag
from connectors.kingdee.simulator.fill import Filled, Filler
from connectors.kingdee.simulator.forms import STATUS_FIELD, Form, FormField
from engine import jsontext

__all__ = ["SaveOptions", "Saver", "indexed"]


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """The options of one call, with the vendor's defaults."""

    verify_base_data: bool
    validate: bool
    reorder: bool
    delete_rows: bool
    submit_and_audit: bool
    only: tuple[str, ...]
    returned: tuple[str, ...]
    draft: bool = False

    @classmethod
    def read(cls, data: Mapping[str, Any], *, draft: bool = False) -> SaveOptions:
        return cls(
            verify_base_data=flag(data, "IsVerifyBaseDataField", False),
            validate=flag(data, "ValidateFlag", True) and not draft,
            reorder=flag(data, "IsAutoAdjustField", False),
            delete_rows=flag(data, "IsDeleteEntry", True),
            submit_and_audit=flag(data, "IsAutoSubmitAndAudit", False) and not draft,
            only=_names(data.get("NeedUpDateFields")),
            returned=_names(data.get("NeedReturnFields")),
            draft=draft,
        )


class Saver:
    """Saves Models of one form with one call's options."""

    def __init__(self, form: Form, base: BaseData, options: SaveOptions) -> None:
        self._form = form
        self._base = base
        self._options = options

    def save(
        self, bills: BillStore, model: Any, *, now: str, user: str, unique: bool = True, numbered: bool = True
    ) -> Bill | list[Problem]:
        """The bill as kept, or why it is not. `numbered`: whether a given number is taken over."""
        if not isinstance(model, Mapping):
            return [Problem("Model 应为 JSON 对象", None, code=MsgCode.BAD_ARGUMENT)]
        found = self._open(bills, model)
        if isinstance(found, Problem):
            return [found]
        bill = found
        filled = self._filler().fill(bill, model if numbered else _without(model, self._form.number))
        problems = self._problems(bill, filled)
        if problems:
            return problems
        bill.number = str(bill.values.get(self._form.number) or "") or bills.free_number(self._form)
        if unique and any(other.id != bill.id for other in bills.numbered(self._form.id, bill.number)):
            message = f"违反字段唯一性要求：编码唯一。[{bill.number}]在当前系统中已经被使用。"
            return [Problem(message, self._form.number)]
        self._stamp(bill, model, now, user)
        bills.put(bill)
        return bill

    def returned(self, bill: Bill) -> dict[str, Any]:
        """One line of NeedReturnData: the fields of NeedReturnFields, ``key`` or ``entity.key``."""
        shown: dict[str, Any] = {}
        for name in self._options.returned:
            entity_key, _, key = name.rpartition(".")
            entity = self._form.entity(entity_key) if entity_key else None
            if entity is None:
                shown[name] = (
                    bill.id if key.upper() == "FID" else self._shown(self._form.field(key), bill.values)
                )
                continue
            rows: list[dict[str, Any]] = shown.setdefault(
                entity.key, [{} for _ in bill.entries.get(entity.key, [])]
            )
            for row, line in zip(bill.entries.get(entity.key, []), rows, strict=True):
                line[key] = (
                    row.id if key.lower() == "fentryid" else self._shown(entity.field(key), row.values)
                )
        return shown

    def _shown(self, found: FormField | None, values: Mapping[str, Any]) -> Any:
        value = values.get(found.key) if found is not None else None
        if found is None or value is None:
            return None
        if found.references:
            return {"FNumber": value["number"]}
        return Decimal(value) if found.type == "decimal" else value

    def _filler(self) -> Filler:
        options = self._options
        return Filler(
            self._form,
            self._base,
            reorder=options.reorder,
            only=options.only,
            delete_rows=options.delete_rows,
        )

    def _open(self, bills: BillStore, model: Mapping[str, Any]) -> Bill | Problem:
        """A blank bill, or the one that the Model's FID names."""
        id = next((value for key, value in model.items() if str(key).lower() == "fid"), 0)
        if not str(id or 0).isdecimal():
            return Problem(f"字段“FID”的值“{id}”格式不正确", "FID", code=MsgCode.BAD_ARGUMENT)
        if int(id or 0) == 0:
            return Bill(0, self._form.id, "", "Z" if self._options.draft else "A")
        bill = bills.get(self._form.id, int(id))
        if bill is None:
            return Problem(f"内码为“{id}”的{self._form.label}不存在", "FID", code=MsgCode.NOT_FOUND)
        locked = {"B": "已提交，正在审批，不允许修改", "C": "已审核，不允许修改"}.get(bill.status)
        if locked is not None:
            return Problem(f"单据编号为“{bill.number}”的{self._form.label}，单据{locked}！")
        return bill

    def _problems(self, bill: Bill, filled: Filled) -> list[Problem]:
        if filled.malformed:
            return filled.malformed
        excused = filled.given if self._options.verify_base_data else set()
        problems = (
            [*self._missing(bill, excused), *self._not_positive(bill)] if self._options.validate else []
        )
        if problems or not self._options.verify_base_data:
            return problems
        return filled.unknown

    def _missing(self, bill: Bill, excused: set[tuple[str, int, str]]) -> list[Problem]:
        problems = [
            Problem(f"字段“{found.label}”是必填项", found.key)
            for found in self._form.fields.values()
            if found.needed(bill.values)
            and bill.values.get(found.key) is None
            and ("", 0, found.key) not in excused
        ]
        for entity in self._form.entities.values():
            rows = bill.entries.get(entity.key, [])
            if entity.required and not rows:
                problems.append(Problem(f"单据体实体【{entity.label}】是必填项", entity.key))
            problems += [
                Problem(
                    f"单据体实体【{entity.label}】第【{place + 1}】行分录，【{found.label}】字段必录",
                    found.key,
                )
                for place, row in enumerate(rows)
                for found in entity.fields.values()
                if found.needed(row.values)
                and row.values.get(found.key) is None
                and (entity.key, place, found.key) not in excused
            ]
        return problems

    def _not_positive(self, bill: Bill) -> list[Problem]:
        return [
            Problem(
                f"单据体实体【{entity.label}】第【{place + 1}】行分录，【{found.label}】必须大于0", found.key
            )
            for entity in self._form.entities.values()
            for place, row in enumerate(bill.entries.get(entity.key, []))
            for found in entity.fields.values()
            if found.positive and Decimal(row.values.get(found.key) or 0) <= 0
        ]

    def _stamp(self, bill: Bill, model: Mapping[str, Any], now: str, user: str) -> None:
        bill.values[self._form.number] = bill.number
        bill.model = jsontext.dumps(model)
        if bill.id == 0:
            self._note(bill, "FCREATEDATE", now)
            self._note(bill, "FCREATORID", user)
        elif bill.status == "Z" and not self._options.draft:
            bill.status = "A"
        self._note(bill, "FMODIFYDATE", now)
        self._note(bill, STATUS_FIELD, bill.status)

    def _note(self, bill: Bill, key: str, value: str) -> None:
        found = self._form.field(key)
        if found is not None:
            bill.values[found.key] = value


def indexed(problems: list[Problem], index: int) -> list[Problem]:
    """The problems of the bill at this place of a batch."""
    return [replace(problem, index=index) for problem in problems]


def _without(model: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in model.items() if str(name).lower() != key.lower()}


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    return tuple(str(name).strip() for name in value or () if str(name).strip())
