"""A few instances of a second form, which has what forms get when many hands edit them.

Two tables of one name, rows with different columns, cells that are real lists, a name that is a JSON list
(reference §6, §6.1).
"""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from connectors.company import load_company
from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.approval import approval_steps
from connectors.dingtalk.simulator.form import LOAN

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.company import Employee

__all__ = ["COUNT", "make_loan"]

COUNT = 8
_USES = ("展会布展", "项目备用金", "设备押金", "差旅预支")


def make_loan(number: int, seed: int, start: datetime) -> dict[str, Any]:
    """Loan application `number`; all are finished but the last."""
    chance = Random(f"{seed}:loan:{number}")
    company = load_company()
    claimant = company.employees[(number * 7) % (len(company.employees) - 1)]
    created = instances.to_ms(start - timedelta(days=4 + number * 9, minutes=chance.randrange(600)))
    hours = 5 if number < COUNT - 1 else 24 * 200
    made = {
        "id": instances.new_id(chance, created),
        "code": LOAN.code,
        "created": created,
        "finished": created + hours * 3600_000,
        "outcome": "refuse" if number == 2 else "agree",
        "title": f"{claimant.name}提交的{LOAN.title}",
        "userid": claimant.userid,
        "dept_id": claimant.dept_id,
        "business_id": instances.new_business_id(chance, created),
        "biz_action": "NONE",
        "main": "",
        "attached": [],
        "form": _fill(number, chance, claimant, created),
    }
    made["steps"] = approval_steps(chance, company, made)
    return made


def _fill(number: int, chance: Random, claimant: Employee, created: int) -> list[dict[str, Any]]:
    first = [_row(number, chance, place) for place in range(1 + number % 3)]
    second = [_row(number, chance, place + 5) for place in range(number % 2)]
    cells = [cell for row in first + second for cell in row if cell["label"] == "金额"]
    total = sum((Decimal(cell["value"]) for cell in cells), Decimal())
    day = instances.moment(created)
    department = load_company().department(claimant.dept_id)
    place = department.name if department else ""
    values: dict[str, tuple[Any, Any]] = {
        "InnerContactField_3Q0": (
            claimant.name,
            [{"emplId": claimant.userid, "name": claimant.name, "avatar": ""}],
        ),
        "DepartmentField_3Q1": (place, [{"id": claimant.dept_id, "itemId": claimant.dept_id, "name": place}]),
        "DDDateRangeField_3Q2": (
            json.dumps([f"{day:%Y-%m-%d}", f"{day + timedelta(days=20):%Y-%m-%d}"]),
            None,
        ),
        "DDMultiSelectField_3Q3": (_text(["工资抵扣", "现金"]), [{"label": "工资抵扣", "key": "option_0"}]),
        "MoneyField_3Q6": (
            money.plain(total),
            {"upper": money.capital(total), "componentName": "MoneyField"},
        ),
        "PhoneField_3Q7": (claimant.mobile, {"mode": "phone", "countryCode": "+86", "areaNumber": ""}),
        "CascadeField_3Q8": (
            "默认分类/备用金",
            {"id": "c2", "name": "备用金", "fullNamePath": "默认分类/备用金"},
        ),
        "TextareaField_3Q9": ("null" if number == 1 else "第一行\n第二行", None),
    }
    tables = {"TableField_3Q4": first, "TableField_3Q5": second}
    return [
        slot.table(tables[slot.id]) if slot.id in tables else slot.filled(*values[slot.id])
        for slot in LOAN.slots
    ]


def _row(number: int, chance: Random, place: int) -> list[dict[str, Any]]:
    use, amount, photo, ticket = LOAN.slot("TableField_3Q4").columns
    row = [use.cell(_USES[(number + place) % len(_USES)]), amount.cell(f"{chance.randint(100, 5000)}.00")]
    urls = [f"https://static.dingtalk.example/media/{chance.randbytes(4).hex()}.jpg"]
    if place % 2:
        row.append({**photo.cell(urls), "extend": {"count": 1}})
    if place % 3 == 0:
        row.append({**ticket.cell(_text(["发票", "收据"])), "extend": [{"label": "发票", "key": "option_0"}]})
    return row


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
