"""The address book, one entry at a time; its calls are free of quota (page
basic-interfaces-such-as-log-off-and-address-book)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.errors import Kind, Refusal
from engine.connector.signals import Retry
from engine.errors import RecordError
from engine.language import tr

if TYPE_CHECKING:
    from connectors.dingtalk.wire import Wire

__all__ = ["LOOKUPS", "AddressBook"]

LOOKUPS = {"topapi/v2/user/get": "userid", "topapi/v2/department/get": "dept_id"}
"""Interfaces, and the field that is their key."""


class AddressBook:
    """``topapi/v2/user/get`` (page query-user-details) and ``topapi/v2/department/get``."""

    def __init__(self, wire: Wire, interface: str) -> None:
        self._wire = wire
        self._interface = interface
        self._key = LOOKUPS[interface]

    async def look_up(self, key: str) -> Mapping[str, Any] | None:
        """The entry of a userid or department id, or None when there is none. Numbers come as text."""
        wanted: Any = key.strip()
        if self._key == "dept_id":
            wanted = "1" if wanted == "-1" else wanted  # approvals write the root as -1
            if not (wanted.isascii() and wanted.isdigit()):
                return None
            wanted = int(wanted)
        elif not wanted:
            return None
        body = {self._key: wanted, "language": "zh_CN"}
        try:
            return await self._wire.read(self._interface, body, _entry, metered=False)
        except Refusal as refusal:
            if refusal.problem.kind is Kind.NO_SUCH_PERSON:
                return None
            message = self._wire.session.scrub(refusal.problem.message)
            raise RecordError(message, failure=refusal.problem.failure) from None


def _entry(answer: dict[str, Any]) -> dict[str, Any]:
    result = answer.get("result")
    if not isinstance(result, dict):
        raise Retry(tr("the address book answered without an entry"))
    return {name: _as_text(value) for name, value in result.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return [_as_text(part) for part in value]
    return value
