"""Kingdee's WebAPI, one typed function for each service call.

Reads are repeated by the session where that may help, with one new login when the session was lost. Writes
are sent once: what became of them is for `verdicts` to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from connectors.kingdee.answers import Unreadable, read_body, read_status, with_texts
from connectors.kingdee.auth import way_for
from connectors.kingdee.login import Login, post, service_url
from connectors.kingdee.query import query
from connectors.kingdee.reading import Reading, is_shut_out
from engine.connector.signals import Retry
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.connector.api import Gate
    from engine.connector.session import Session
    from engine.connector.settings import Connection

__all__ = ["KingdeeClient"]

T = TypeVar("T")

_SERVICE = "DynamicFormService"


class KingdeeClient:
    """All calls of one connection, over one login."""

    def __init__(self, connection: Connection, session: Session) -> None:
        self._base_url = str(connection.settings.get("base_url") or "")
        if not self._base_url:
            raise ConfigurationError(tr('"{key}" is missing', key="base_url"), position=connection.position)
        self.session = session
        self.login = Login(session, self._base_url, way_for(connection))

    # --- writing: sent once, answered with the parsed body --------------------------------------------

    async def save(self, form: str, data: Mapping[str, Any], gate: Gate | None = None) -> Any:
        """Save one bill (``data.Model`` an object)."""
        return await self.write("Save", {"formid": form, "data": data}, gate)

    async def batch_save(self, form: str, data: Mapping[str, Any], gate: Gate | None = None) -> Any:
        """Save many bills (``data.Model`` an array); each is its own transaction."""
        return await self.write("BatchSave", {"formid": form, "data": data}, gate)

    async def draft(self, form: str, data: Mapping[str, Any], gate: Gate | None = None) -> Any:
        """Keep one bill as a draft (status Z), unvalidated."""
        return await self.write("Draft", {"formid": form, "data": data}, gate)

    async def submit(self, form: str, ids: Sequence[str]) -> Any:
        """Submit bills by id: A or D becomes B."""
        return await self._operate("Submit", form, ids)

    async def audit(self, form: str, ids: Sequence[str]) -> Any:
        """Audit bills by id: B becomes C."""
        return await self._operate("Audit", form, ids)

    async def un_audit(self, form: str, ids: Sequence[str]) -> Any:
        """Take an audit back, by id: C becomes D."""
        return await self._operate("UnAudit", form, ids)

    async def cancel_assign(self, form: str, ids: Sequence[str], gate: Gate | None = None) -> Any:
        """Take a submission back, by id: B becomes A.

        The SDK lists the service; that it undoes a submission is known from the product (撤销), not from a
        page of the vendor's.
        """
        return await self._operate("CancelAssign", form, ids, gate)

    async def delete(self, form: str, ids: Sequence[str], gate: Gate | None = None) -> Any:
        """Delete bills by id; only unsubmitted ones can be."""
        return await self._operate("Delete", form, ids, gate)

    # --- reading --------------------------------------------------------------------------------------

    async def view(self, form: str, *, id: str = "", number: str = "") -> dict[str, Any]:
        """One whole bill by id or number; its keys are property names (``BillNo``), not field keys."""
        data = {"CreateOrgId": 0, "Number": number, "Id": id, "IsSortBySeq": "false"}
        return await self.read("View", {"formid": form, "data": data}, _entity)

    async def execute_bill_query(self, data: Mapping[str, Any]) -> list[list[Any]]:
        """Rows in the order of ``data.FieldKeys``; ``[]`` for none."""
        width = len(str(data["FieldKeys"]).split(","))
        return await self.read("ExecuteBillQuery", {"data": data}, lambda body: _rows(body, width))

    async def bill_query(self, data: Mapping[str, Any]) -> list[list[Any]]:
        """BillQuery's objects as rows in the order of ``data.FieldKeys``, whatever their keys' case."""
        keys = str(data["FieldKeys"]).split(",")
        return await self.read("BillQuery", {"data": data}, lambda body: _objects(body, keys))

    async def query_business_info(self, form: str) -> dict[str, Any]:
        """A form's metadata: its fields, entries and operations."""
        return await self.read("QueryBusinessInfo", {"data": {"FormId": form}}, _metadata)

    async def probe(self) -> None:
        """Ask for next to nothing, uncounted, to see whether this connection is let in."""
        data = query("BD_Currency", ["FNumber"], "FNumber='PRE001'", "FNumber", limit=1)
        await self.read("ExecuteBillQuery", {"data": data}, lambda body: None, counted=False)

    # --- within ---------------------------------------------------------------------------------------

    async def read(
        self, method: str, body: Mapping[str, Any], decode: Callable[[Any], T], *, counted: bool = True
    ) -> T:
        """A call that changes nothing. Raises ServiceRefused, CredentialsError, Unreachable, QuotaSpent."""
        url = service_url(self._base_url, _SERVICE, method)
        reading = Reading(self.login, method, url, body)
        return await self.session.read(
            method if counted else None, reading.make, lambda response: decode(reading.answer(response))
        )

    async def write(self, method: str, body: Mapping[str, Any], gate: Gate | None = None) -> Any:
        """A call that may change something: sent once, `gate` asked right before its first byte.

        Raises Unreadable, NeverSent, NoAnswer, and what the login raises before anything is sent.
        """
        url = service_url(self._base_url, _SERVICE, method)
        generation = await self.login.ensure()
        request = post(url, body, self.login.headers(url))
        response = await self.session.call(method, request, gate=gate)
        try:
            answer = read_body(response)
        except Unreadable as error:
            if is_shut_out(error):
                self.login.drop(generation)
            error.message = self.session.scrub(error.message)
            raise
        status = read_status(answer)
        if status is not None and status.session_lost:
            self.login.drop(generation)
        else:
            self.login.learn(generation, response)
        if status is None or status.success:
            return answer
        return with_texts(answer, self.session.scrub)

    async def _operate(self, method: str, form: str, ids: Sequence[str], gate: Gate | None = None) -> Any:
        # Ids is a comma-joined text, Numbers would be an array; the other options keep their defaults.
        return await self.write(method, {"formid": form, "data": {"Ids": ",".join(ids)}}, gate)


def _rows(body: Any, width: int) -> list[list[Any]]:
    if not isinstance(body, list) or not all(isinstance(row, list) and len(row) == width for row in body):
        raise Retry(tr("Kingdee's answer to the query is not rows of {width} values", width=width))
    return body


def _objects(body: Any, keys: Sequence[str]) -> list[list[Any]]:
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise Retry(tr("Kingdee's answer to the query is not a list of objects"))
    rows: list[list[Any]] = []
    for row in body:
        folded = {str(key).casefold(): value for key, value in row.items()}
        missing = [key for key in keys if key.casefold() not in folded]
        if missing:
            raise Retry(tr("Kingdee's answer to the query lacks {names}", names=", ".join(missing)))
        rows.append([folded[key.casefold()] for key in keys])
    return rows


def _entity(body: Any) -> dict[str, Any]:
    # Without a session View was once seen to give an empty object and no error.
    result = body.get("Result") if isinstance(body, dict) else None
    entity = result.get("Result") if isinstance(result, dict) else None
    if not isinstance(entity, dict):
        raise Retry(tr("Kingdee's answer holds no bill"))
    return entity


def _metadata(body: Any) -> dict[str, Any]:
    result = body.get("Result") if isinstance(body, dict) else None
    found = result.get("NeedReturnData") if isinstance(result, dict) else None
    if not isinstance(found, dict):
        raise Retry(tr("Kingdee's answer holds no form"))
    return found
