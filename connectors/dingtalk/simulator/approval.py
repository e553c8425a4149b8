"""Who approves an instance, and what that leaves in its operation records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from connectors.company import Company

__all__ = ["approval_steps"]

_REMARKS = ("发票已收到", "请尽快提交纸质票据", "金额已核对")
_REASONS = ("发票抬头不对，请重开后再报", "超出标准，请说明", "请补充行程单")


def approval_steps(chance: Random, company: Company, instance: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations from start to end, each with its time `at` in epoch ms, `type`, `result`, `userid` and
    `remark`; those that a person was asked for also with `task`."""
    created, finished, outcome = instance["created"], instance["finished"], instance["outcome"]
    manager = _manager(company, instance)
    middle = created + (finished - created) // 2
    steps = [_step(created, "START_PROCESS_INSTANCE", "NONE", instance["userid"])]
    if outcome in ("terminate", "cancel"):
        remark = "填错了，重新提交"
        return [*steps, _step(finished, "TERMINATE_PROCESS_INSTANCE", "NONE", instance["userid"], remark)]
    if chance.random() < 0.25:  # people comment, too, not only the engine
        between = created + (middle - created) // 2
        steps.append(_step(between, "ADD_REMARK", "NONE", company.finance_user, chance.choice(_REMARKS)))
    steps.append(_step(middle, "EXECUTE_TASK_NORMAL", "AGREE", manager, task=_task(chance)))
    last = "AGREE" if outcome == "agree" else "REFUSE"
    remark = "" if outcome == "agree" else chance.choice(_REASONS)
    steps.append(
        _step(finished, "EXECUTE_TASK_NORMAL", last, company.finance_user, remark, task=_task(chance))
    )
    return steps


def _step(
    at: int, type: str, result: str, userid: str, remark: str | None = None, task: int | None = None
) -> dict[str, Any]:
    return {"at": at, "type": type, "result": result, "userid": userid, "remark": remark, "task": task}


def _task(chance: Random) -> int:
    return chance.randint(70_000_000_000, 79_999_999_999)


def _manager(company: Company, instance: dict[str, Any]) -> str:
    """Someone else of the same department, or of the general office."""
    near = [one for one in company.employees if one.dept_id == instance["dept_id"]]
    others = [one.userid for one in near if one.userid != instance["userid"]]
    return others[0] if others else company.employees[11].userid
