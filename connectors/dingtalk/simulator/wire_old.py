"""The old interfaces: snake case, Beijing seconds, errors with HTTP 200 (reference §3.1, §4.1, §9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.context import Api, Context, Wrong
from connectors.dingtalk.simulator.listing import Listing, list_page
from connectors.dingtalk.simulator.messages import send_message, show_sending
from connectors.dingtalk.simulator.templates import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["APIS"]

# Which codes the old list and get have for bad parameters is not documented (reference §13.3).
_BAD, _NO_TEMPLATE, _NO_INSTANCE, _NO_USER, _NO_DEPARTMENT = 400002, 830001, 820006, 60121, 60003


def _list_ids(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    asked = Listing(
        code=_text(given, "process_code"),
        start=_whole(given, "start_time"),
        end=_whole(given, "end_time") if given.get("end_time") not in (None, "") else None,
        size=_whole(given, "size", 20),
        cursor=_whole(given, "cursor", 0),
        userids=tuple(one for one in str(given.get("userid_list") or "").split(",") if one),
    )
    ids, cursor = list_page(context, asked, _refusal)
    result: dict[str, Any] = {"list": ids}
    if cursor is not None:
        result["next_cursor"] = cursor
    return {"result": result}


def _refusal(field: str, message: str) -> Wrong:
    return Wrong(_NO_TEMPLATE if field == "process_code" else _BAD, message)


def _get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    instance = _instance(context, given)
    now, store = context.now, context.store
    shown: dict[str, Any] = {
        "attached_process_instance_ids": instances.attached(instance, now),
        "biz_action": instance["biz_action"],
        "business_id": instance["business_id"],
        "create_time": _time(instance["created"]),
        "form_component_values": [_component(one) for one in instance["form"]],
        "operation_records": [_record(step) for step in instances.steps(store, instance, now)],
        "originator_dept_id": instance["dept_id"],
        "originator_dept_name": _department_name(context, instance["dept_id"]),
        "originator_userid": instance["userid"],
        "status": instances.status(instance, now),
        "tasks": list(_tasks(instance, now)),
        "title": instance["title"],
    }
    if not instances.is_running(instance, now):
        shown |= {"finish_time": _time(instance["finished"]), "result": instances.result(instance, now)}
    elif instance["created"] // 1000 % 2:
        shown["result"] = ""  # while it runs: empty, or not there at all
    if instance["created"] // 1000 % 3:  # the key may be missing
        shown["cc_userids"] = [context.company.finance_user]
    if instance["main"]:
        shown["main_process_instance_id"] = instance["main"]
    return {"process_instance": shown}


def _component(component: dict[str, Any]) -> dict[str, Any]:
    shown = {"component_type": component["type"], "id": component["id"]}
    if "name" in component:
        shown["name"] = component["name"]
    if component["type"] == "TableField":
        return shown | _table(component)
    if "ext" in component:
        shown["ext_value"] = _json(component["ext"])
    if "value" in component:
        shown["value"] = component["value"]
    return shown


def _table(component: dict[str, Any]) -> dict[str, str]:
    """Rows; an empty table shows the definitions of its columns instead (reference §6.2)."""
    if not component["rows"]:
        return {"value": _json(component["columns"])}
    rows = []
    for place, cells in enumerate(component["rows"]):
        row: dict[str, Any] = {"rowValue": [_cell(place, at, cell) for at, cell in enumerate(cells)]}
        if place % 4 != 3:  # a row number may be absent
            row["rowNumber"] = f"{component['id']}_1A2B3C4D{place:04X}"
        rows.append(row)
    return {"value": _json(rows), "ext_value": _json({"statValue": [], "componentName": "TableField"})}


def _cell(row: int, place: int, cell: dict[str, Any]) -> dict[str, Any]:
    shown = {"label": cell["label"], "value": cell["value"], "key": cell["key"]}
    if (2 * row + place) % 4 != 3:  # the component type may be absent
        shown = {"componentType": cell["type"], **shown}
    if "extend" in cell:
        shown["extendValue"] = cell["extend"]
    return shown


def _record(step: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "date": _time(step["at"]),
        "operation_result": step["result"],
        "operation_type": step["type"],
        "userid": step["userid"],
    }
    if step["remark"] is not None:
        shown["remark"] = step["remark"]
    if step.get("attachments"):
        shown["attachments"] = [
            {name: str(one.get(name, "")) for name in ("file_name", "file_size", "file_id", "file_type")}
            for one in step["attachments"]
        ]
    return shown


def _tasks(instance: dict[str, Any], now: int) -> Iterable[dict[str, Any]]:
    asked = instance["created"]
    for step in instance["steps"]:
        if not step["task"] or asked > now:
            continue
        done = step["at"] <= now
        shown = {
            "activity_id": f"b39a_{step['task'] % 65536:04x}",
            "create_time": _time(asked),
            "task_result": step["result"] if done else "NONE",
            "task_status": "COMPLETED" if done else "RUNNING",
            "taskid": str(step["task"]),
            "url": f"aflow.dingtalk.com?procInsId={instance['id']}&taskId={step['task']}"
            f"&businessId={instance['business_id']}",
            "userid": step["userid"],
        }
        yield shown | ({"finish_time": _time(step["at"])} if done else {})
        asked = step["at"]


def _comment(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    request = given.get("request")
    if not isinstance(request, dict):
        raise Wrong(40035, "缺少参数 request")
    instance = _instance(context, request)
    userid, text = _text(request, "comment_userid"), _text(request, "text")
    if context.company.employee(userid) is None:
        raise Wrong(33012, "无效的USERID")
    if len(text) > 1024:
        raise Wrong(_BAD, "评论内容过长")
    files = (request.get("file") or {}).get("attachments") or []
    step = {"at": context.now, "type": "ADD_REMARK", "result": "NONE", "userid": userid, "remark": text}
    instances.add_comment(context.store, instance["id"], {**step, "attachments": files})
    return {"result": True, "success": True}


def _file_url(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    request = given.get("request")
    if not isinstance(request, dict):
        raise Wrong(40035, "缺少参数 request")
    _instance(context, request)
    file = _text(request, "file_id")
    uri = f"https://static.dingtalk.example/file/{file}?expires={context.now // 1000 + 900}"
    return {"result": {"space_id": "1157", "file_id": file, "download_uri": uri}, "success": True}


def _user(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    person = context.company.employee(_text(given, "userid"))
    if person is None:
        raise Wrong(_NO_USER, "找不到该用户")
    shown = {
        "userid": person.userid,
        "unionid": f"u{person.job_number}",
        "name": person.name,
        "job_number": person.job_number,
        "mobile": person.mobile,
        "title": person.title,
        "dept_id_list": [int(person.dept_id)],
        "active": True,
        "admin": False,
        "avatar": "",
    }
    return {"result": shown}


def _department(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    dept_id = _text(given, "dept_id")
    found = context.company.department("1" if dept_id == "-1" else dept_id)  # both name the root
    if found is None:
        raise Wrong(_NO_DEPARTMENT, "部门不存在")
    shown: dict[str, Any] = {"dept_id": int(found.dept_id), "name": found.name, "auto_add_user": True}
    if found.parent:
        shown["parent_id"] = int(found.parent)
    return {"result": shown}


def _sub_departments(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    dept_id = str(given.get("dept_id") or "1")
    if context.company.department(dept_id) is None:
        raise Wrong(_NO_DEPARTMENT, "部门不存在")
    below = [one for one in context.company.departments if one.parent == dept_id]
    return {
        "result": [
            {"dept_id": int(one.dept_id), "name": one.name, "parent_id": int(dept_id), "auto_add_user": True}
            for one in below
        ]
    }


def _templates(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    offset, size = _whole(given, "offset", 0), _whole(given, "size", 100)
    if not 0 < size <= 100:
        raise Wrong(_BAD, "参数 size 非法")
    forms = list(FORMS.values())
    page = [
        {"name": form.title, "process_code": form.code, "icon_url": "", "url": ""}
        for form in forms[offset : offset + size]
    ]
    result: dict[str, Any] = {"process_list": page}
    if offset + size < len(forms):
        result["next_cursor"] = offset + size
    return {"result": result}


def _send(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    return {"task_id": send_message(context, given)}


def _sent(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    return {"send_result": show_sending(context, _whole(given, "agent_id"), _whole(given, "task_id"))}


APIS: dict[str, Api] = {
    "/topapi/processinstance/listids": Api(_list_ids),
    "/topapi/processinstance/get": Api(_get),
    "/topapi/process/instance/comment/add": Api(_comment),
    "/topapi/processinstance/file/url/get": Api(_file_url),
    "/topapi/message/corpconversation/asyncsend_v2": Api(_send),
    "/topapi/message/corpconversation/getsendresult": Api(_sent),
    "/topapi/v2/user/get": Api(_user, metered=False),
    "/topapi/process/listbyuserid": Api(_templates),
    "/topapi/v2/department/listsub": Api(_sub_departments, metered=False),
    "/topapi/v2/department/get": Api(_department, metered=False),
}


def _instance(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    found = instances.get(context.store, _text(given, "process_instance_id"), context.now)
    if found is None:
        raise Wrong(_NO_INSTANCE, "审批实例不存在")
    return found


def _department_name(context: Context, dept_id: str) -> str:
    found = context.company.department(dept_id)
    return found.name if found else ""


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None or value == "":
        raise Wrong(40035, f"缺少参数 {name}")
    return str(value)


def _whole(given: dict[str, Any], name: str, default: int | None = None) -> int:
    value = given.get(name)
    if value in (None, "") and default is not None:
        return default
    try:
        return int(_text(given, name))
    except ValueError:
        raise Wrong(_BAD, f"参数 {name} 非法") from None


def _time(ms: int) -> str:
    return f"{instances.moment(ms):%Y-%m-%d %H:%M:%S}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
