"""Requests to buy things that the ERP knows as materials."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.form import Column, Form, Slot
from connectors.dingtalk.simulator.requests import Kind

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.requests import Asked

__all__ = ["PURCHASE"]

_FORM = Form(
    "PROC-PURCHASE-SANDBOX",
    "采购申请",
    (
        Slot("TextareaField", "TextareaField_P1", "申请事由", required=True),
        Slot("DDDateField", "DDDateField_P2", "期望到货日期", required=True),
        Slot(
            "TableField",
            "TableField_P3",
            "采购明细",
            columns=(
                Column("TextField", "TextField_P31", "物料名称"),
                Column("TextField", "TextField_P32", "规格型号", required=False),
                Column("DDSelectField", "DDSelectField_P33", "单位"),
                Column("NumberField", "NumberField_P34", "数量"),
                Column("MoneyField", "MoneyField_P35", "参考单价(元)"),
            ),
        ),
        Slot("MoneyField", "MoneyField_P4", "采购总额", required=True),
        Slot("DDAttachment", "DDAttachment_P5", "附件"),
    ),
)
_REASONS = ("办公室补充", "新员工入职", "江城医院项目备货", "轨交平台扩容")


def _fill(asked: Asked) -> dict[str, Any]:
    chance, number = asked.chance, asked.number
    bought = chance.sample(asked.company.materials, chance.choice((1, 2, 3)))
    lines = [(material, chance.randint(1, 40)) for material in bought]
    total = sum((Decimal(material.price) * count for material, count in lines), Decimal())
    name, size, unit, quantity, price = _FORM.slot("TableField_P3").columns
    rows = [
        [
            name.cell(material.name),
            *([size.cell("标准型")] if number % 3 == 0 else []),
            unit.cell(material.unit),
            quantity.cell(str(count)),
            price.cell(money.separated(Decimal(material.price))),
        ]
        for material, count in lines
    ]
    wanted = instances.moment(asked.created) + timedelta(days=chance.randint(7, 30))
    return {
        "TextareaField_P1": (chance.choice(_REASONS), None),
        "DDDateField_P2": (f"{wanted:%Y-%m-%d}", None),
        "TableField_P3": rows,
        "MoneyField_P4": (
            money.plain(total),
            {"upper": money.capital(total), "componentName": "MoneyField"},
        ),
    }


PURCHASE = Kind(_FORM, "purchase", 12, _fill)
