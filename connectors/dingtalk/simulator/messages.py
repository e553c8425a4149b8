"""Work notifications, with limits that drop in silence: the answer is a success anyway (reference §9)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.context import Wrong

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.context import Context

__all__ = ["send_message", "show_sending"]

_PER_DAY, _PER_MINUTE = 500, 5000
_TOO_MANY, _REPEATED = "143105", "143106"
_FIRST_TASK = 256_271_667_526


def send_message(context: Context, given: dict[str, Any]) -> int:
    """Take a notification; gives its task id. Who did not get it, only `show_sending` tells."""
    agent, message = given.get("agent_id"), given.get("msg")
    if not str(agent or "").isdigit():
        raise Wrong(40035, "缺少参数 agent_id")
    if not isinstance(message, dict) or message.get("msgtype") not in message:
        raise Wrong(40035, "不合法的参数 msg")
    text = json.dumps(message, ensure_ascii=False, sort_keys=True)
    if len(text.encode()) > 2048:
        raise Wrong(40035, "消息体过长")
    sending: dict[str, Any] = {"agent_id": int(str(agent)), "message": message, "at": context.now}
    sending |= {"sent": [], "invalid": [], "forbidden": []}
    for userid in _receivers(context, given):
        _deliver(context, userid, text, sending)
    task = context.store.next_number("message", first=_FIRST_TASK)
    context.store.put("message", str(task), sending)
    return task


def show_sending(context: Context, agent: int, task: int) -> dict[str, Any]:
    """Who got a notification and who did not."""
    sending = context.store.get("message", str(task))
    if sending is None or sending["agent_id"] != agent:
        raise Wrong(400002, "任务不存在")
    return {
        "invalid_user_id_list": sending["invalid"],
        "forbidden_user_id_list": [one["userid"] for one in sending["forbidden"]],
        "failed_user_id_list": [],
        "read_user_id_list": [],
        "unread_user_id_list": sending["sent"],
        "invalid_dept_id_list": [],
        "forbidden_list": sending["forbidden"],
    }


def _receivers(context: Context, given: dict[str, Any]) -> list[str]:
    users = [one.strip() for one in str(given.get("userid_list") or "").split(",") if one.strip()]
    departments = [one for one in str(given.get("dept_id_list") or "").split(",") if one]
    if len(users) > 100:
        raise Wrong(400002, "userid_list最多100个")
    if len(departments) > 20:
        raise Wrong(400002, "dept_id_list最多20个")
    everybody = str(given.get("to_all_user")).lower() == "true"
    members = [one.userid for one in context.company.employees if everybody or one.dept_id in departments]
    found = list(dict.fromkeys([*users, *members]))
    if not found:
        raise Wrong(40035, "缺少参数 userid_list")
    return found


def _deliver(context: Context, userid: str, text: str, sending: dict[str, Any]) -> None:
    if context.company.employee(userid) is None:
        sending["invalid"].append(userid)
        return
    day = f"{instances.moment(context.now):%Y-%m-%d}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    box = context.store.get("inbox", f"{day}/{userid}") or {"count": 0, "seen": []}
    minute_key = str(context.now // 60_000)
    minute = context.store.get("minute", minute_key) or {"count": 0}
    refused = ""
    if digest in box["seen"]:
        refused = _REPEATED
    elif box["count"] >= _PER_DAY or minute["count"] >= _PER_MINUTE:
        refused = _TOO_MANY
    if refused:
        sending["forbidden"].append({"code": refused, "count": box["count"], "userid": userid})
        return
    context.store.put("inbox", f"{day}/{userid}", {"count": box["count"] + 1, "seen": [*box["seen"], digest]})
    context.store.put("minute", minute_key, {"count": minute["count"] + 1})
    sending["sent"].append(userid)
