"""DingTalk's approvals, as far as the engine's old-API calls reach them (reference dingtalk.md §2-§4, §9)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import httpx

from dst.history import History
from dst.network import Answer, Call, Handling, Host
from dst.storm import Storm
from engine.clock import SHANGHAI

__all__ = ["Claim", "DingTalk"]

_QUOTA = {"errcode": 88, "sub_code": "90020", "sub_msg": "API调用次数超过本月限制", "errmsg": "quota"}
_BUSY = {"errcode": 88, "sub_code": "90018", "sub_msg": "请求过于频繁", "errmsg": "throttled"}
_TOKEN = {"errcode": 88, "sub_code": "40014", "sub_msg": "不合法的access_token", "errmsg": "token"}
_FREE = ("gettoken", "topapi/v2/user/get")


@dataclass(slots=True)
class Claim:
    """One expense claim. Until `finished` it is running; `outcome` is then agree, refuse or terminate."""

    id: str
    number: str
    created: datetime
    finished: datetime
    outcome: str
    amounts: tuple[Decimal, ...]
    person: str
    biz_action: str = "NONE"
    comments: list[str] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return sum(self.amounts, Decimal(0))

    @property
    def is_due(self) -> bool:
        """Whether it has to become a bill."""
        return self.outcome == "agree" and self.biz_action == "NONE"


class DingTalk(Host):
    """One organisation. `month_limit` is the vendor's own quota; None for none."""

    name = "dingtalk"

    def __init__(
        self,
        history: History,
        storm: Storm,
        random: Random,
        now: Callable[[], datetime],
        month_limit: int | None = None,
        largest_page: int = 20,
    ) -> None:
        self.claims: dict[str, Claim] = {}
        self.month_limit = month_limit
        self.served: Counter[str] = Counter()
        """Metered calls by month (``2026-11``) and by month and interface; those beyond the quota too, which
        it refuses."""
        self._history = history
        self._storm = storm
        self._random = random
        self._now = now
        self._token_now = ""
        self._largest_page = largest_page
        self._made = 0
        self._spent_in = ""

    def add(self, claim: Claim) -> None:
        self.claims[claim.id] = claim

    def describe(self, request: httpx.Request) -> Call:
        path = request.url.path.lstrip("/")
        writes = path.endswith("comment/add")
        return Call(path, dict(request.url.params), request.headers, request.content, writes, not writes)

    def handle(self, call: Call) -> Handling:
        yield 0.0
        if call.path == "gettoken":
            return self._give_token()
        month = f"{self._now().astimezone(SHANGHAI):%Y-%m}"
        if self._storm.strikes("token expired"):
            self._history.fault("token expired", "dingtalk")
            self._token_now = ""
        if call.query.get("access_token") != (self._token_now or None):
            return _json(_TOKEN)
        if self._storm.strikes("throttled"):
            self._history.fault("throttled", "dingtalk")
            return _json(_BUSY)
        if call.path not in _FREE:
            if self._storm.strikes("quota spent"):
                self._history.fault("quota spent", "dingtalk")
                self._spent_in = month
            if self._spent_in == month:
                return _json(_QUOTA)
            self.served[month] += 1
            self.served[f"{month} {call.path}"] += 1
            if self.month_limit is not None and self.served[month] > self.month_limit:
                return _json(_QUOTA)
        return _json(_HANDLERS[call.path](self, json.loads(call.content)))

    # --- what it can be asked -------------------------------------------------------------------------

    def _give_token(self) -> Answer:
        if not self._token_now:
            self._made += 1
            self._token_now = f"token-{self._made:06d}"
        return _json({"errcode": 0, "errmsg": "ok", "access_token": self._token_now, "expires_in": 7200})

    def list_ids(self, body: dict[str, Any]) -> dict[str, Any]:
        start, end = body["start_time"], body["end_time"]
        found = [
            claim.id
            for claim in self.claims.values()
            if start <= claim.created.timestamp() * 1000 < end and claim.created <= self._now()
        ]
        at, size = int(body["cursor"]), min(body["size"], self._largest_page)
        page: list[Any] = found[at : at + size]
        result: dict[str, Any] = {"list": page}
        if len(found) > at + size:
            result["next_cursor"] = at + size
        if page and self._storm.strikes("bad page"):
            self._history.fault("bad page", "dingtalk listids")
            if self._random.random() < 0.5:
                page[self._random.randrange(len(page))] = None
            else:
                del result["list"]
        return {"errcode": 0, "errmsg": "ok", "result": result}

    def instance(self, body: dict[str, Any]) -> dict[str, Any]:
        claim = self.claims.get(body["process_instance_id"])
        if claim is None:
            return {"errcode": 88, "sub_code": "820005", "sub_msg": "审批实例不存在", "errmsg": "none"}
        return {"errcode": 0, "errmsg": "ok", "process_instance": _instance(claim, self._now())}

    def user(self, body: dict[str, Any]) -> dict[str, Any]:
        who = body["userid"]
        return {"errcode": 0, "errmsg": "ok", "result": {"userid": who, "job_number": f"E{who[-4:]}"}}

    def comment(self, body: dict[str, Any]) -> dict[str, Any]:
        inner = body["request"]
        claim = self.claims[inner["process_instance_id"]]
        claim.comments.append(inner["text"])
        self._history.note("COMMENT {} {}", claim.number, inner["text"])
        return {"errcode": 0, "errmsg": "ok", "result": True, "success": True}


_HANDLERS: dict[str, Callable[[DingTalk, dict[str, Any]], dict[str, Any]]] = {
    "topapi/processinstance/listids": DingTalk.list_ids,
    "topapi/processinstance/get": DingTalk.instance,
    "topapi/v2/user/get": DingTalk.user,
    "topapi/process/instance/comment/add": DingTalk.comment,
}


def _instance(claim: Claim, now: datetime) -> dict[str, Any]:
    running = now < claim.finished
    status = "RUNNING" if running else "TERMINATED" if claim.outcome == "terminate" else "COMPLETED"
    instance: dict[str, Any] = {
        "title": f"{claim.person} 提交的费用报销",
        "business_id": claim.number,
        "create_time": _beijing(claim.created),
        "originator_userid": claim.person,
        "originator_dept_id": "575403278",
        "originator_dept_name": "项目部",
        "status": status,
        "result": "" if running or claim.outcome == "terminate" else claim.outcome,
        "biz_action": claim.biz_action,
        "form_component_values": _form(claim),
        "operation_records": [
            {
                "operation_type": "ADD_REMARK",
                "operation_result": "NONE",
                "userid": "finance01",
                "remark": text,
            }
            for text in claim.comments
        ],
    }
    if not running:
        instance["finish_time"] = _beijing(claim.finished)
    return instance


def _form(claim: Claim) -> list[dict[str, Any]]:
    rows = [
        {
            "rowValue": [
                {"label": "费用发生日期", "value": "2026-11-01", "key": "DDDateField_1"},
                {"label": "报销金额(元)", "value": f"{amount}", "key": "MoneyField_1"},
                {"label": "费用明细", "value": "办公费", "key": "TextField_1"},
            ]
        }
        for amount in claim.amounts
    ]
    fields = {
        "费用归属项目": "研发中心",
        "报销类别": "行政报销",
        "行政报销类型": "办公费",
        "项目报销类型": None,
        "总金额": f"{claim.total}",
        "收款账号": "张三",
        "公司帐号付款(如需公司帐号付款请选择)": "电汇",
    }
    plain = [
        {"component_type": "TextField", "id": f"TextField_{index}", "name": name, "value": value}
        for index, (name, value) in enumerate(fields.items())
    ]
    tables = [("报销明细", json.dumps(rows, ensure_ascii=False)), ("项目费用明细", _EMPTY_TABLE)]
    return plain + [
        {"component_type": "TableField", "id": f"TableField_{name}", "name": name, "value": value}
        for name, value in tables
    ]


_EMPTY_TABLE = json.dumps(
    [{"componentName": "DDDateField", "componentType": "DDDateField", "props": {"id": "x", "label": "日期"}}]
)


def _beijing(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _json(body: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(body, ensure_ascii=False).encode())
