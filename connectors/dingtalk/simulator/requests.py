"""The invented requests of four more forms: travel claims, supplier payments, purchases, receipts.

Of every twelve requests of a form nine are agreed, one is refused, one withdrawn, and one is still running,
which is agreed six hours after the start; all are made within the 40 days before it. What they ask for is
filled in by their form's module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from connectors.company import load_company
from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.approval import approval_steps
from engine.clock import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.company import Company, Employee
    from connectors.dingtalk.simulator.form import Form

__all__ = ["Asked", "Kind", "make_request"]

_REFUSED, _TERMINATED, _RUNNING = 5, 8, 11
_ROUND = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form is filled in by."""

    number: int
    chance: Random
    company: Company
    person: Employee
    created: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A form, the word that its chance is made from, how many there are, and how one is filled in.

    `fill` gives what stands in a component, by its id: (value, ext), or a table's rows.
    """

    form: Form
    word: str
    count: int
    fill: Callable[[Asked], dict[str, Any]]


def make_request(kind: Kind, number: int, seed: int, start: datetime) -> dict[str, Any]:
    """Request `number` (from 0) of the sandbox that began at `start`."""
    chance = Random(f"{seed}:{kind.word}:{number}")
    company = load_company()
    people = [one for one in company.employees if one.userid != company.finance_user]
    person = people[0] if number == 0 else chance.choice(people)
    created, finished = _times(number, chance, start)
    made = {
        "id": instances.new_id(chance, created),
        "code": kind.form.code,
        "created": created,
        "finished": finished,
        "outcome": {_REFUSED: "refuse", _TERMINATED: "terminate"}.get(number % _ROUND, "agree"),
        "title": f"{person.name}提交的{kind.form.title}",
        "userid": person.userid,
        "dept_id": person.dept_id,
        "business_id": instances.new_business_id(chance, created),
        "biz_action": "NONE",
        "main": "",
        "attached": [],
    }
    filled = kind.fill(Asked(number, chance, company, person, created))
    made["form"] = [
        slot.table(filled[slot.id]) if slot.columns else slot.filled(*filled.get(slot.id, (None, None)))
        for slot in kind.form.slots
    ]
    made["steps"] = approval_steps(chance, company, made)
    return made


def _times(number: int, chance: Random, start: datetime) -> tuple[int, int]:
    """When it was created and when it is finished, in epoch milliseconds."""
    if number % _ROUND == _RUNNING:
        created = start - timedelta(minutes=chance.randint(60, 24 * 60))
        return instances.to_ms(created), instances.to_ms(start + timedelta(hours=6))
    day = start.astimezone(SHANGHAI) - timedelta(days=chance.randint(2, 40))
    created = day.replace(
        hour=chance.randint(9, 18), minute=chance.randrange(60), second=chance.randrange(60), microsecond=0
    )
    finished = min(
        created + timedelta(minutes=chance.randint(30, 3 * 24 * 60)), start - timedelta(minutes=10)
    )
    return instances.to_ms(created), instances.to_ms(finished)
