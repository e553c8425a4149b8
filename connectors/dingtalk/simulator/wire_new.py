"""The v1.0 interfaces: camel case, Beijing minutes with a false Z, JSON errors (reference §3.2, §4.2, §5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.context import Api, Context, Wrong
from connectors.dingtalk.simulator.edits import as_of_now
from connectors.dingtalk.simulator.form import schema
from connectors.dingtalk.simulator.listing import Listing, list_page
from connectors.dingtalk.simulator.templates import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["APIS"]

_WRONG_FIELDS = {
    "process_code": "invalidProcessCode",
    "start": "invalidInstanceListIdsStartTime",
    "end": "invalidEndTime",
    "cursor": "invalidNextToken",
    "size": "invalidMaxResults",
    "userids": "invalidUserIds",
}


def _list_ids(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    statuses = tuple(given.get("statuses") or ())
    if not set(statuses) <= {"RUNNING", "TERMINATED", "COMPLETED"}:
        raise Wrong("invalidParameter", "statuses非法")
    asked = Listing(
        code=str(given.get("processCode") or ""),
        start=_whole(given, "startTime", "invalidInstanceListIdsStartTime"),
        end=_whole(given, "endTime", "invalidEndTime") if given.get("endTime") is not None else None,
        size=_whole(given, "maxResults", "invalidMaxResults"),
        cursor=_whole(given, "nextToken", "invalidNextToken"),
        userids=tuple(given.get("userIds") or ()),
        statuses=(*statuses, "CANCELED") if "TERMINATED" in statuses else statuses,
    )
    ids, cursor = list_page(context, asked, lambda field, text: Wrong(_WRONG_FIELDS[field], text))
    result: dict[str, Any] = {"list": ids}
    if cursor is not None:
        result["nextToken"] = str(cursor)
    return {"result": result, "success": True}


def _get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    instance = _instance(context, given)
    now, store = context.now, context.store
    department = context.company.department(instance["dept_id"])
    state = instances.status(instance, now)
    shown: dict[str, Any] = {
        "title": instance["title"],
        "createTime": _time(instance["created"]),
        "originatorUserId": instance["userid"],
        "originatorDeptId": instance["dept_id"],
        "originatorDeptName": department.name if department else "",
        "status": "TERMINATED" if state == "CANCELED" else state,
        "businessId": instance["business_id"],
        "bizAction": instance["biz_action"],
        "bizData": "{}",
        "approverUserIds": [step["userid"] for step in instance["steps"] if step["task"]],
        "ccUserIds": [context.company.finance_user],
        "attachedProcessInstanceIds": instances.attached(instance, now),
        "formComponentValues": [_component(one) for one in instance["form"]],
        "operationRecords": [_record(step) for step in instances.steps(store, instance, now)],
        "tasks": list(_tasks(instance, now)),
    }
    if not instances.is_running(instance, now):
        shown |= {"finishTime": _time(instance["finished"]), "result": instances.result(instance, now)}
    if instance["main"]:
        shown["mainProcessInstanceId"] = instance["main"]
    return {"result": shown, "success": True}


def _component(component: dict[str, Any]) -> dict[str, Any]:
    """An unfilled component has no value here, empty tables included (reference §6, §13.6)."""
    shown = {"id": component["id"], "componentType": component["type"], "bizAlias": ""}
    if "name" in component:
        shown["name"] = component["name"]
    if component["type"] == "TableField":
        return shown | (_table(component) if component["rows"] else {})
    if "ext" in component:
        shown["extValue"] = _json(component["ext"])
    if component.get("value") not in (None, "null"):
        shown["value"] = component["value"]
    return shown


def _table(component: dict[str, Any]) -> dict[str, str]:
    """Rows without component types; the row number is absent in some (reference §6.1)."""
    rows = []
    for place, cells in enumerate(component["rows"]):
        row: dict[str, Any] = {"rowValue": [_cell(cell) for cell in cells]}
        if place % 4 != 3:
            row["rowNumber"] = f"{component['id']}_1A2B3C4D{place:04X}"
        rows.append(row)
    return {"value": _json(rows), "extValue": _json({"statValue": [], "componentName": "TableField"})}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    shown = {"label": cell["label"], "value": cell["value"], "key": cell["key"]}
    return shown | ({"extendValue": cell["extend"]} if "extend" in cell else {})


def _record(step: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "userId": step["userid"],
        "date": _time(step["at"]),
        "type": step["type"],
        "result": step["result"],
        "activityId": "",
        "showName": "添加评论" if step["type"] == "ADD_REMARK" else "",
    }
    if step["remark"] is not None:
        shown["remark"] = step["remark"]
    if step.get("attachments"):
        shown["attachments"] = [
            {new: str(one.get(old, "")) for old, new in _FILE.items()} for one in step["attachments"]
        ]
    return shown


_FILE = {
    "file_name": "fileName",
    "file_size": "fileSize",
    "file_id": "fileId",
    "file_type": "fileType",
    "space_id": "spaceId",
}


def _tasks(instance: dict[str, Any], now: int) -> Iterable[dict[str, Any]]:
    asked = instance["created"]
    for step in instance["steps"]:
        if not step["task"] or asked > now:
            continue
        done = step["at"] <= now
        url = f"https://aflow.dingtalk.com?procInsId={instance['id']}&taskId={step['task']}"
        shown = {
            "taskId": step["task"],
            "userId": step["userid"],
            "status": "COMPLETED" if done else "RUNNING",
            "result": step["result"] if done else "NONE",
            "createTime": _time(asked),
            "mobileUrl": url,
            "pcUrl": url,
            "processInstanceId": instance["id"],
            "activityId": f"b39a_{step['task'] % 65536:04x}",
        }
        yield shown | ({"finishTime": _time(step["at"])} if done else {})
        asked = step["at"]


def _comment(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    id, text, userid = (given.get(name) for name in ("processInstanceId", "text", "commentUserId"))
    if not id:
        raise Wrong("invalidInstanceId", "审批实例ID非法")
    if not text or len(str(text)) > 1024:
        raise Wrong("invalidInstanceCommentText", "评论内容非法")
    if not userid:
        raise Wrong("invalidInstanceCommentUserId", "评论人非法")
    if context.company.employee(str(userid)) is None:
        raise Wrong("userNotExist", "用户不存在")
    instance = instances.get(context.store, str(id), context.now)
    if instance is None:
        raise Wrong("aflowProcessInstNotExist", "审批实例不存在")
    files = (given.get("file") or {}).get("attachments") or []
    kept = [{old: one.get(new, "") for old, new in _FILE.items()} for one in files]
    step = {
        "at": context.now,
        "type": "ADD_REMARK",
        "result": "NONE",
        "userid": str(userid),
        "remark": str(text),
    }
    instances.add_comment(context.store, instance["id"], {**step, "attachments": kept})
    return {"result": True, "success": True}


def _schema(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    form = FORMS.get(str(given.get("processCode") or ""))
    if form is None:
        raise Wrong("invalidProcessCode", "审批模板不存在")
    return {"result": as_of_now(context.store, form.code, schema(form), context.now), "success": True}


def _file_url(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    _instance(context, given)
    file = str(given.get("fileId") or "")
    if not file:
        raise Wrong("invalidParameter", "fileId非法")
    uri = f"https://static.dingtalk.example/file/{file}?expires={context.now // 1000 + 900}"
    return {"result": {"spaceId": "1157", "fileId": file, "downloadUri": uri}, "success": True}


APIS: dict[tuple[str, str], Api] = {
    ("POST", "/v1.0/workflow/processes/instanceIds/query"): Api(_list_ids),
    ("GET", "/v1.0/workflow/processInstances"): Api(_get),
    ("POST", "/v1.0/workflow/processInstances/comments"): Api(_comment),
    ("GET", "/v1.0/workflow/forms/schemas/processCodes"): Api(_schema),
    ("POST", "/v1.0/workflow/processInstances/spaces/files/urls/download"): Api(_file_url),
}


def _instance(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    id = str(given.get("processInstanceId") or "")
    if not id:
        raise Wrong("processInstanceIdError", "审批实例ID非法")
    found = instances.get(context.store, id, context.now)
    if found is None:
        raise Wrong("processInstanceNotExist", "审批实例不存在")
    return found


def _whole(given: dict[str, Any], name: str, code: str) -> int:
    try:
        return int(str(given.get(name)))
    except ValueError:
        raise Wrong(code, f"{name}非法") from None


def _time(ms: int) -> str:
    return f"{instances.moment(ms):%Y-%m-%dT%H:%MZ}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
