"""Claims of money that a customer has paid: what is it for, and into which of our accounts it came."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.form import Column, Form, Slot
from connectors.dingtalk.simulator.requests import Kind

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.requests import Asked

__all__ = ["RECEIPT"]

_FORM = Form(
    "PROC-RECEIPT-SANDBOX",
    "到款认领",
    (
        Slot("TextField", "TextField_R1", "客户名称", required=True),
        Slot("DDDateField", "DDDateField_R2", "到款日期", required=True),
        Slot("DDSelectField", "DDSelectField_R3", "收款账户", ("基本户", "一般户"), required=True),
        Slot("DDSelectField", "DDSelectField_R4", "收款方式", ("电汇", "转账支票"), required=True),
        Slot("TextField", "TextField_R5", "银行流水号", required=True),
        Slot(
            "TableField",
            "TableField_R6",
            "认领明细",
            columns=(
                Column("DDSelectField", "DDSelectField_R61", "款项类型"),
                Column("TextField", "TextField_R62", "合同编号", required=False),
                Column("MoneyField", "MoneyField_R63", "认领金额(元)"),
            ),
        ),
        Slot("MoneyField", "MoneyField_R7", "到款金额", required=True),
        Slot("DDPhotoField", "DDPhotoField_R8", "回单照片"),
    ),
)


def _fill(asked: Asked) -> dict[str, Any]:
    chance, number = asked.chance, asked.number
    day = instances.moment(asked.created) - timedelta(days=chance.randint(0, 3))
    amounts = [Decimal(chance.randint(500_000, 30_000_000)) / 100 for _ in range(chance.choice((1, 1, 2)))]
    total = sum(amounts, Decimal())
    kind, contract, amount = _FORM.slot("TableField_R6").columns
    rows = [
        [
            kind.cell("预收款" if (number + turn) % 4 == 1 else "销售收款"),
            *([contract.cell(f"XS{day:%Y}{chance.randrange(10**4):04d}")] if turn == 0 else []),
            amount.cell(money.separated(one)),
        ]
        for turn, one in enumerate(amounts)
    ]
    upper = {"upper": money.capital(total), "componentName": "MoneyField"}
    return {
        "TextField_R1": (chance.choice(asked.company.customers).name, None),
        "DDDateField_R2": (f"{day:%Y-%m-%d}", None),
        "DDSelectField_R3": ("一般户" if number % 3 == 2 else "基本户", None),
        "DDSelectField_R4": ("转账支票" if number % 6 == 3 else "电汇", None),
        "TextField_R5": (f"C{day:%Y%m%d}{chance.randrange(10**8):08d}", None),
        "TableField_R6": rows,
        "MoneyField_R7": (money.separated(total), upper),
    }


RECEIPT = Kind(_FORM, "receipt", 12, _fill)
