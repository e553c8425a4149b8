"""AuthService: the ways to log in, in all body forms, and what the server answers (reference §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.sessions import Account, Session
from connectors.kingdee.simulator.settings import SiteSettings

__all__ = ["LOGINS", "Login", "logged_in", "refused"]

Check = Callable[[Account, Mapping[str, str], SiteSettings], str | None]


@dataclass(frozen=True, slots=True)
class Login:
    """One way: its positional arguments, and a check that says what is wrong, or None."""

    arguments: tuple[str, ...]
    check: Check
    kicks: bool = False

    def read(self, body: Body) -> dict[str, str]:
        return body.positional(*self.arguments)


def _known(account: Account, given: Mapping[str, str]) -> str | None:
    if given["acctID"] != account.acct_id:
        return "数据中心不存在，请检查数据中心ID"
    if given["username"] != account.username:
        return "用户名或密码错误"
    return None


def _password(account: Account, given: Mapping[str, str], settings: SiteSettings) -> str | None:
    wrong = _known(account, given)
    return wrong or (None if given["password"] == account.password else "用户名或密码错误")


def _app_secret(account: Account, given: Mapping[str, str], settings: SiteSettings) -> str | None:
    wrong = _known(account, given)
    right = given["appId"] == account.app_id and given["appSecret"] == account.app_secret
    return wrong or (None if right else "应用ID或应用密钥错误")


def _sign(account: Account, given: Mapping[str, str], settings: SiteSettings) -> str | None:
    wrong = _known(account, given)
    if wrong is not None:
        return wrong
    if given["appId"] != account.app_id:
        return "应用ID不存在"
    if len(given["timestamp"]) > 11 or not given["timestamp"].isdecimal():
        return "时间戳格式不正确，单位应为秒"
    algorithms = ("sha256", "sha1") if settings.sha1 else ("sha256",)
    return None if account.signs(given["sign"], given["timestamp"], algorithms) else "签名验证失败"


def _ways() -> dict[str, Login]:
    plain: dict[str, tuple[tuple[str, ...], Check]] = {
        "validateuser": (("acctID", "username", "password"), _password),
        "loginbyappsecret": (("acctID", "username", "appId", "appSecret"), _app_secret),
        "loginbysign": (("acctID", "username", "appId", "timestamp", "sign"), _sign),
    }
    ways = {name: Login((*names, "lcid"), check) for name, (names, check) in plain.items()}
    kicking = {
        f"{name}2": Login((*names, "isKickOff", "lcid"), check, kicks=True)
        for name, (names, check) in plain.items()
    }
    return {**ways, **kicking}


LOGINS: Mapping[str, Login] = _ways()
"""By lower-case method name."""


def logged_in(session: Session, account: Account, *, reminder: bool = False) -> dict[str, Any]:
    """The answer to a login that went well. With `reminder`, an interactive user would see a form first:
    LoginResultType is -5 and the session is told by its cookies alone."""
    context = {
        "SessionId": session.web_id,
        "UserId": session.user_id,
        "UserName": session.user,
        "DBid": account.acct_id,
        "DataCenterNumber": "01",
        "UserLocale": "zh-CN",
        "CurrentOrganizationInfo": {"ID": 11001, "Name": "星河智联科技有限公司"},
    }
    if reminder:
        shown = {"FormId": "BOS_CloudInspection", "Context": context}
        return {**_ANSWER, **shown, "LoginResultType": -5, "IsSuccessByAPI": True}
    ids = {"KDSVCSessionId": session.id, "Context": context}
    return {**_ANSWER, **ids, "LoginResultType": 1, "IsSuccessByAPI": True}


def refused(message: str) -> dict[str, Any]:
    """The answer to a login that did not; HTTP 200 as well."""
    said = {"Message": message, "MessageCode": "CheckPasswordFailed"}
    return {**_ANSWER, **said, "LoginResultType": 0, "IsSuccessByAPI": False}


_ANSWER: Mapping[str, Any] = {
    "Message": None,
    "MessageCode": None,
    "LoginResultType": 0,
    "IsSuccessByAPI": False,
    "KDSVCSessionId": None,
    "Context": None,
    "FormId": None,
    "RedirectFormParam": None,
    "FormInputObject": None,
    "ErrorStackTrace": None,
    "Lcid": 0,
    "AccessToken": None,
    "KdAccessResult": None,
    "CustomParam": {},
}
