"""Requests to pay a supplier, for goods received or in advance."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.form import Column, Form, Slot
from connectors.dingtalk.simulator.requests import Kind

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.requests import Asked

__all__ = ["SUPPLIER_PAYMENT"]

_PURPOSES = ("采购付款", "预付款")
_FORM = Form(
    "PROC-SUPPLIER-PAYMENT-SANDBOX",
    "供应商付款申请",
    (
        Slot("TextField", "TextField_S1", "供应商名称", required=True),
        Slot("DDSelectField", "DDSelectField_S2", "付款类型", _PURPOSES, required=True),
        Slot("TextField", "TextField_S3", "合同编号"),
        Slot(
            "TableField",
            "TableField_S4",
            "付款明细",
            columns=(
                Column("TextField", "TextField_S41", "付款事由"),
                Column("TextField", "TextField_S42", "发票号码", required=False),
                Column("MoneyField", "MoneyField_S43", "付款金额(元)"),
            ),
        ),
        Slot("MoneyField", "MoneyField_S5", "付款总额", required=True),
        Slot("DDSelectField", "DDSelectField_S6", "付款方式", ("电汇", "转账支票"), required=True),
        Slot("DDDateField", "DDDateField_S7", "期望付款日期"),
        Slot("TextField", "TextField_S8", "开户行", required=True),
        Slot("TextField", "TextField_S9", "银行账号", required=True),
        Slot("DDAttachment", "DDAttachment_SA", "附件"),
    ),
)
_REASONS = ("货款", "服务费", "运费", "展位费", "云资源使用费")


def _fill(asked: Asked) -> dict[str, Any]:
    chance, number = asked.chance, asked.number
    supplier = chance.choice(asked.company.suppliers)
    amounts = [Decimal(chance.randint(50_000, 9_000_000)) / 100 for _ in range(chance.choice((1, 1, 2, 3)))]
    total = sum(amounts, Decimal())
    invoice, amount, reason = (_FORM.slot("TableField_S4").columns[place] for place in (1, 2, 0))
    rows = [
        [
            reason.cell(chance.choice(_REASONS)),
            *([invoice.cell(f"{chance.randrange(10**8):08d}")] if number % 4 else []),
            amount.cell(money.separated(one)),
        ]
        for one in amounts
    ]
    wanted = instances.moment(asked.created) + timedelta(days=chance.randint(3, 20))
    upper = {"upper": money.capital(total), "componentName": "MoneyField"}
    return {
        "TextField_S1": (supplier.name, None),
        "DDSelectField_S2": (_PURPOSES[number % 3 == 1], None),
        "TextField_S3": (f"HT{wanted:%Y}{chance.randrange(10**4):04d}" if number % 2 else None, None),
        "TableField_S4": rows,
        "MoneyField_S5": (money.separated(total) if number % 2 else money.plain(total), upper),
        "DDSelectField_S6": ("转账支票" if number % 5 == 3 else "电汇", None),
        "DDDateField_S7": (f"{wanted:%Y-%m-%d}", None),
        "TextField_S8": (f"招商银行{supplier.name[:2]}分行", None),
        "TextField_S9": (f"7559{int(supplier.number[3:]):012d}", None),
    }


SUPPLIER_PAYMENT = Kind(_FORM, "supplier payment", 12, _fill)
