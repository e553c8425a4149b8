"""Approvals in both API generations: list ids, get one, comment. Above this the two look the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from connectors.dingtalk.record import from_new
from connectors.dingtalk.wire import Wire
from engine import jsontext
from engine.connector.messages import Request
from engine.connector.signals import Retry
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.api import Span

__all__ = ["Approvals", "Listing", "NewApprovals", "NewWire", "OldApprovals", "OldWire", "code_of"]


_LONGEST_ID = 300
_JSON = {"Content-Type": "application/json"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of ids and the cursor of the next, as it came; None on the last page."""

    ids: tuple[str, ...]
    cursor: str | int | None
    strange: int = 0
    """How many entries of the page were no ids."""


class Approvals(Protocol):
    """What is done with approvals, in either generation."""

    @property
    def wire(self) -> Wire:
        """What carries the calls."""

    async def list_ids(self, request: Mapping[str, Any], span: Span, cursor: Any) -> Listing:
        """One page of the instances created in a span. Raises Refusal and what `Wire.read` raises."""

    async def instance(self, id_: str) -> dict[str, Any]:
        """One instance in the old API's shape. Raises Refusal and what `Wire.read` raises."""


# --- the old API (oapi.dingtalk.com) --------------------------------------------------------------------


@lru_cache(maxsize=16)
def _quoted(token: str) -> str:
    return quote(token, safe="")


class OldWire(Wire):
    """The token stands in the query; a header is not read."""

    def request(self, path: str, body: Mapping[str, Any], token: str) -> Request:
        url = f"{self.base}/{path}?access_token={_quoted(token)}"
        return Request("POST", url, _JSON, jsontext.dumps(body).encode())


class OldApprovals:
    """Pages operation-to-retrieve-a-list-of and get-details-single-approval-instance."""

    def __init__(self, wire: OldWire) -> None:
        self.wire = wire

    async def list_ids(self, request: Mapping[str, Any], span: Span, cursor: Any) -> Listing:
        body: dict[str, Any] = {
            "process_code": code_of(request),
            "start_time": _ms(span.start),
            "end_time": _ms(span.end),
            "size": _size(request),
            "cursor": 0 if cursor is None else cursor,
        }
        users = _users(request)
        if users:
            body["userid_list"] = ",".join(users)
        return await self.wire.read(
            "topapi/processinstance/listids", body, lambda answer: _listing(answer, "next_cursor")
        )

    async def instance(self, id_: str) -> dict[str, Any]:
        body = {"process_instance_id": id_}
        return await self.wire.read("topapi/processinstance/get", body, _old_instance)


# --- the new API (api.dingtalk.com) ---------------------------------------------------------------------


class NewWire(Wire):
    """The token stands in a header; the query is not read. Interfaces named in `GETS` take a query."""

    GETS = frozenset(("v1.0/workflow/processInstances", "v1.0/workflow/forms/schemas/processCodes"))

    def request(self, path: str, body: Mapping[str, Any], token: str) -> Request:
        headers = {"x-acs-dingtalk-access-token": token}
        if path in self.GETS:
            return Request("GET", f"{self.base}/{path}?{urlencode(body)}", headers)
        return Request("POST", f"{self.base}/{path}", {**_JSON, **headers}, jsontext.dumps(body).encode())


class NewApprovals:
    """Pages obtain-an-approval-list-of-instance-ids and
    obtains-the-details-of-a-single-approval-instance-pop."""

    def __init__(self, wire: NewWire) -> None:
        self.wire = wire

    async def list_ids(self, request: Mapping[str, Any], span: Span, cursor: Any) -> Listing:
        body: dict[str, Any] = {
            "processCode": code_of(request),
            "startTime": _ms(span.start),
            "endTime": _ms(span.end),
            "maxResults": _size(request),
            "nextToken": _as_number(cursor),
        }
        users = _users(request)
        if users:
            body["userIds"] = users
        if request.get("statuses"):
            body["statuses"] = _texts(request["statuses"])
        return await self.wire.read(
            "v1.0/workflow/processes/instanceIds/query", body, lambda answer: _listing(answer, "nextToken")
        )

    async def instance(self, id_: str) -> dict[str, Any]:
        body = {"processInstanceId": id_}
        return await self.wire.read("v1.0/workflow/processInstances", body, _new_instance)


# --- answers ----------------------------------------------------------------------------------------------


def _listing(answer: dict[str, Any], cursor_key: str) -> Listing:
    result = answer.get("result")
    ids = result.get("list") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(ids, list):
        raise Retry(tr("a listing came without its list"))
    good = tuple(one for one in ids if _is_id(one))
    strange = len(ids) - len(good)
    cursor = result.get(cursor_key)
    if cursor is None or cursor == "":
        return Listing(good, None, strange)
    if isinstance(cursor, bool) or not isinstance(cursor, int | str):
        raise Retry(tr("a listing came with a cursor that is none"))
    return Listing(good, cursor, strange)


def _is_id(value: Any) -> bool:
    return (
        isinstance(value, str) and value.strip() != "" and len(value) <= _LONGEST_ID and value.isprintable()
    )


def _old_instance(answer: dict[str, Any]) -> dict[str, Any]:
    return _checked(answer.get("process_instance"), "form_component_values")


def _new_instance(answer: dict[str, Any]) -> dict[str, Any]:
    return from_new(_checked(answer.get("result"), "formComponentValues"))


def _checked(instance: Any, form: str) -> dict[str, Any]:
    if not isinstance(instance, dict):
        raise Retry(tr("an approval came without its instance"))
    if not isinstance(instance.get("status"), str) or not instance["status"]:
        raise Retry(tr("an approval came without a status"))
    if not isinstance(instance.get(form), list):
        raise Retry(tr("an approval came without its form"))
    return instance


# --- requests ---------------------------------------------------------------------------------------------


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _as_number(cursor: Any) -> Any:
    """The new API gives its cursor as text and takes it as number."""
    if cursor is None:
        return 0
    short = isinstance(cursor, str) and len(cursor) <= 18
    return int(cursor) if short and cursor.isascii() and cursor.isdigit() else cursor


def code_of(request: Mapping[str, Any]) -> str:
    """The template that a source's request names, in either generation's spelling."""
    code = str(request.get("process_code") or request.get("processCode") or "").strip()
    if not code:
        raise ConfigurationError(
            tr("the source's request has no process_code"),
            hint=tr("it stands in the address of the approval's edit page, after processCode="),
        )
    return code


def _size(request: Mapping[str, Any]) -> int:
    given = request.get("size", request.get("maxResults"))
    if given in (None, ""):
        return 20
    try:
        size = int(str(given))
    except ValueError:
        size = 0
    if not 1 <= size <= 20:
        raise ConfigurationError(tr('"size" must be a whole number from 1 to 20, not "{value}"', value=given))
    return size


def _users(request: Mapping[str, Any]) -> list[str]:
    users = _texts(request.get("userid_list") or request.get("userIds"))
    if len(users) > 10:
        raise ConfigurationError(tr("at most 10 originators can be asked for, not {count}", count=len(users)))
    return users


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    parts = value.split(",") if isinstance(value, str) else value
    return [str(part).strip() for part in parts if str(part).strip()]
