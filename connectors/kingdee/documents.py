"""All bills of a form in a stretch of time, or under some keys, as they stand: for reconciliation.

Pages go by the internal id (``FID>last``), not by row number: bills that are made or deleted meanwhile can
neither push one out of the answer nor into it twice. Amounts stand in entry rows and are asked for apart, so
that a bill with many rows cannot crowd out others.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.kingdee.answers import Code
from connectors.kingdee.forms import code_of, get, to_amount
from connectors.kingdee.query import LARGEST_PAGE, among, both, query
from connectors.kingdee.reading import ServiceRefused
from engine.clock import SHANGHAI
from engine.connector.api import Existing, Listed
from engine.errors import Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from connectors.kingdee.client import KingdeeClient
    from connectors.kingdee.forms import BillForm

__all__ = ["Documents"]

_USUAL_DATE = "FCreateDate"
_EXTRA = {"cancelled": "FCancelStatus", "changed": "FModifyDate"}
"""Fields that nearly every bill has; a site or form without one is told without it."""

_CANCELLED = "B"
_KEYS_AT_ONCE = 100

Row = dict[str, Any]


class Documents:
    """Lists bills of one form. `stage_of` says how far a ``FDocumentStatus`` has come for this target."""

    def __init__(self, client: KingdeeClient, form: BillForm, stage_of: Mapping[str, str]) -> None:
        self._client = client
        self._form = form
        self._stage_of = stage_of
        self._facts = form.header_queries()
        self._optional = {**self._facts, **_EXTRA}

    async def listed(self, since: datetime, until: datetime, key_field: str) -> AsyncIterator[Listed]:
        """Bills by their own date: that which the form's catalog names, else the day they were made.

        Dates have no time of day, so that `since` counts from the beginning of its day.
        """
        name = self._date_field
        first = f"{since.astimezone(SHANGHAI):%Y-%m-%d}"
        last = f"{until.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        async for one in self._documents(f"{name}>='{first}' and {name}<'{last}'", key_field):
            yield one

    async def found(self, key_field: str, keys: Sequence[str]) -> AsyncIterator[Listed]:
        """Bills by key, whatever their date."""
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = among(key_field, keys[start : start + _KEYS_AT_ONCE])
            async for one in self._documents(some, key_field):
                yield one

    def day_of(self, payload: Mapping[str, Any]) -> date | None:
        """The date a payload gives its bill; None where it leaves that to Kingdee."""
        return _day(get(payload, self._date_field))

    @property
    def _date_field(self) -> str:
        return self._form.form.date or _USUAL_DATE

    async def _documents(self, filter: str, key_field: str) -> AsyncIterator[Listed]:
        after = ""
        while True:
            page = await self._page(both(filter, f"FID>{after}") if after else filter, key_field)
            if page:
                ids = [self._id(row) for row in page]
                amounts = await self._amounts(filter, ids[0], ids[-1])
                for row in page:
                    yield self._listed(row, amounts)
                after = _onward(after, ids[-1])
            if len(page) < LARGEST_PAGE:
                return

    # --- one row for each bill ------------------------------------------------------------------------

    async def _page(self, filter: str, key_field: str) -> list[Row]:
        """A page of headers, in the order of their ids."""
        fixed = {
            "id": "FID",
            "key": key_field,
            "number": self._form.number_field(key_field),
            "status": "FDocumentStatus",
            "day": self._date_field,
        }
        while True:
            asked = {**fixed, **self._optional}
            fields = list(dict.fromkeys(asked.values()))
            try:
                rows = await self._client.execute_bill_query(query(self._form.name, fields, filter, "FID"))
            except ServiceRefused as refused:
                if not self._give_up(refused):
                    raise
                continue
            return [_named(asked, fields, cells) for cells in rows]

    def _give_up(self, refused: ServiceRefused) -> bool:
        """Ask no more for the fields that the answer names as unknown; False where it names none of them."""
        if refused.code != Code.UNKNOWN_FIELD and "标识为" not in refused.message:
            return False
        kept = {
            name: field
            for name, field in self._optional.items()
            if field.split(".")[0].casefold() not in refused.message.casefold()
        }
        given_up = len(kept) < len(self._optional)
        self._optional = kept
        return given_up

    def _id(self, row: Row) -> str:
        id = code_of(row["id"])
        if id is None or not id.isdigit():
            raise Unreachable(tr("Kingdee answered the query with a bill that has no id"))
        return id

    def _listed(self, row: Row, amounts: Mapping[str, Decimal]) -> Listed:
        id, status = self._id(row), (code_of(row["status"]) or "").upper()
        facts: dict[str, str | Decimal] = {
            fact: code for fact in self._facts if (code := code_of(row.get(fact))) is not None
        }
        if id in amounts:
            facts["amount"] = amounts[id]
        return Listed(
            Existing(id, code_of(row["number"]) or "", self._stage_of.get(status, ""), facts),
            key=code_of(row["key"]) or "",
            day=_day(row["day"]),
            cancelled=code_of(row.get("cancelled")) == _CANCELLED,
            changed=_moment(row.get("changed")),
        )

    # --- one row for each entry -----------------------------------------------------------------------

    async def _amounts(self, filter: str, first: str, last: str) -> dict[str, Decimal]:
        """The amounts of a page's bills, by id. A bill whose rows fill a whole answer is told without one."""
        field = self._form.amount_query()
        sums: dict[str, Decimal] = {}
        if field is None:
            return sums
        start = f"FID>={first}"
        before = ""
        while True:
            within = both(filter, f"{start} and FID<={last}")
            try:
                rows = await self._client.execute_bill_query(
                    query(self._form.name, ["FID", field], within, "FID")
                )
            except ServiceRefused as refused:
                if refused.code != Code.UNKNOWN_FIELD and "标识为" not in refused.message:
                    raise
                return {}
            full = len(rows) >= LARGEST_PAGE
            cut = code_of(rows[-1][0]) if full else None  # its rows may go on in the next answer
            whole = [row for row in rows if code_of(row[0]) != cut]
            _add(sums, whole)
            if not full:
                return sums
            before = _onward(before, cut, may_stay=not whole)
            start = f"FID>={cut}" if whole else f"FID>{cut}"


def _onward(before: str, id: str | None, *, may_stay: bool = False) -> str:
    """The id that a page ends with, if it lies beyond the one before: else pages would never end."""
    if id is None or not id.isdigit() or (before and int(id) < int(before) + (not may_stay)):
        raise Unreachable(tr("Kingdee's pages of bills do not go on from one to the next"))
    return id


def _named(asked: Mapping[str, str], fields: Sequence[str], cells: Sequence[Any]) -> Row:
    by_field = dict(zip(fields, cells, strict=True))
    return {name: by_field[field] for name, field in asked.items()}


def _add(sums: dict[str, Decimal], rows: Sequence[Sequence[Any]]) -> None:
    for id_cell, amount_cell in rows:
        id, amount = code_of(id_cell), to_amount(amount_cell)
        if id is not None and amount is not None:
            sums[id] = sums.get(id, Decimal()) + amount


def _moment(value: Any) -> datetime | None:
    """``2026-11-24T10:15:00``, in Beijing's time, as queries and payloads write it."""
    text = str(value or "").strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    found = _moment(value)
    return found.date() if found else None
