"""Listing instance ids: the rules that both generations share (reference §3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.templates import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.dingtalk.simulator.context import Context, Wrong

__all__ = ["MOST_IDS", "Listing", "list_page"]

MOST_IDS = 10_000
_DAY = 24 * 3600 * 1000
_LONGEST, _OLDEST = 120 * _DAY, 365 * _DAY
_SLACK = 60_000
"""A window of exactly 120 days asked for a moment ago is still let through."""

# Cursors are opaque: an offset in disguise, so that nobody can count with them.
_STRIDE, _SHIFT = 7919, 4057


@dataclass(frozen=True, slots=True)
class Listing:
    """A request of either generation; times in epoch ms, `end` None for now."""

    code: str
    start: int
    end: int | None
    size: int
    cursor: int
    userids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


def list_page(
    context: Context, asked: Listing, wrong: Callable[[str, str], Wrong]
) -> tuple[list[str], int | None]:
    """The ids of one page and the next cursor, None on the last page.

    `wrong` makes the generation's refusal of a field (process_code, start, end, cursor, size, userids).
    """
    _check(context, asked, wrong)
    offset = _offset(asked.cursor)
    if offset is None:
        raise wrong("cursor", "分页游标非法")
    end = context.now if asked.end is None else asked.end
    fitting = _fitting(context, asked, end)[:MOST_IDS]
    reached = offset + asked.size
    page = fitting[offset:reached]
    return page, (reached * _STRIDE + _SHIFT if reached < len(fitting) else None)


def _fitting(context: Context, asked: Listing, end: int) -> list[str]:
    stretch = (context.store, asked.code, asked.start, end, context.now)
    if not asked.userids and not asked.statuses:
        return instances.listed_ids(*stretch)
    return [
        brief["id"]
        for brief in instances.listed(*stretch)
        if (not asked.userids or brief["userid"] in asked.userids)
        and (not asked.statuses or instances.status(brief, context.now) in asked.statuses)
    ]


def _check(context: Context, asked: Listing, wrong: Callable[[str, str], Wrong]) -> None:
    if asked.code not in FORMS:
        raise wrong("process_code", "审批模板不存在")
    if not 1 <= asked.size <= 20:
        raise wrong("size", "分页大小非法，最大20")
    if len(asked.userids) > 10:
        raise wrong("userids", "userid列表最多10个")
    if asked.start <= 0:
        raise wrong("start", "开始时间非法")
    if asked.end is None:
        if asked.start < context.now - _LONGEST - _SLACK:
            raise wrong("start", "开始时间距今不能超过120天")
        return
    if asked.end < asked.start:
        raise wrong("end", "结束时间不能早于开始时间")
    if asked.end - asked.start > _LONGEST + _SLACK:
        raise wrong("end", "开始时间和结束时间的间隔不能超过120天")
    if asked.start < context.now - _OLDEST - _SLACK:
        # reported, misleadingly, as a wrong end on the new API (reference §3.2)
        raise wrong("end", "开始时间距今不能超过365天")


def _offset(cursor: int) -> int | None:
    if cursor == 0:
        return 0
    offset, rest = divmod(cursor - _SHIFT, _STRIDE)
    return offset if rest == 0 and offset > 0 else None
