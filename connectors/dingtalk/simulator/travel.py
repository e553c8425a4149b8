"""Travel claims, from some of which a loan is taken off: a part of it, or all that was claimed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.form import Column, Form, Slot
from connectors.dingtalk.simulator.requests import Kind

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.requests import Asked

__all__ = ["TRAVEL"]

_FORM = Form(
    "PROC-TRAVEL-SANDBOX",
    "差旅费报销",
    (
        Slot("DDSelectField", "DDSelectField_T1", "费用归属项目", required=True),
        Slot("TextareaField", "TextareaField_T2", "出差事由", required=True),
        Slot("DDDateRangeField", "DDDateRangeField_T3", '["出发日期","返回日期"]', required=True),
        Slot(
            "TableField",
            "TableField_T4",
            "差旅明细",
            columns=(
                Column("DDDateField", "DDDateField_T41", "发生日期"),
                Column("DDSelectField", "DDSelectField_T42", "费用类别"),
                Column("MoneyField", "MoneyField_T43", "金额(元)"),
                Column("TextField", "TextField_T44", "说明", required=False),
            ),
        ),
        Slot("MoneyField", "MoneyField_T5", "报销合计", required=True),
        Slot("RelateField", "RelateField_T6", "关联借款单"),
        Slot("MoneyField", "MoneyField_T7", "冲借款金额"),
        Slot("MoneyField", "MoneyField_T8", "实付金额", required=True),
        Slot("RecipientAccountField", "RecipientAccountField_T9", "收款账号", required=True),
        Slot("DDAttachment", "DDAttachment_TA", "附件"),
    ),
)
_KINDS = ("差旅费-市内交通", "差旅费-住宿", "差旅费-机票火车票", "差旅费-出差补助")
_PLACES = ("江城", "蓉城", "杭州", "广州", "上海")

_WHOLE, _PART = (4,), (1, 6, 9)
"""Which claims of twelve have the whole, and which a part of it, taken off for a loan."""


def _fill(asked: Asked) -> dict[str, Any]:
    chance, number = asked.chance, asked.number
    last = instances.moment(asked.created) - timedelta(days=chance.randint(1, 6))
    first = last - timedelta(days=chance.randint(1, 4))
    place = chance.choice(_PLACES)
    amounts = [Decimal(chance.randint(2_000, 180_000)) / 100 for _ in range(chance.choice((1, 2, 3, 4)))]
    total = sum(amounts, Decimal())
    offset = _offset(number, total)
    columns = _FORM.slot("TableField_T4").columns
    rows = [
        [
            columns[0].cell(f"{first:%Y-%m-%d}"),
            columns[1].cell(_KINDS[(number + turn) % len(_KINDS)]),
            columns[2].cell(money.separated(amount) if number % 3 == 2 else money.plain(amount)),
            *([columns[3].cell(f"往返{place}")] if turn == 0 else []),
        ]
        for turn, amount in enumerate(amounts)
    ]
    loan = instances.new_id(chance, asked.created - 20 * 86_400_000)
    card = {"cardNo": asked.person.account, "instName": asked.person.bank}
    known = {"name": asked.person.name, "id": str(number + 1), "jobNumber": "", "isSelf": "1"}
    return {
        "DDSelectField_T1": (chance.choice(asked.company.projects), None),
        "TextareaField_T2": (f"{place}项目现场实施", None),
        "DDDateRangeField_T3": (f'["{first:%Y-%m-%d}","{last:%Y-%m-%d}"]', None),
        "TableField_T4": rows,
        "MoneyField_T5": _amount(total),
        "RelateField_T6": (
            (f'["{asked.person.name}提交的借款申请"]', {"list": [{"procInstId": loan}]})
            if offset
            else (None, None)
        ),
        "MoneyField_T7": _amount(offset) if offset else (None, None),
        "MoneyField_T8": _amount(total - offset),
        "RecipientAccountField_T9": (asked.person.name, {"identityType": "BANK_CARD", **known, **card}),
    }


def _offset(number: int, total: Decimal) -> Decimal:
    if number % 12 in _WHOLE:
        return total
    return (total * Decimal("0.6")).quantize(Decimal(1)) if number % 12 in _PART else Decimal()


def _amount(amount: Decimal) -> tuple[str, dict[str, str]]:
    return money.plain(amount), {"upper": money.capital(amount), "componentName": "MoneyField"}


TRAVEL = Kind(_FORM, "travel", 12, _fill)
