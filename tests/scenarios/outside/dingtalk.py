"""A DingTalk made from its documents alone: tokens, listing, instances, users, comments, messages."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from outside_serving import Server, hang_up

BEIJING = ZoneInfo("Asia/Shanghai")
DAY_MS = 86_400_000
_NAMES = {
    "/topapi/processinstance/listids": "listids",
    "/topapi/processinstance/get": "get",
    "/topapi/v2/user/get": "user",
    "/topapi/process/instance/comment/add": "comment",
    "/topapi/message/corpconversation/asyncsend_v2": "message",
}


@dataclass(slots=True)
class Claim:
    """An approval instance as the vendor keeps it."""

    id: str
    created: datetime
    number: str
    userid: str = "5237000000000001"
    status: str = "COMPLETED"
    result: str = "agree"
    finished: datetime | None = None
    biz_action: str = "NONE"
    process_code: str = "PROC-EXPENSE-SANDBOX"
    title: str = "张三提交的费用报销"
    components: list[dict[str, Any]] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    main: str | None = None
    comments: list[dict[str, str]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """The `process_instance` of the old interface; the instance's own id is not in it."""
        body: dict[str, Any] = {
            "attached_process_instance_ids": self.attached,
            "biz_action": self.biz_action,
            "business_id": self.number,
            "create_time": _wall(self.created),
            "form_component_values": self.components,
            "operation_records": [
                {
                    "date": _wall(self.created),
                    "operation_result": "NONE",
                    "operation_type": "START_PROCESS_INSTANCE",
                    "userid": self.userid,
                },
                *(
                    {
                        "date": _wall(self.created),
                        "operation_result": "NONE",
                        "operation_type": "ADD_REMARK",
                        "remark": comment["text"],
                        "userid": comment["comment_userid"],
                    }
                    for comment in self.comments
                ),
            ],
            "originator_dept_id": "575403278",
            "originator_dept_name": "项目部-实施一组",
            "originator_userid": self.userid,
            "status": self.status,
            "title": self.title,
            "tasks": [],
        }
        if self.status != "RUNNING":
            body["result"] = self.result
            body["finish_time"] = _wall(self.finished or self.created + timedelta(hours=5))
        if self.main:
            body["main_process_instance_id"] = self.main
        return body


def _wall(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def table(name: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    """A filled table component."""
    value = [
        {
            "rowValue": [
                {"componentType": "TextField", "label": label, "value": text, "key": f"K_{i}"}
                for i, (label, text) in enumerate(row.items())
            ],
            "rowNumber": f"TableField_{n}",
        }
        for n, row in enumerate(rows)
    ]
    return {
        "component_type": "TableField",
        "id": f"TableField_{name}",
        "name": name,
        "ext_value": '{"statValue":[],"componentName":"TableField"}',
        "value": json.dumps(value, ensure_ascii=False),
    }


def empty_table(name: str) -> dict[str, Any]:
    """An empty table: its value is the definition of its columns."""
    definition = {
        "componentName": "DDDateField",
        "componentType": "DDDateField",
        "props": {"id": "DDDateField_K1", "label": "费用发生日期", "required": True},
    }
    return {
        "component_type": "TableField",
        "id": f"TableField_{name}",
        "name": name,
        "value": json.dumps([definition], ensure_ascii=False),
    }


def expense_form(rows: list[tuple[str, str, str]], total: str) -> list[dict[str, Any]]:
    """The form of an expense claim; a row is (item, day, amount as written)."""
    return [
        {"component_type": "DDSelectField", "id": "S_1", "name": "报销类别", "value": "行政报销"},
        {"component_type": "TextNote", "id": "TextNote_7L0ZKXODKW40", "value": "请如实填写"},
        table(
            "报销明细",
            [{"费用发生日期": day, "报销金额(元)": sum_, "费用明细": item} for item, day, sum_ in rows],
        ),
        empty_table("项目费用明细"),
        {"component_type": "MoneyField", "id": "M_1", "name": "总金额", "value": total},
        {
            "component_type": "RecipientAccountField",
            "id": "R_1",
            "name": "收款账号",
            "value": "张三",
            "ext_value": '{"identityType":"DINGTALK_ACCOUNT","name":"张三","id":"1"}',
        },
        {"component_type": "TextareaField", "id": "T_1", "name": "备注", "value": "null"},
    ]


class DingTalk(Server):
    """State and wire of the old interfaces. Times in the listing are compared with `now()`."""

    def __init__(self) -> None:
        super().__init__()
        self.app_key = "dingoutside0001"
        self.app_secret = "CANARY-ding+secret/9f=Zq"
        self.claims: dict[str, Claim] = {}
        self.users: dict[str, dict[str, str]] = {}
        self.messages: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.token_uses: int | None = None
        self.page = 20
        self.times: list[tuple[str, float]] = []
        self.repeat_last = False

    def now(self) -> float:
        return time.time() + self.offset

    def add(self, claim: Claim) -> Claim:
        self.claims[claim.id] = claim
        return claim

    def comments(self) -> list[str]:
        return [comment["text"] for claim in self.claims.values() for comment in claim.comments]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/gettoken":
            return web.json_response(self._token(dict(request.query)))
        if path == "/v1.0/oauth2/accessToken":
            given = json.loads(await request.read())
            old = self._token({"appkey": given.get("appKey"), "appsecret": given.get("appSecret")})
            if old["errcode"]:
                return web.json_response({"code": "invalidClientIdOrSecret", "message": "x"}, status=400)
            return web.json_response({"accessToken": old["access_token"], "expireIn": 7200})
        name = _NAMES.get(path, path)
        body = json.loads(await request.read() or b"{}")
        self.log.append((name, body))
        self.times.append((name, time.monotonic()))
        token = request.query.get("access_token", "")
        if token not in self.tokens:
            return web.json_response(_wrapped("40014", "不合法的access_token"))
        if self.token_uses is not None:
            self.token_uses -= 1
            if self.token_uses <= 0:
                self.token_uses = None
                self.tokens.clear()
        fault = self.strike(name)
        if fault and (early := await self._before(fault.kind, fault.arg, request)) is not None:
            return early
        answer = self._answer(path, body)
        if fault and fault.kind == "kill_after":
            self.on_kill()
            await asyncio.sleep(0.1)
        if fault and fault.kind in ("drop_after", "kill_after"):
            return hang_up(request)
        if fault and fault.kind == "edit":
            answer = fault.arg(answer)
        return web.json_response(answer)

    async def _before(self, kind: str, arg: Any, request: web.Request) -> web.StreamResponse | None:
        if kind == "kill":
            self.on_kill()
            await asyncio.sleep(0.1)
            return hang_up(request)
        if kind == "drop":
            return hang_up(request)
        if kind == "html":
            return web.Response(text="<html><body>Service busy</body></html>", content_type="text/html")
        if kind == "empty":
            return web.Response(text="")
        if kind == "json":
            return web.json_response(arg)
        if kind == "500":
            return web.Response(status=500, text="oops")
        if kind == "do":
            arg()
        if kind == "slow":
            await asyncio.sleep(arg)
        return None

    def _token(self, query: dict[str, Any]) -> dict[str, Any]:
        if query.get("appkey") != self.app_key or query.get("appsecret") != self.app_secret:
            return {"errcode": 40096, "errmsg": "不合法的appKey或appSecret"}
        if not self.tokens:
            self.tokens.add("CANARYTOKEN" + secrets.token_hex(10))
        return {"errcode": 0, "errmsg": "ok", "access_token": next(iter(self.tokens)), "expires_in": 7200}

    def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        match path:
            case "/topapi/processinstance/listids":
                return self._list(body)
            case "/topapi/processinstance/get":
                claim = self.claims.get(body.get("process_instance_id", ""))
                if claim is None:
                    return {"errcode": 820005, "errmsg": "审批实例不存在", "request_id": "r"}
                return {"errcode": 0, "errmsg": "ok", "process_instance": claim.body(), "request_id": "r"}
            case "/topapi/v2/user/get":
                user = self.users.get(body.get("userid", ""))
                return {"errcode": 0, "result": user} if user else _wrapped("60121", "找不到该用户")
            case "/topapi/process/instance/comment/add":
                wanted = body["request"]
                self.claims[wanted["process_instance_id"]].comments.append(
                    {"text": wanted["text"], "comment_userid": wanted["comment_userid"]}
                )
                return {"errcode": 0, "errmsg": "ok", "result": True, "success": True}
            case "/topapi/message/corpconversation/asyncsend_v2":
                self.messages.append(body)
                return {"errcode": 0, "task_id": 256271667526 + len(self.messages)}
        return {"errcode": 22, "errmsg": "Invalid method[submsg=不合法ApiName]"}

    def _list(self, body: dict[str, Any]) -> dict[str, Any]:
        start, end = body.get("start_time"), body.get("end_time") or int(self.now() * 1000)
        size = body.get("size", 10)
        if (
            not isinstance(start, int)
            or not isinstance(end, int)
            or not 0 < size <= 20
            or not body.get("process_code")
        ):
            return {"errcode": 40035, "errmsg": "不合法的参数"}
        if end - start > 120 * DAY_MS or start < self.now() * 1000 - 365 * DAY_MS:
            return {"errcode": 400002, "errmsg": "参数错误: start_time"}
        found = [
            claim.id
            for claim in self.claims.values()
            if claim.process_code == body["process_code"] and start <= claim.created.timestamp() * 1000 <= end
        ]
        size = min(size, self.page)
        # the cursor is opaque: neither a page nor a row number
        at = 0 if not body.get("cursor") else (body["cursor"] - 7) // 3
        page = found[at : at + size]
        if self.repeat_last and at:
            page = [found[at - 1], *page]
        result: dict[str, Any] = {"list": page}
        if at + size < len(found):
            result["next_cursor"] = (at + size) * 3 + 7
        return {"errcode": 0, "errmsg": "ok", "result": result, "request_id": "r"}


def _wrapped(code: str, message: str) -> dict[str, Any]:
    return {
        "errcode": 88,
        "sub_code": code,
        "sub_msg": message,
        "errmsg": f"ding talk error[subcode={code},submsg={message}]",
        "request_id": "r",
    }
