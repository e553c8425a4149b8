"""What a Kingdee answer says: readable or not, the status inside, whose error is whose.

Business failures come as HTTP 200 with ``Result.ResponseStatus.IsSuccess`` false; a failed query has the same
object two lists deep. Nothing here decides what the engine does about it (see `verdicts`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.connector.messages import Replied

_SHORT_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_SHORT = 10**18

__all__ = ["Code", "Done", "Problem", "Status", "Unreadable", "read_body", "read_status", "with_texts"]

_SESSION_TEXTS = (
    "会话信息已丢失",
    "会话已丢失",
    "会话已过期",
    "重新登录",
    "session has been lost",
    "session lost",
)


class Code:
    """``MsgCode`` values (names from a published wrapper of the vendor's manual)."""

    SESSION_LOST = 1
    NO_PERMISSION = 2
    NO_OPERATION = 3
    EXCEPTION = 4
    NO_FORM = 5
    DATABASE = 6
    LICENCE = 7
    BAD_ARGUMENT = 8
    UNKNOWN_FIELD = 9
    NOT_FOUND = 10
    VALIDATION = 11
    LOCKED = 13
    CALL_LIMIT = 14
    ADMIN_LOGIN = 15

    WHOLE_CALL = frozenset(
        {NO_PERMISSION, NO_OPERATION, NO_FORM, LICENCE, BAD_ARGUMENT, UNKNOWN_FIELD, ADMIN_LOGIN}
    )
    """Codes that speak of the call or the set-up, not of one document."""


class Unreadable(Exception):
    """The answer cannot be trusted at all: another status than 200, empty, HTML, broken JSON."""

    def __init__(self, message: str, *, status: int, html: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.html = html


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of ``Errors``. `index` is None where the server names no document."""

    message: str
    field: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """One entry of ``SuccessEntitys``; `id` and `number` are '' where the server leaves them out."""

    id: str
    number: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """A ``ResponseStatus``, tidied: lists never None, ids as text, booleans as booleans."""

    success: bool
    code: int | None
    problems: tuple[Problem, ...]
    done: tuple[Done, ...]

    @property
    def session_lost(self) -> bool:
        """Refused before anything ran, for want of a session: by ``MsgCode`` first, by the text second."""
        if self.success or self.done:
            return False
        if self.code == Code.SESSION_LOST:
            return True
        if self.code not in (None, 0):
            return False
        return any(text in problem.message.lower() for problem in self.problems for text in _SESSION_TEXTS)

    @property
    def message(self) -> str:
        """All error texts, each once."""
        texts = dict.fromkeys(problem.message for problem in self.problems if problem.message)
        return "；".join(texts) or tr("Kingdee gave no reason (MsgCode {code})", code=self.code)


def read_body(response: Replied) -> Any:
    """The parsed JSON of an answer (numbers with a point are Decimals). Raises Unreadable.

    200 and 206 count as answered, as in the SDK. A JSON text that itself holds JSON, as some native services
    give, is unpacked once.
    """
    status = response.status_code
    if status not in (200, 206):
        raise Unreadable(tr("HTTP status {status}", status=status), status=status)
    text = _text(response, status)
    if not text:
        raise Unreadable(tr("an empty answer"), status=status)
    if text.startswith("response_error:"):
        shown = text.removeprefix("response_error:").strip()[:300]
        raise Unreadable(tr("response_error: {text}", text=shown), status=status)
    if text.startswith("<"):
        raise Unreadable(tr("an HTML page instead of JSON"), status=status, html=True)
    body = _parse(text, status)
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")):
        body = _parse(body, status)
    return body


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same answer with every text changed, e.g. without the secrets that an error might quote."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [with_texts(entry, change) for entry in value]
    if isinstance(value, dict):
        return {key: with_texts(entry, change) for key, entry in value.items()}
    return value


def read_status(body: Any) -> Status | None:
    """The status in an answer, wherever it stands; the failed one when there are several; None without any.

    Shapes seen: ``{"Result": {"ResponseStatus": …}}``, the same two lists deep (queries), and bare
    ``{"ResponseStatus": …}``.
    """
    statuses = [_status(found) for found in _walk(body)]
    failed = [status for status in statuses if not status.success]
    return next(iter(failed or statuses), None)


def _text(response: Replied, status: int) -> str:
    try:
        return response.content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Unreadable(tr("an answer that is not UTF-8"), status=status) from error


def _parse(text: str, status: int) -> Any:
    try:
        return jsontext.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(tr("an answer that is not JSON"), status=status) from error


def _walk(body: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Status objects within a few levels; the cells of a query's rows are never descended into."""
    if depth > 4:
        return
    if isinstance(body, list):
        for entry in body:
            if isinstance(entry, (list, dict)):
                yield from _walk(entry, depth + 1)
    elif isinstance(body, dict):
        status = body.get("ResponseStatus")
        if isinstance(status, dict):
            yield status
        result = body.get("Result")
        if isinstance(result, (dict, list)):
            yield from _walk(result, depth + 1)


def _status(raw: Mapping[str, Any]) -> Status:
    return Status(
        success=_truth(raw.get("IsSuccess")),
        code=_integer(raw.get("MsgCode")),
        problems=tuple(
            Problem(_word(entry.get("Message")), _word(entry.get("FieldName")), _integer(entry.get("DIndex")))
            for entry in _entries(raw.get("Errors"))
        ),
        done=tuple(
            Done(_word(entry.get("Id")), _word(entry.get("Number")), _integer(entry.get("DIndex")))
            for entry in _entries(raw.get("SuccessEntitys"))
        ),
    )


def _entries(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _word(value: Any) -> str:
    if type(value) is str:
        return value.strip()
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _integer(value: Any) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    if type(value) is int and 0 <= value < _SHORT:
        return value
    text = str(value).strip()
    return int(text) if _SHORT_NUMBER.fullmatch(text) else None


def _truth(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
