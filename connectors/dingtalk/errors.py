"""What an answer of DingTalk means, by its code: HTTP says 200 for every failure of the old API, and 403 for
two quite different ones of the new.

Codes and their meanings: pages server-api-error-codes-1 and
how-to-process-api-throttling-on-the-dingtalk-server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.errors import FailureClass
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.messages import Replied

__all__ = ["Kind", "Problem", "Refusal", "read_answer"]


class Kind(Enum):
    """What can be done about a failure."""

    TOKEN = "token"  # fetch a new one, once
    THROTTLED = "throttled"  # wait, then again; it was not run
    QUOTA = "quota"  # wait for the next month
    BANNED = "banned"  # this address is shut out for five minutes
    BUSY = "busy"  # again; nobody knows whether it was run
    PERMISSION = "permission"
    ADDRESS = "address"  # this machine's address is not on the app's list
    CREDENTIALS = "credentials"
    NO_SUCH_PERSON = "no such person"  # nor department
    INSTANCE = "instance"
    PARAMETER = "parameter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure that DingTalk reports. `after`: seconds to wait; `body`: the answer, where it was JSON."""

    kind: Kind
    code: str
    text: str
    after: float | None = None
    body: Any = None

    @property
    def message(self) -> str:
        return tr("DingTalk says {text} ({code})", text=self.text or "-", code=self.code)

    @property
    def failure(self) -> FailureClass:
        """The class of a record that fails for this."""
        return _FAILURES.get(self.kind, FailureClass.DATA)


class Refusal(Exception):
    """DingTalk will not do this, and asking again would not help."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


_FAILURES = {
    Kind.TOKEN: FailureClass.TRANSIENT,
    Kind.THROTTLED: FailureClass.TRANSIENT,
    Kind.BUSY: FailureClass.TRANSIENT,
    Kind.BANNED: FailureClass.TRANSIENT,
    Kind.QUOTA: FailureClass.LIMIT,
    Kind.PERMISSION: FailureClass.CREDENTIALS,
    Kind.CREDENTIALS: FailureClass.CREDENTIALS,
    Kind.ADDRESS: FailureClass.CONFIGURATION,
}

_BY_CODE: dict[str, Kind] = {
    **dict.fromkeys(("40014", "42001", "40001", "33001", "InvalidAuthentication"), Kind.TOKEN),
    **dict.fromkeys(("90018", "90002"), Kind.THROTTLED),
    **dict.fromkeys(("90001", *(str(code) for code in range(90003, 90018))), Kind.THROTTLED),
    "90020": Kind.QUOTA,
    **dict.fromkeys(("-1", "systemError", "unknownError", "internalError", "ServiceUnavailable"), Kind.BUSY),
    **dict.fromkeys(("60011", "AccessTokenPermissionDenied"), Kind.PERMISSION),
    **dict.fromkeys(("60020", "IpNotInWhiteList"), Kind.ADDRESS),
    **dict.fromkeys(
        ("40096", "40089", "invalidClientIdOrSecret", "invalid.client", "unauthorized.client"),
        Kind.CREDENTIALS,
    ),
    **dict.fromkeys(("33012", "40003", "60121", "60003", "userNotExist"), Kind.NO_SUCH_PERSON),
    **dict.fromkeys(
        (
            "820005",
            "820006",
            "processInstanceIdError",
            "processInstanceNotExist",
            "processFormDataIsNull",
            "aflowProcessInstNotExist",
            "aflowProcessInstCanNotBeExecuted",
            "invalidInstanceId",
        ),
        Kind.INSTANCE,
    ),
    **dict.fromkeys(("40035", "400002", "invalidParameter"), Kind.PARAMETER),
}

# The new API's throttling codes carry a prefix and come with HTTP 403, as a missing permission does.
_BY_PART: tuple[tuple[str, Kind, float | None], ...] = (
    ("QpsLimit", Kind.THROTTLED, 1.0),
    ("QpmLimit", Kind.THROTTLED, 60.0),
    ("ApiCountLimit", Kind.QUOTA, None),
    ("AccessTokenPermissionDenied", Kind.PERMISSION, None),
    ("IpNotInWhiteList", Kind.ADDRESS, None),
)
_SUB = re.compile(r"subcode=(-?\w+)\s*,\s*submsg=(.*?)\]?$", re.DOTALL)
_SHORT_LIMITS = ("90018", "90002")
_CODE = re.compile(r"-?[\w.:-]{1,100}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_LONGEST_TEXT = 500


def read_answer(response: Replied) -> tuple[dict[str, Any], Problem | None]:
    """The answer's body, and what went wrong, or None; for either API generation. Never raises."""
    try:
        body = jsontext.loads(response.content)
    except (ValueError, RecursionError):
        return {}, _unreadable(response)
    if not isinstance(body, dict):
        return {}, Problem(Kind.BUSY, str(response.status_code), tr("no JSON object in the answer"))
    if body.get("status") == 1111 or (body.get("punish") and "uuid" in body):
        return body, Problem(Kind.BANNED, "1111", tr("this machine's address is shut out"), body=body)
    if "errcode" in body:
        return body, _old_problem(body)
    if response.status_code >= 400 or ("code" in body and "message" in body and "result" not in body):
        return body, _new_problem(response.status_code, body)
    if str(body.get("success", "true")).lower() == "false":
        return body, _new_problem(500, body)
    return body, None


def _unreadable(response: Replied) -> Problem:
    status = str(response.status_code)
    text = response.content[:4096].decode("utf-8", "replace")
    if '"punish"' in text or re.search(r'"status"\s*:\s*1111\b', text):
        return Problem(Kind.BANNED, "1111", tr("this machine's address is shut out"))
    if text.lstrip().startswith("<"):
        return Problem(Kind.BUSY, status, tr("a web page came instead of an answer"))
    return Problem(Kind.BUSY, status, tr("no readable answer came") if text else tr("an empty answer came"))


def _old_problem(body: dict[str, Any]) -> Problem | None:
    """Old API: `errcode` 0 is success; 88 wraps the real cause in `sub_code`, or in the text alone."""
    code = _code_of(body["errcode"])
    if not _NUMBER.fullmatch(code):
        return _strange(body)
    if code == "0":
        return None
    text = _text_of(body.get("errmsg"))
    found = _SUB.search(text)
    if body.get("sub_code"):
        code, text = _code_of(body["sub_code"]), _text_of(body.get("sub_msg")) or text
    elif code == "88" and found:
        code, text = found[1], found[2]
    if not code:
        return _strange(body)
    kind = _BY_CODE.get(code, Kind.OTHER)
    after = None
    if kind is Kind.THROTTLED:
        after = 1.0 if code in _SHORT_LIMITS else 30.0
    return Problem(kind, code, text, after, body)


def _new_problem(status: int, body: dict[str, Any]) -> Problem:
    code = _code_of(body.get("code") or status)
    if not code:
        return _strange(body)
    text = _text_of(body.get("message") or body.get("msg"))
    detail = body.get("accessdenieddetail")
    if isinstance(detail, dict) and detail.get("requiredScopes"):
        text = f"{text} {detail['requiredScopes']}"[:_LONGEST_TEXT]
    for part, kind, after in _BY_PART:
        if part in code:
            return Problem(kind, code, text, after, body)
    found = _BY_CODE.get(code)
    if found is None and status == 401:
        found = Kind.TOKEN
    if found is None and (status >= 500 or status == 429):
        found = Kind.BUSY if status >= 500 else Kind.THROTTLED
    if found is None and code.startswith("invalid"):
        found = Kind.PARAMETER
    return Problem(found or Kind.OTHER, code, text, None, body)


def _strange(body: dict[str, Any]) -> Problem:
    """A code that no system gives: whatever spoilt it, nobody can say from this what was done."""
    return Problem(Kind.BUSY, "?", tr("no readable answer came"), body=body)


def _code_of(value: Any) -> str:
    """A code as text; '' for what is none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if _CODE.fullmatch(text) else ""


def _text_of(value: Any) -> str:
    """A message; it is told and kept, so that it may not be as long as it likes."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""
