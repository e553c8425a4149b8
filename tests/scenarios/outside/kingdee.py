"""A K/3Cloud made from its documents alone: two ways in, bills saved and moved, ExecuteBillQuery."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from aiohttp import web
from outside_filters import BadFilter, compile_filter
from outside_serving import Fault, Server, hang_up

_KEY = b"0054f397c6234378b09ca7d3e5debce7"
_LOST = "会话信息已丢失，请重新登录"
_CODES = (
    *("100", "PRE001", "FKDLX02_SYS", "SFKYT10_SYS", "JSFS04_SYS", "JSFS01_SYS"),
    *("FYXM99_SYS", "FYXM01_SYS", "FYXM05_SYS"),
)
_REQUIRED = (
    "FBillTypeID",
    "FPAYORGID",
    "FDATE",
    "FCONTACTUNITTYPE",
    "FCONTACTUNIT",
    "FRECTUNITTYPE",
    "FRECTUNIT",
    "FCURRENCYID",
    "FSETTLECUR",
)
_HEADER_CODES = (
    "FBillTypeID",
    "FPAYORGID",
    "FSETTLEORGID",
    "FCONTACTUNIT",
    "FRECTUNIT",
    "FCURRENCYID",
    "FSETTLECUR",
    "FDepartment",
)
_HEADER_PLAIN = ("FDATE", "FREMARK", "FCONTACTUNITTYPE", "FRECTUNITTYPE", "FTHIRDBILLNO")
_ROW_CODES = ("FCOSTID", "FSETTLETYPEID", "FPURPOSEID")
_ROW_PLAIN = (
    "FPAYTOTALAMOUNTFOR",
    "FPAYAMOUNTFOR_E",
    "FCOMMENT",
    "FREALPAYAMOUNTFOR_D",
    "FSETTLEPAYAMOUNTFOR",
)


class Kingdee(Server):
    """Bills in a list, in the order in which they were saved; a bill is a dict with its `model`."""

    def __init__(self) -> None:
        super().__init__()
        self.acct_id = "acct-outside"
        self.username = "integration"
        self.password = "CANARY-kd pass&word/8"
        self.app_id = "200001_" + base64.b64encode(bytes(range(40, 64))).decode()
        self.app_secret = "CANARYsecret0123456789abcdef0000"
        self.codes = set(_CODES)
        self.unique = True
        self.bills: list[dict[str, Any]] = []
        self.sessions: set[str] = set()
        self.refuse: dict[tuple[str, str], str] = {}
        self.logins = 0
        self.unsigned = 0
        self.number_as: str | None = None
        self.closed_before = ""
        self.closed_at_save = ""
        self._next = 100001

    # --- what tests ask -----------------------------------------------------------------------------

    def numbers(self) -> Counter[str]:
        return Counter(bill["number"] for bill in self.bills)

    def totals(self) -> dict[str, Decimal]:
        return {bill["number"]: total(bill["model"]) for bill in self.bills}

    def statuses(self) -> Counter[str]:
        return Counter(bill["status"] for bill in self.bills)

    def put(self, model: dict[str, Any], status: str = "A") -> dict[str, Any]:
        """Save a bill, however it came here."""
        number = str(model.get("FBillNo") or f"FKD{self._next:08d}")
        bill = {"id": self._next, "number": number, "status": status, "model": model}
        self._next += 1
        self.bills.append(bill)
        return bill

    # --- wire -----------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        found = re.search(r"\.(\w+)\.common\.kdsvc$", request.path, re.IGNORECASE)
        raw = await request.read()
        if not found:
            return web.Response(status=404, text="not found")
        method = found[1].lower()
        if "authservice" in request.path.lower():
            return self._login(method, raw)
        body = json.loads(raw, parse_float=Decimal)
        self.log.append((method, body))
        session = self._session(request)
        if session is None:
            self.unsigned += 1
            return _json(_wrap(method, failure(_LOST, code=1)))
        fault = self.strike(method)
        if fault and (early := await self._before(fault, method, body, request)) is not None:
            return early
        answer = self._effect(method, body)
        if fault:
            late = await self._after(fault, answer, request)
            if late is not None:
                return late
        response = _json(answer)
        if request.headers.get("X-Kd-Signature"):
            response.set_cookie("kdservice-sessionid", session, path="/")
            response.set_cookie("ASP.NET_SessionId", session[::-1], path="/", httponly=True)
        return response

    async def _before(
        self, fault: Fault, method: str, body: Any, request: web.Request
    ) -> web.StreamResponse | None:
        match fault.kind:
            case "kill_before":
                self.on_kill()
                await asyncio.sleep(0.05)
                return hang_up(request)
            case "kill_late":  # the client dies while its request is still being worked on
                self.on_kill()
                self.later(fault.arg or 0.5, lambda: self._effect(method, body))
                await asyncio.sleep(0.05)
                return hang_up(request)
            case "drop_before":
                return hang_up(request)
            case "late":  # hangs up at once; the work goes on and ends later
                self.later(fault.arg, lambda: self._effect(method, body))
                return hang_up(request)
            case "slow_late":  # the client gives up first
                self.later(fault.arg, lambda: self._effect(method, body))
                await asyncio.sleep(fault.arg)
                return hang_up(request)
            case "500_before":
                return web.Response(status=500, text="Server Error")
            case "html_before":
                return web.Response(text="<html><body>登录</body></html>", content_type="text/html")
            case "empty_before":
                return web.Response(text="")
            case "lost":
                self.sessions.clear()
                return _json(_wrap(method, failure(_LOST, code=1)))
            case "refuse_all":
                return _json(failure(fault.arg, code=11))
            case "json":
                return _json(fault.arg)
            case "do":
                fault.arg()
        return None

    async def _after(self, fault: Fault, answer: Any, request: web.Request) -> web.StreamResponse | None:
        match fault.kind:
            case "kill_after":
                self.on_kill()
                await asyncio.sleep(0.05)
                return hang_up(request)
            case "drop_after":
                return hang_up(request)
            case "500_after":
                return web.Response(status=502, text="Bad Gateway")
            case "html_after":
                return web.Response(text="<html>busy</html>", content_type="text/html")
            case "empty_after":
                return web.Response(text="")
            case "garbage_after":
                return web.Response(
                    text='{"Result":{"ResponseStatus":{"IsSucc', content_type="application/json"
                )
            case "edit":
                return _json(fault.arg(answer))
        return None

    # --- ways in --------------------------------------------------------------------------------------

    def _login(self, method: str, raw: bytes) -> web.StreamResponse:
        body = json.loads(raw)
        given = list(body["parameters"]) if "parameters" in body else None
        if given is None:
            low = {key.lower(): value for key, value in body.items()}
            given = [low.get("acctid"), low.get("username"), low.get("password"), low.get("lcid")]
        self.logins += 1
        good = method == "validateuser" and given[:3] == [self.acct_id, self.username, self.password]
        session = secrets.token_hex(16)
        answer = {
            "Message": None if good else "用户名或密码错误",
            "MessageCode": None,
            "LoginResultType": 1 if good else 0,
            "IsSuccessByAPI": good,
            "KDSVCSessionId": session if good else None,
            "Context": {"UserName": self.username} if good else None,
            "Lcid": 0,
        }
        response = _json(answer)
        if good:
            self.sessions.add(session)
            response.set_cookie("kdservice-sessionid", session, path="/")
            response.set_cookie("ASP.NET_SessionId", session[::-1], path="/", httponly=True)
        return response

    def _session(self, request: web.Request) -> str | None:
        if "X-Kd-Signature" in request.headers:
            return self._signed(request)
        for given in (request.headers.get("kdservice-sessionid"), request.cookies.get("kdservice-sessionid")):
            if given in self.sessions:
                return given
        return None

    def _signed(self, request: web.Request) -> str | None:
        """Check both signatures, as the gateway and the product do."""
        head = request.headers
        app_data = base64.b64decode(head["X-Kd-Appdata"]).decode()
        client, part = self.app_id.split("_")
        stamp, nonce = head["x-api-timestamp"], head["x-api-nonce"]
        seconds = int(stamp) / (1000 if len(stamp) > 11 else 1)
        wanted = [self.acct_id, self.username]
        if head["X-Kd-Appkey"] != self.app_id or app_data.split(",")[:2] != wanted:
            return None
        if abs(seconds - time.time() - self.offset) > 600 or head["X-Api-ClientID"] != client:
            return None
        secret = base64.b64encode(bytes(a ^ b for a, b in zip(base64.b64decode(part), _KEY, strict=False)))
        path = quote(request.raw_path, safe="")
        text = f"POST\n{path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{stamp}\n"
        if head["X-Api-Signature"] != _mac(text, secret):
            return None
        if head["X-Kd-Signature"] != _mac(self.app_id + app_data, self.app_secret.encode()):
            return None
        given = head.get("kdservice-sessionid") or request.cookies.get("kdservice-sessionid")
        if given:
            return given if given in self.sessions else None
        session = secrets.token_hex(16)
        self.sessions.add(session)
        return session

    # --- effects --------------------------------------------------------------------------------------

    def _effect(self, method: str, body: dict[str, Any]) -> Any:
        data = body.get("data") or body["parameters"][-1]
        if isinstance(data, str):
            data = json.loads(data, parse_float=Decimal)
        match method:
            case "batchsave":
                return self._save(data)
            case "submit":
                return self._move(data, method, "ZAD", "B", "提交")
            case "audit":
                return self._move(data, method, "B", "C", "审核")
            case "cancelassign":
                return self._move(data, method, "B", "A", "审核或未提交")
            case "delete":
                return self._move(data, method, "ZAD", "", "提交或审核，不能删除")
            case "executebillquery":
                return self._query(data)
        return failure("未知的服务", code=4)

    def _save(self, data: dict[str, Any]) -> dict[str, Any]:
        good, bad = [], []
        for index, model in enumerate(data["Model"]):
            errors = self._refusals(model, str(data.get("IsVerifyBaseDataField", "")).lower() == "true")
            if errors:
                bad += [{"FieldName": name, "Message": text, "DIndex": index} for name, text in errors]
                continue
            bill = self.put(model)
            number = self.number_as or bill["number"]
            good.append({"Id": bill["id"], "Number": number, "DIndex": index})
        return _status(good, bad)

    def _refusals(self, model: dict[str, Any], verify: bool) -> list[tuple[str, str]]:
        errors = [(key, f"字段“{key}”是必填项") for key in _REQUIRED if not model.get(key)]
        if not model.get("FPAYBILLENTRY"):
            errors.append(("FPAYBILLENTRY", "单据体实体【付款单明细】是必填项"))
        if verify:
            used = [(key, model[key]) for key in _HEADER_CODES if key in model]
            used += [
                (key, row[key]) for row in model.get("FPAYBILLENTRY", []) for key in _ROW_CODES if key in row
            ]
            errors += [
                (key, f"字段“{key}”的编码“{code(value)}”不存在")
                for key, value in used
                if code(value) not in self.codes
            ]
        if str(model.get("FDATE"))[:10] < self.closed_at_save:
            errors.append(("FDATE", "业务日期所在期间已结账"))
        number = model.get("FBillNo")
        if self.unique and number and any(bill["number"] == number for bill in self.bills):
            errors.append(("FBillNo", f"违反字段唯一性要求：编码唯一。[{number}]在当前系统中已经被使用。"))
        return errors

    def _move(self, data: dict[str, Any], method: str, before: str, after: str, word: str) -> dict[str, Any]:
        ids = [part for part in str(data.get("Ids") or "").split(",") if part]
        numbers = list(data.get("Numbers") or [])
        good, bad = [], []
        for index, wanted in enumerate(ids or numbers):
            key = "id" if ids else "number"
            bill = next((bill for bill in self.bills if str(bill[key]) == str(wanted)), None)
            if bill is None:
                bad.append({"FieldName": None, "Message": f"单据“{wanted}”不存在", "DIndex": index})
            elif (method, bill["number"]) in self.refuse:
                text = self.refuse[method, bill["number"]]
                bad.append(
                    {
                        "FieldName": None,
                        "Message": f"单据编号为“{bill['number']}”的付款单，{text}",
                        "DIndex": index,
                    }
                )
            elif method == "audit" and str(bill["model"].get("FDATE"))[:10] < self.closed_before:
                text = f"单据编号为“{bill['number']}”的付款单，业务日期所在的会计期间已关闭，不允许审核！"
                bad.append({"FieldName": None, "Message": text, "DIndex": index})
            elif bill["status"] not in before:
                text = f"单据编号为“{bill['number']}”的付款单，单据已经{word}！"
                bad.append({"FieldName": None, "Message": text, "DIndex": index})
            else:
                bill["status"] = after
                if not after:
                    self.bills.remove(bill)
                good.append({"Id": bill["id"], "Number": bill["number"], "DIndex": index})
        return _status(good, bad)

    def _query(self, data: dict[str, Any]) -> Any:
        keys = [key.strip() for key in data["FieldKeys"].split(",")]
        known = {"FID", "FBillNo", "FDocumentStatus", *_HEADER_PLAIN, *_ROW_PLAIN, "FPAYBILLENTRY_FEntryID"}
        known |= (
            {f"{key}.FNumber" for key in (*_HEADER_CODES, *_ROW_CODES)} | set(_HEADER_CODES) | set(_ROW_CODES)
        )
        if any("cancelled" in bill for bill in self.bills):
            known.add("FCancelStatus")  # a site that has no use for it does not know it
        for key in keys:
            if key not in known:
                return [[failure(f"元数据中标识为{key}的字段不存在", code=9)]]
        by_row = any(
            key.split(".")[0] in (*_ROW_PLAIN, *_ROW_CODES, "FPAYBILLENTRY_FEntryID") for key in keys
        )
        try:
            test = compile_filter(data.get("FilterString") or "")
            rows = [row for bill in self.bills for row in _rows(bill, by_row) if test(row)]
        except (BadFilter, KeyError) as error:
            return [[failure(f"过滤条件错误 {error}", code=8)]]
        start, limit = int(data.get("StartRow") or 0), min(int(data.get("Limit") or 2000), 2000)
        if data.get("TopRowCount"):
            rows = rows[: int(data["TopRowCount"])]
        return [[_cell(row, key) for key in keys] for row in rows[start : start + limit]]


def total(model: dict[str, Any]) -> Decimal:
    return sum((Decimal(str(row["FPAYTOTALAMOUNTFOR"])) for row in model["FPAYBILLENTRY"]), Decimal(0))


def code(value: Any) -> str:
    """The code of a base-data field, whichever way its key is spelt."""
    if isinstance(value, dict):
        return str(next((text for key, text in value.items() if key.lower() == "fnumber"), ""))
    return str(value)


def _rows(bill: dict[str, Any], by_row: bool) -> list[dict[str, str]]:
    model = bill["model"]
    head = {"FID": str(bill["id"]), "FBillNo": bill["number"], "FDocumentStatus": bill["status"]}
    head |= {key: str(model.get(key, "")) for key in _HEADER_PLAIN}
    head["FCancelStatus"] = "B" if bill.get("cancelled") else "A"
    for key in _HEADER_CODES:
        head[f"{key}.FNumber"] = code(model.get(key, ""))
        head[key] = str(len(code(model.get(key, ""))) * 7919)  # an internal id
    if not by_row:
        return [head]
    rows = []
    for n, row in enumerate(model.get("FPAYBILLENTRY", [])):
        cells = {
            key: str(row.get(key, "0" if key.startswith("F") and "AMOUNT" in key else ""))
            for key in _ROW_PLAIN
        }
        codes = {f"{key}.FNumber": code(row.get(key, "")) for key in _ROW_CODES}
        rows.append({**head, **cells, **codes, "FPAYBILLENTRY_FEntryID": str(bill["id"] * 100 + n)})
    return rows


def _cell(row: dict[str, str], key: str) -> Any:
    text = row[key]
    if key in ("FID", "FPAYBILLENTRY_FEntryID"):
        return int(text)
    return float(text) if "AMOUNT" in key else text


def _mac(text: str, key: bytes) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).hexdigest().encode()).decode()


def _status(good: list[dict[str, Any]], bad: list[dict[str, Any]]) -> dict[str, Any]:
    status: dict[str, Any] = {
        "IsSuccess": not bad,
        "Errors": bad,
        "SuccessEntitys": good,
        "SuccessMessages": [],
        "MsgCode": 11 if bad else 0,
    }
    if bad:
        status["ErrorCode"] = 500
    return {"Result": {"ResponseStatus": status, "NeedReturnData": [{} for _ in good]}}


def failure(message: str, *, code: int) -> dict[str, Any]:
    errors = [{"FieldName": None, "Message": message, "DIndex": 0}]
    status = {
        "ErrorCode": 500,
        "IsSuccess": False,
        "Errors": errors,
        "SuccessEntitys": [],
        "SuccessMessages": [],
        "MsgCode": code,
    }
    return {"Result": {"ResponseStatus": status}}


def _wrap(method: str, answer: Any) -> Any:
    return [[answer]] if method == "executebillquery" else answer


def _json(value: Any) -> web.Response:
    return web.Response(
        text=json.dumps(value, ensure_ascii=False, default=str), content_type="application/json"
    )
