"""Asking Kingdee which bills it has under our keys: promise 1 stands on this answer being right.

The first query asks the header alone, one row for each bill, so that a bill with very many rows can never
push another one out of the answer. Only when there are hits, a second one sums their amounts, which stand in
entry rows, and a third asks which of them are void.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.kingdee.answers import Code
from connectors.kingdee.forms import code_of, to_amount
from connectors.kingdee.query import LARGEST_PAGE, among, query
from connectors.kingdee.reading import ServiceRefused
from engine.connector.api import Existing
from engine.errors import Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from connectors.kingdee.client import KingdeeClient
    from connectors.kingdee.forms import BillForm

__all__ = ["Asker"]

_STATUS = "FDocumentStatus"
_CANCELLED = "FCancelStatus"
_BILLS_MOST = 1000
"""More bills than anybody has under one key: an answer that goes on past them never ends."""


class Asker:
    """Finds bills of one form. `stage_of` says how far a ``FDocumentStatus`` has come for this target."""

    def __init__(self, client: KingdeeClient, form: BillForm, stage_of: Mapping[str, str]) -> None:
        self._client = client
        self._form = form
        self._stage_of = stage_of
        self._header = form.header_queries()

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        """Bills by key, in all states. Raises rather than answer from what cannot be trusted."""
        if not keys:
            return {}
        rows = await self._headers(key_field, keys)
        found: dict[str, list[Existing]] = {key: [] for key in keys}
        wanted = {key.casefold(): key for key in keys} | {key: key for key in keys}
        asked = {key for row in rows if (key := self._key_of(row, wanted))}
        amounts = await self._amounts(key_field, sorted(asked)) if asked else {}
        cancelled = await self._cancelled(key_field, sorted(asked)) if asked else set()
        for row in rows:
            existing = self._existing(row, amounts, cancelled)
            key = self._key_of(row, wanted)
            if existing.id not in {other.id for other in found[key]}:
                found[key].append(existing)
        return found

    # --- the bills ------------------------------------------------------------------------------------

    async def _headers(self, key_field: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        """One row for each bill, as {what it is: value}."""
        number = self._form.number_field(key_field)
        fixed = {"id": "FID", "key": key_field, "number": number, "status": _STATUS}
        try:
            return await self._rows({**fixed, **self._header}, key_field, keys)
        except ServiceRefused as refused:
            if not self._header or not _is_unknown_field(refused):
                raise
        # A site may lack a field that only serves to compare: what is there is told without facts.
        rows = await self._rows(fixed, key_field, keys)
        self._header = {}
        return rows

    async def _rows(
        self, asked: Mapping[str, str], key_field: str, keys: Sequence[str]
    ) -> list[dict[str, Any]]:
        fields = list(dict.fromkeys(asked.values()))
        rows: list[dict[str, Any]] = []
        while True:
            data = query(self._form.name, fields, among(key_field, keys), "FID", start=len(rows))
            page = await self._client.execute_bill_query(data)
            for cells in page:
                by_field = dict(zip(fields, cells, strict=True))
                rows.append({name: by_field[field] for name, field in asked.items()})
            if len(page) < LARGEST_PAGE:
                return rows
            if len(rows) > _BILLS_MOST * len(keys) + LARGEST_PAGE:
                raise Unreachable(tr("Kingdee's answer to the query does not end"))

    def _key_of(self, row: Mapping[str, Any], wanted: Mapping[str, str]) -> str:
        """Our own spelling of a row's key: databases compare without regard to case and trailing blanks."""
        text = code_of(row["key"]) or ""
        key = wanted.get(text) or wanted.get(text.casefold())
        if key is None:
            raise Unreachable(
                tr('Kingdee was asked for certain bills, and answered with "{number}"', number=text or "-")
            )
        return key

    def _existing(
        self, row: Mapping[str, Any], amounts: Mapping[str, Decimal], cancelled: Set[str]
    ) -> Existing:
        id = code_of(row["id"])
        if id is None:
            raise Unreachable(tr("Kingdee answered the query with a bill that has no id"))
        facts: dict[str, str | Decimal] = {}
        for fact in self._header:
            code = code_of(row.get(fact))
            if code is not None:
                facts[fact] = code
        if id in amounts:
            facts["amount"] = amounts[id]
        status = (code_of(row["status"]) or "").upper()
        return Existing(
            id, code_of(row["number"]) or "", self._stage_of.get(status, ""), facts, id in cancelled
        )

    async def _cancelled(self, key_field: str, keys: Sequence[str]) -> set[str]:
        """The ids of bills that were made void (作废), which hold their number and pay nothing.

        A question of its own: a site or form without the field refuses it, and then no bill can be void.
        """
        if self._form.number_field(key_field) != "FBillNo":  # base data is not cancelled
            return set()
        data = query(self._form.name, ["FID", _CANCELLED], among(key_field, keys), "FID")
        try:
            rows = await self._client.execute_bill_query(data)
        except ServiceRefused:
            return set()
        return {id for id_cell, status in rows if (id := code_of(id_cell)) and code_of(status) == "B"}

    # --- what they are worth --------------------------------------------------------------------------

    async def _amounts(self, key_field: str, keys: Sequence[str]) -> dict[str, Decimal]:
        """The amount of each bill by id, as far as it can be told.

        Entry rows of one bill have no order among themselves that every build can sort by, so that a full
        page is not paged through: the keys are halved instead.
        """
        field = self._form.amount_query()
        if field is None:
            return {}
        data = query(self._form.name, ["FID", field], among(key_field, keys), "FID")
        try:
            rows = await self._client.execute_bill_query(data)
        except ServiceRefused as refused:
            if not _is_unknown_field(refused):
                raise
            return {}
        if len(rows) < LARGEST_PAGE:
            return _sums(rows)
        if len(keys) == 1:
            return {}
        middle = len(keys) // 2
        return await self._amounts(key_field, keys[:middle]) | await self._amounts(key_field, keys[middle:])


def _sums(rows: Sequence[Sequence[Any]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for id_cell, amount_cell in rows:
        id, amount = code_of(id_cell), to_amount(amount_cell)
        if id is not None and amount is not None:
            sums[id] = sums.get(id, Decimal()) + amount
    return sums


def _is_unknown_field(refused: ServiceRefused) -> bool:
    return refused.code == Code.UNKNOWN_FIELD or "标识为" in refused.message
