"""The invented expense claims: the same for the same seed, dated relative to the sandbox's first start.

Of every forty claims 29 are agreed, 3 refused, 2 withdrawn, 1 cancelled, and 5 still running, which finish
between an hour and 40 days later. The claims of 90 days are there at once; two of them are revoked and
changed a day or two after the start, that is after they were paid.
"""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from connectors.company import Company, Employee, load_company
from connectors.dingtalk.simulator import instances, money
from connectors.dingtalk.simulator.approval import approval_steps
from connectors.dingtalk.simulator.form import EXPENSE
from engine.clock import SHANGHAI

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["AMENDED", "amendment", "make_claim"]

_REFUSED, _TERMINATED, _CANCELED, _RUNNING = {5, 17, 29}, {9, 33}, {21}, {14, 24, 31, 36, 39}
_FINISHES = (1.0, 25.0, 9 * 24.0, 22 * 24.0, 39.5 * 24)
"""Hours after the start at which the running ones finish."""

_NULLS = 12
"""This claim has the literal text "null" in fields that were left empty (reference §6)."""

AMENDED = {3: ("REVOKE", 20.0), 7: ("MODIFY", 45.0)}
"""Claims that are changed after approval: how, and how many hours after the start."""

_PLACES = ("客户现场", "高新园办公楼", "江城机场", "蓉城东站", "园区二期")


def make_claim(number: int, seed: int, start: datetime) -> dict[str, Any]:
    """Claim `number` (from 0) of the sandbox that began at `start`."""
    chance = Random(f"{seed}:claim:{number}")
    company = load_company()
    claimants = [one for one in company.employees if one.userid != company.finance_user]
    claimant = claimants[0] if number == 0 else chance.choice(claimants)
    created, finished = _times(number, chance, start)
    made = {
        "id": instances.new_id(chance, created),
        "code": EXPENSE.code,
        "created": created,
        "finished": finished,
        "outcome": _outcome(number, chance),
        "title": f"{claimant.name}提交的{EXPENSE.title}",
        "userid": claimant.userid,
        "dept_id": claimant.dept_id,
        "business_id": instances.new_business_id(chance, created),
        "biz_action": "NONE",
        "main": "",
        "attached": [],
    }
    made["form"] = _fill(number, chance, company, claimant, created)
    made["steps"] = approval_steps(chance, company, made)
    if number in AMENDED:
        child = amendment(number, seed, start, made)
        made["attached"] = [{"id": child["id"], "created": child["created"]}]
    return made


def amendment(number: int, seed: int, start: datetime, main: dict[str, Any]) -> dict[str, Any]:
    """The instance that revokes or modifies claim `number`; a new instance of the same process."""
    chance = Random(f"{seed}:amendment:{number}")
    action, hours = AMENDED[number]
    created = instances.to_ms(start + timedelta(hours=hours))
    child = {
        **main,
        "id": instances.new_id(chance, created),
        "business_id": instances.new_business_id(chance, created),
        "created": created,
        "finished": created + 2 * 3600_000,
        "biz_action": action,
        "main": main["id"],
        "attached": [],
    }
    if action == "MODIFY":
        child["form"] = [_note_changed(one) for one in main["form"]]
    child["steps"] = approval_steps(chance, load_company(), child)
    return child


def _note_changed(component: dict[str, Any]) -> dict[str, Any]:
    if component["id"] != "TextareaField_4T0V":
        return component
    return {**component, "value": "更正：改由公司基本户支付"}


def _outcome(number: int, chance: Random) -> str:
    place = number % 40
    if place in _REFUSED:
        return "refuse"
    if place in _TERMINATED:
        return "terminate"
    if place in _CANCELED:
        return "cancel"
    # of those still running, one in every eighty is refused in the end
    return "refuse" if place == 36 and number >= 40 else "agree"


def _times(number: int, chance: Random, start: datetime) -> tuple[int, int]:
    """When it was created and when it is finished, in epoch milliseconds."""
    place = number % 40
    if place in _RUNNING:
        created = start - timedelta(minutes=chance.randint(30, 4 * 24 * 60), seconds=chance.randrange(60))
        hours = _FINISHES[sorted(_RUNNING).index(place)]
        return instances.to_ms(created), instances.to_ms(start + timedelta(hours=hours))
    day = start.astimezone(SHANGHAI) - timedelta(days=chance.randint(1, 88))
    created = day.replace(
        hour=chance.randint(9, 18), minute=chance.randrange(60), second=chance.randrange(60), microsecond=0
    )
    latest = start - timedelta(minutes=10)
    finished = min(created + timedelta(minutes=chance.randint(20, 5 * 24 * 60)), latest)
    return instances.to_ms(created), instances.to_ms(finished)


def _fill(
    number: int, chance: Random, company: Company, claimant: Employee, created: int
) -> list[dict[str, Any]]:
    project = chance.random() < 0.4 and number != 0
    lines = [_line(chance, company, created) for _ in range(chance.choice((1, 1, 2, 2, 3, 4, 6)))]
    total = sum((amount for _, amount, _ in lines), Decimal())
    text = money.separated(total) if number % 3 == 1 else money.plain(total)
    admin, projects = ([], lines) if project else (lines, [])
    category = "项目报销" if project else "行政报销"
    kind = _choice(
        chance, EXPENSE.slot("DDSelectField_2C8QK1" if project else "DDSelectField_2C8QK0").options
    )
    filled = {
        "DDSelectField_1XO0NHG": _choice(chance, company.projects[1:] if project else company.projects[:1]),
        "DDSelectField_1XO0NHH": (category, {"label": category, "key": f"option_{int(project)}"}),
        "TextNote_7L0ZKXODKW40": ("请如实填写，一事一报；发票抬头为公司全称", None),
        "DDSelectField_2C8QK0": (None, None) if project else kind,
        "DDSelectField_2C8QK1": kind if project else (None, None),
        "MoneyField_1FPZ": (text, {"upper": money.capital(total), "componentName": "MoneyField"}),
        "RelateField_8H2K": _related(number, chance, claimant),
        "TextNote-KDE5B2G3": ("票据请按日期粘贴" if number % 2 else None, None),
        "RecipientAccountField_6M3D": (claimant.name, _recipient(number, claimant)),
        "TextareaField_4T0V": ("由公司基本户支付" if number % 11 == 4 else None, None),
        "DDPhotoField-J2X9B6LM": (_photos(number, chance), None),
        "DDAttachment_1R5W": (_attachments(number, chance), None),
    }
    if number == _NULLS:
        filled |= {"TextareaField_4T0V": ("null", None), "DDPhotoField-J2X9B6LM": ("null", None)}
    form = []
    for slot in EXPENSE.slots:
        if slot.id == "TableField_5E1WQ8":
            form.append(slot.table([_admin_row(number, line) for line in admin]))
        elif slot.id == "TableField_1BDACP":
            form.append(slot.table([_project_row(line) for line in projects]))
        else:
            form.append(slot.filled(*filled.get(slot.id, (None, None))))
    return form


def _line(chance: Random, company: Company, created: int) -> tuple[str, Decimal, str]:
    day = instances.moment(created) - timedelta(days=chance.randint(0, 12))
    item = chance.choice(company.expense_items[:-1] if chance.random() < 0.95 else company.expense_items)
    cents = chance.choice(
        (chance.randint(800, 9_900), chance.randint(9_900, 68_000), chance.randint(50_000, 260_000))
    )
    return f"{day:%Y-%m-%d}", Decimal(cents) / 100, item.label


def _admin_row(number: int, line: tuple[str, Decimal, str]) -> list[dict[str, Any]]:
    day, amount, item = line
    date_column, amount_column, item_column = EXPENSE.slot("TableField_5E1WQ8").columns
    text = money.separated(amount) if number % 5 == 2 else money.plain(amount)
    return [date_column.cell(day), amount_column.cell(text), item_column.cell(item)]


def _project_row(line: tuple[str, Decimal, str]) -> list[dict[str, Any]]:
    day, amount, item = line
    date_column, item_column, amount_column = EXPENSE.slot("TableField_1BDACP").columns
    return [date_column.cell(day), item_column.cell(item), amount_column.cell(money.plain(amount))]


def _choice(chance: Random, options: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    place = chance.randrange(len(options))
    return options[place], {"label": options[place], "key": f"option_{place}"}


def _recipient(number: int, claimant: Employee) -> dict[str, str]:
    """The captured shape for a DingTalk account; for a bank card no capture is known (reference §13), so
    the card's keys are this simulator's own."""
    known = {"name": claimant.name, "id": str(number + 1), "jobNumber": "", "isSelf": "1"}
    if number % 6 == 5:
        return {"identityType": "DINGTALK_ACCOUNT", **known}
    card = {"cardNo": claimant.account, "instName": claimant.bank, "instBranchName": claimant.bank}
    return {"identityType": "BANK_CARD", **known, **card}


def _related(number: int, chance: Random, claimant: Employee) -> tuple[str | None, dict[str, Any] | None]:
    if number % 4 != 2:
        return None, None
    titles = json.dumps([f"{claimant.name}提交的出差申请"], ensure_ascii=False)
    other = instances.new_id(chance, 1_700_000_000_000 + number * 1000)
    return titles, {"list": [{"procInstId": other}]}


def _photos(number: int, chance: Random) -> str | None:
    if number % 3 == 0:
        return None
    count = chance.randint(1, 3)
    return json.dumps(
        [f"https://static.dingtalk.example/media/{chance.randbytes(6).hex()}.jpg" for _ in range(count)]
    )


def _attachments(number: int, chance: Random) -> str | None:
    if number % 5 in (1, 4):
        return None
    file = {
        "spaceId": str(chance.randint(10**9, 10**10)),
        "fileName": f"{chance.choice(_PLACES)}发票.pdf",
        "fileSize": chance.randint(20_000, 900_000),
        "fileType": "pdf",
        "fileId": str(chance.randint(10**10, 10**11)),
    }
    return json.dumps([file], ensure_ascii=False, separators=(",", ":"))
