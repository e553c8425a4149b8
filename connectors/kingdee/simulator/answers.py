"""What Kingdee says: the envelope of its answers, its codes, and refusals as an exception.

Business failures are HTTP 200 with ``Result.ResponseStatus.IsSuccess`` false (reference §1, §5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

__all__ = [
    "SESSION_LOST",
    "MsgCode",
    "Outcome",
    "Problem",
    "Refusal",
    "failed",
    "nested",
    "status",
    "succeeded",
]

SESSION_LOST = "会话信息已丢失，请重新登录"


class MsgCode(IntEnum):
    """The vendor's classes of failure, as far as they are known (reference §5)."""

    NONE = 0
    SESSION_LOST = 1
    NO_PERMISSION = 2
    NO_OPERATION = 3
    EXCEPTION = 4
    NO_FORM = 5
    BAD_ARGUMENT = 8
    NO_SUCH_FIELD = 9
    NOT_FOUND = 10
    INVALID = 11
    NOT_OPERABLE = 12
    LOCKED = 13
    CALL_LIMIT = 14


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of ``Errors``: which bill of the request (from 0), which field, and why."""

    message: str
    field: str | None = None
    index: int = 0
    code: MsgCode = MsgCode.INVALID

    def wire(self) -> dict[str, Any]:
        return {"FieldName": self.field, "Message": self.message, "DIndex": self.index}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of ``SuccessEntitys``: a bill that an operation took effect on."""

    id: int
    number: str
    index: int = 0

    def wire(self) -> dict[str, Any]:
        return {"Id": self.id, "Number": self.number, "DIndex": self.index}


class Refusal(Exception):
    """The whole call is refused; nothing took effect."""

    def __init__(self, message: str, code: MsgCode, field: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(message, field, code=code)

    def answer(self) -> dict[str, Any]:
        return failed([self.problem])


def status(problems: Sequence[Problem], outcomes: Sequence[Outcome] = ()) -> dict[str, Any]:
    """``ResponseStatus``: success only if nothing failed; ``ErrorCode`` stands in failures alone."""
    entities = [outcome.wire() for outcome in outcomes]
    if not problems:
        return {
            "IsSuccess": True,
            "Errors": [],
            "SuccessEntitys": entities,
            "SuccessMessages": [],
            "MsgCode": int(MsgCode.NONE),
        }
    return {
        "ErrorCode": 500,
        "IsSuccess": False,
        "Errors": [problem.wire() for problem in problems],
        "SuccessEntitys": entities,
        "SuccessMessages": [],
        "MsgCode": int(problems[0].code),
    }


def succeeded(outcomes: Sequence[Outcome] = (), **more: Any) -> dict[str, Any]:
    """A whole answer in which nothing failed."""
    return {"Result": {"ResponseStatus": status((), outcomes), **more}}


def failed(problems: Sequence[Problem], outcomes: Sequence[Outcome] = (), **more: Any) -> dict[str, Any]:
    """A whole answer in which something failed; `outcomes` are those that went through all the same."""
    return {"Result": {"ResponseStatus": status(problems, outcomes), **more}}


def nested(answer: Mapping[str, Any]) -> list[Any]:
    """A failure as ExecuteBillQuery gives it: two lists deep, where a row would stand (reference §6)."""
    return [[answer]]
