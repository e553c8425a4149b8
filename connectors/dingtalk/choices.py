"""What a wizard can offer: the organisation's approval templates and departments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.connector.api import Choice
from engine.connector.signals import Retry
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connectors.dingtalk.wire import Wire

__all__ = ["choices"]

_PAGE = 100
_MOST = 1000
_ROOT = 1


async def choices(wire: Wire, kind: str) -> list[Choice]:
    """`templates` or `departments`. Raises ConfigurationError for others, and what `Wire.read` raises."""
    known: dict[str, Callable[[Wire], Awaitable[list[Choice]]]] = {
        "templates": _templates,
        "departments": _departments,
    }
    if kind not in known:
        raise ConfigurationError(
            tr('dingtalk has no choices "{kind}"; known are {names}', kind=kind, names=", ".join(known))
        )
    return await known[kind](wire)


async def _templates(wire: Wire) -> list[Choice]:
    """``topapi/process/listbyuserid`` (page obtains-a-list-of-approval-forms-visible-to-the-specified-user);
    without a userid it names those of the whole organisation."""
    found: list[Choice] = []
    offset: int | None = 0
    while offset is not None and len(found) < _MOST:
        body = {"offset": offset, "size": _PAGE}
        page, offset = await wire.read("topapi/process/listbyuserid", body, _template_page)
        found += page
    return found


def _template_page(answer: dict[str, Any]) -> tuple[list[Choice], int | None]:
    result = answer.get("result")
    rows = result.get("process_list") if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise Retry(tr("DingTalk answered without a list of templates"))
    page = [
        Choice(str(row["process_code"]), str(row.get("name") or row["process_code"]))
        for row in rows
        if isinstance(row, dict) and row.get("process_code")
    ]
    following = result.get("next_cursor") if isinstance(result, dict) else None
    return page, following if isinstance(following, int) and page else None


async def _departments(wire: Wire) -> list[Choice]:
    """``topapi/v2/department/listsub`` (page obtain-the-department-list-v2), level by level from the root."""
    found: list[Choice] = []
    level = [(_ROOT, "")]
    while level and len(found) < _MOST:
        below: list[tuple[int, str]] = []
        for dept_id, path in level:
            body = {"dept_id": dept_id, "language": "zh_CN"}
            for child, name in await wire.read(
                "topapi/v2/department/listsub", body, _department_rows, metered=False
            ):
                shown = f"{path}/{name}" if path else name
                found.append(Choice(str(child), shown))
                below.append((child, shown))
        level = below
    return found


def _department_rows(answer: dict[str, Any]) -> list[tuple[int, str]]:
    rows = answer.get("result")
    if not isinstance(rows, list):
        raise Retry(tr("DingTalk answered without a list of departments"))
    return [
        (row["dept_id"], str(row.get("name") or row["dept_id"]))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("dept_id"), int)
    ]
