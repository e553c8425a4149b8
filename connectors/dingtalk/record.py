"""One approval as a record, the same from both API generations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from connectors.dingtalk.form import decode_form
from connectors.dingtalk.values import storable
from engine.clock import SHANGHAI

__all__ = ["content_of", "from_new", "make_record"]

_EXTEND = (
    "create_time",
    "finish_time",
    "originator_userid",
    "originator_dept_id",
    "status",
    "result",
    "business_id",
    "originator_dept_name",
    "biz_action",
)
"""The instance's own members, in the old API's order; they are always there, None where it has none."""

_DEFAULTS = {"result": "", "biz_action": "NONE"}
_LEFT_OUT = frozenset(("title", "biz_data", "process_instance_id"))
_FALSE_UTC = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?Z?")

# Everything else is a plain change of case (page obtains-the-details-of-a-single-approval-instance-pop).
_RENAMED = {"originatorUserId": "originator_userid", "ccUserIds": "cc_userids"}
_RENAMED_OPERATION = {"userId": "userid", "type": "operation_type", "result": "operation_result"}


_NOT_OF_THE_FORM = frozenset(("id", "title", "extend"))
_UPLOADED = re.compile(r'"(fileId|file_id|spaceId|space_id|mediaId)"|^\s*\[\s*"https?:')
"""How the value of a component for files or pictures is known."""

_YEAR_3000 = 32_503_680_000_000


def make_record(id_: str, instance: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an instance in the old API's shape: labels on top, its own members in `extend`.

    The instance does not hold its own id; it is that of the call. Raises RecordError for an unreadable table.
    """
    form = decode_form(instance.get("form_component_values") or ())
    record = dict(form.fields)
    record["id"] = id_
    record["title"] = _scalar(instance.get("title")) or ""
    record["extend"] = _extend(instance)
    record["_ext"] = form.ext
    record["_repeated"] = form.repeated
    record["_components"] = form.components
    record["_columns"] = form.columns
    kept: dict[str, Any] = storable(record)
    return kept


def content_of(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a record says, and who says it: the form's fields as they were filled in.

    Files and pictures are left out, since each upload gets a name of its own. None for a form without a field
    that is filled in.
    """
    fields = {
        label: said
        for label, value in record.items()
        if label not in _NOT_OF_THE_FORM and label[:1] != "_" and (said := _said(value)) not in (None, "", [])
    }
    if not fields:
        return None
    return {"originator": (record.get("extend") or {}).get("originator_userid"), "fields": fields}


def _said(value: Any) -> Any:
    if isinstance(value, str):
        return None if '"' in value and _UPLOADED.search(value) else value.strip()
    if isinstance(value, list):
        return [said for part in value if (said := _said(part)) is not None]
    return _said_in(value) if isinstance(value, dict) else value


def _said_in(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values; most are short texts, and there are very many of them."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name[:1] != "_":
            said = value.strip() if value.__class__ is str and '"' not in value else _said(value)
            if said:
                found[name] = said
    return found


def _extend(instance: Mapping[str, Any]) -> dict[str, Any]:
    extend: dict[str, Any] = {name: _scalar(instance.get(name)) for name in _EXTEND}
    for name, default in _DEFAULTS.items():
        extend[name] = extend[name] or default
    for name, value in instance.items():
        known = name in extend or name in _LEFT_OUT
        if not known and value is not None and not isinstance(value, Mapping | list):
            extend[name] = _scalar(value)
    attached = instance.get("attached_process_instance_ids")
    named = attached if isinstance(attached, list) else []
    extend["attached_process_instance_ids"] = [
        str(one) for one in named if isinstance(one, str | int) and one
    ]
    return extend


def _scalar(value: Any) -> str | bool | None:
    """Ids and codes are text, whatever the wire had."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def from_new(result: Mapping[str, Any]) -> dict[str, Any]:
    """An instance of the new API in the old one's shape: snake_case names, times as Beijing's clock shows."""
    instance = {_snake(name): value for name, value in result.items()}
    for name in ("create_time", "finish_time"):
        if name in instance:
            instance[name] = beijing_text(instance[name])
    instance["form_component_values"] = [
        {_snake(name): value for name, value in part.items()}
        for part in _mappings(result.get("formComponentValues"))
    ]
    instance["operation_records"] = [
        {_RENAMED_OPERATION.get(name, _snake(name)): value for name, value in part.items()}
        for part in _mappings(result.get("operationRecords"))
    ]
    return instance


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, Sequence) else []


@lru_cache(maxsize=500)
def _snake(name: str) -> str:
    if name in _RENAMED:
        return _RENAMED[name]
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def beijing_text(value: Any) -> Any:
    """``2024-05-08T10:21Z`` as ``2024-05-08 10:21:00``. The Z is false: business ids and instance ids prove
    that the new API writes Beijing's wall clock. Epoch milliseconds are put into that zone."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _YEAR_3000:
        return f"{datetime.fromtimestamp(value / 1000, SHANGHAI):%Y-%m-%d %H:%M:%S}"
    found = _FALSE_UTC.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]} {found[2]}{found[3] or ':00'}" if found else value
