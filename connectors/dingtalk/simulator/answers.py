"""How each generation says no (reference §11)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from connectors.dingtalk.simulator.limits import Refusal

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.context import Wrong

__all__ = [
    "banned",
    "new_error",
    "new_refusal",
    "new_throttled",
    "new_wrong",
    "old_answer",
    "old_refusal",
    "old_throttled",
    "old_wrong",
    "reply",
]

_QPS_TEXT = "当前应用调用该接口次数过多，超出了该接口承受的最大qps，请降低调用频率后重试"
_ALL_TEXT = "当前所有钉钉应用调用该接口次数过多"
_QUOTA_TEXT = "企业本月API调用次数已用完"

_OLD = {
    Refusal.MISSING: ("40000", "access_token is blank"),
    Refusal.UNKNOWN: ("40014", "不合法的access_token"),
    Refusal.EXPIRED: ("42001", "access_token已过期"),
    Refusal.QPS: ("90018", _QPS_TEXT),
    Refusal.QUOTA: ("90020", _QUOTA_TEXT),
}
_FORBIDDEN = "Forbidden.AccessDenied"
_NEW = {
    Refusal.MISSING: (400, "AuthenticationFailed.MissingParameter", "缺少参数：x-acs-dingtalk-access-token"),
    Refusal.UNKNOWN: (400, "InvalidAuthentication", "不合法的access_token"),
    Refusal.EXPIRED: (400, "InvalidAuthentication", "不合法的access_token"),
    Refusal.QPS: (403, f"{_FORBIDDEN}.QpsLimitForAppkeyAndApi", _QPS_TEXT),
    Refusal.QUOTA: (403, f"{_FORBIDDEN}.ApiCountLimitForOrg", _QUOTA_TEXT),
}


def reply(body: dict[str, Any], status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", charset="utf-8"
    )


def old_answer(body: dict[str, Any]) -> web.Response:
    """A success of the old interfaces."""
    return reply({"errcode": 0, "errmsg": "ok", **body, "request_id": _old_request_id()})


def old_wrong(wrong: Wrong) -> web.Response:
    """An old interface's own error, with HTTP 200."""
    return reply({"errcode": wrong.code, "errmsg": wrong.message, "request_id": _old_request_id()})


def old_refusal(refusal: Refusal, api: str) -> web.Response:
    """The gateway's refusal: the cause is wrapped in 88, with HTTP 200."""
    code, text = _OLD[refusal]
    if refusal is Refusal.QPS:
        text = f"{text}, apiPath(dingtalk.oapi{api.removeprefix('/topapi').replace('/', '.')})"
    return _wrapped(code, text)


def old_throttled(api: str, turn: int) -> web.Response:
    """One call too many: for this app or for all of them, wrapped or bare, since all were seen (§13.4)."""
    if turn % 3 == 1:
        return old_refusal(Refusal.QPS, api)
    path = f"dingtalk.oapi{api.removeprefix('/topapi').replace('/', '.')}"
    text = f"{_ALL_TEXT}, apiPath({path})"
    if turn % 3 == 0:
        return reply({"errcode": 90002, "errmsg": text, "request_id": _old_request_id()})
    return _wrapped("90002", text)


def _wrapped(code: str, text: str) -> web.Response:
    message = f"ding talk error[subcode={code},submsg={text}]"
    body = {"errcode": 88, "sub_code": code, "sub_msg": text, "errmsg": message}
    return reply({**body, "request_id": _old_request_id()})


def new_throttled(turn: int) -> web.Response:
    """One call too many, for this app or for all of them."""
    if turn % 2:
        return new_refusal(Refusal.QPS)
    return new_error(403, f"{_FORBIDDEN}.QpsLimitForApi", _ALL_TEXT)


def new_error(status: int, code: str, message: str) -> web.Response:
    """Any error of the v1.0 interfaces."""
    return reply({"code": code, "requestid": str(uuid.uuid4()).upper(), "message": message}, status)


def new_wrong(wrong: Wrong) -> web.Response:
    """A v1.0 interface's own error."""
    return new_error(400, str(wrong.code), wrong.message)


def new_refusal(refusal: Refusal) -> web.Response:
    """The gateway's refusal of a v1.0 call."""
    return new_error(*_NEW[refusal])


def banned() -> web.Response:
    """What an address gets that is shut out for five minutes."""
    return reply({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": uuid.uuid4().hex})


def _old_request_id() -> str:
    return uuid.uuid4().hex[:13]
