"""What an error text of Kingdee means, by who can mend it.

Texts are no stable contract, so the code and the field's name are used first where they say enough; the
patterns hold what real servers were seen to write.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from connectors.kingdee.answers import Code

if TYPE_CHECKING:
    from connectors.kingdee.answers import Problem

__all__ = ["Reason", "reason_of", "required_but_empty", "speaks_of_document"]


class Reason(Enum):
    """Why one document was refused."""

    DUPLICATE = auto()
    ALREADY_THERE = auto()
    """Submitted or audited before: the operation was not needed."""
    TROUBLE = auto()
    """Time-out, deadlock, exception: no statement about what was done."""
    BUSY = auto()
    """Another user or call holds the bill, or the call limit is reached; not executed."""
    PERIOD = auto()
    """The accounting period of the document's date is closed: a matter of the set-up, too."""
    CONFIGURATION = auto()
    GONE = auto()
    """The bill itself is not there."""
    BASE_DATA = auto()
    DATA = auto()


_REQUIRED = r"必录|必填|不能为空|不允许为空|is required"

_PATTERNS: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (
            Reason.DUPLICATE,
            r"唯一性|编码唯一|已经?被使用|(编号|编码).{0,60}(已存在|重复)|already (exists|used)|duplicate",
        ),
        (Reason.ALREADY_THERE, r"已经?(审核|提交)|审核中|already (been )?(audited|submitted|approved)"),
        (Reason.TROUBLE, r"会话|重新登录|超时|死锁|繁忙|稍后|time[d -]?out|deadlock|未将对象引用|数据库连接"),
        (Reason.BUSY, r"网络控制|网控|并发冲突"),
        (
            Reason.PERIOD,
            r"(会计|所在的?|当前|核算|本)期间[^，。；]{0,12}(已|被)经?(关闭|结账|关账|轧账|锁定)"
            r"|日期[^，。；]{0,30}(关账|结账)日期?|(period|books?) .{0,30}closed",
        ),
        (
            Reason.CONFIGURATION,
            r"元数据中标识为|业务对象不存在|权限|授权|许可|licen[cs]e|permission|期间|结账|关账|轧账|编码规则|gateway",
        ),
        (
            Reason.GONE,
            r"(单据|数据|记录).{0,60}(不存在|已经?被?删除)|(未找到|找不到|没有找到).{0,12}(单据|记录)",
        ),
        (
            Reason.BASE_DATA,
            r"不存在|未找到|找不到|没有找到|禁用|不可用|无效.{0,6}(编码|基础资料)|n[o']t exist|not found",
        ),
        (Reason.DATA, rf"{_REQUIRED}|必须|长度|格式|大于|小于|超过"),
    )
)

_BY_CODE = {
    Code.NO_PERMISSION: Reason.CONFIGURATION,
    Code.LICENCE: Reason.CONFIGURATION,
    Code.ADMIN_LOGIN: Reason.CONFIGURATION,
    Code.LOCKED: Reason.BUSY,
    Code.CALL_LIMIT: Reason.BUSY,
    Code.SESSION_LOST: Reason.TROUBLE,
    Code.EXCEPTION: Reason.TROUBLE,
    Code.DATABASE: Reason.TROUBLE,
    Code.NOT_FOUND: Reason.GONE,
}

_NAMES_A_PLACE = re.compile(r"字段|分录|单据体|单据编号|基础资料|\bfield\b|\brow\b", re.IGNORECASE)
_REQUIRED_PATTERN = re.compile(_REQUIRED, re.IGNORECASE)


def reason_of(problem: Problem, code: int | None) -> Reason:
    """Why this document was refused; DATA when neither text nor code says otherwise."""
    told = _by_text(problem)
    if told is not None:
        return told
    return _BY_CODE.get(code, Reason.DATA) if code is not None else Reason.DATA


def required_but_empty(problem: Problem) -> bool:
    """True for "this field is required", which Kingdee also says of a code that it does not know."""
    return bool(_REQUIRED_PATTERN.search(problem.message))


def speaks_of_document(problem: Problem, code: int | None) -> bool:
    """True when the error is surely about one document and not about the call as a whole.

    A server writes DIndex 0 into errors about the whole call too (the captured lost session has it), so a
    lone DIndex 0 says nothing: the error must name a field or a row, or be a validation that is understood.
    """
    if problem.field:
        return True
    told = _by_text(problem)
    if told in (Reason.TROUBLE, Reason.BUSY):
        return False
    if code == Code.VALIDATION and told is not None:
        return True
    return told not in (Reason.CONFIGURATION, Reason.PERIOD) and bool(_NAMES_A_PLACE.search(problem.message))


def _by_text(problem: Problem) -> Reason | None:
    return next((reason for reason, pattern in _PATTERNS if pattern.search(problem.message)), None)
