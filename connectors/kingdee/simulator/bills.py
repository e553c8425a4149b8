"""Bills as the state holds them: one document each, found by id or by number.

Values are JSON text, whole numbers and booleans; an amount is its digits as text; base data is
``{form, id, number, name}``. Several bills can bear one number when `unique_number` is switched off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.kingdee.simulator.forms import Form
    from engine.connector.simulator import Store

__all__ = ["Bill", "BillStore", "EntryRow", "amount_of"]

_FIRST_ID = 100001
_FIRST_ENTRY_ID = 200001

Values = dict[str, Any]


@dataclass(slots=True)
class EntryRow:
    """A row of an entry table."""

    id: int
    values: Values = field(default_factory=dict)


@dataclass(slots=True)
class Bill:
    """One bill; `status` is Z draft, A created, B in approval, C audited, D to be audited again.

    `model` is the last Model it was saved with, as JSON text, digit for digit; `id` is 0 before it is kept.
    """

    id: int
    form: str
    number: str
    status: str
    values: Values = field(default_factory=dict)
    entries: dict[str, list[EntryRow]] = field(default_factory=dict)
    model: str = "{}"

    @classmethod
    def of(cls, doc: Mapping[str, Any]) -> Bill:
        entries = {key: [EntryRow(**row) for row in rows] for key, rows in doc["entries"].items()}
        return cls(**{**doc, "entries": entries})


class BillStore:
    """The bills of one open transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, form: str, id: int) -> Bill | None:
        doc = self._store.get(_bills(form), _key(id))
        return None if doc is None else Bill.of(doc)

    def numbered(self, form: str, number: str) -> list[Bill]:
        """All bills with this number; more than one only where numbers are not kept unique."""
        found = (self.get(form, id) for id in self._ids(form, number))
        return [bill for bill in found if bill is not None]

    def all(self, form: str) -> Iterator[Bill]:
        """All bills of a form, in the order of their ids."""
        return (Bill.of(doc) for _, doc in self._store.all(_bills(form)))

    def some(self, form: str, ids: Iterable[int]) -> Iterator[Bill]:
        """Those of these bills that there are, in the order of their ids."""
        return (bill for id in sorted(set(ids)) if (bill := self.get(form, id)) is not None)

    def put(self, bill: Bill) -> None:
        """Keep a bill; a new one gets its id, new rows get theirs."""
        if bill.id == 0:
            bill.id = self._store.next_number("bill", first=_FIRST_ID)
        for row in (row for rows in bill.entries.values() for row in rows if row.id == 0):
            row.id = self._store.next_number("entry", first=_FIRST_ENTRY_ID)
        before = self._store.get(_bills(bill.form), _key(bill.id))
        if before is not None and before["number"] != bill.number:
            self._forget_number(bill.form, before["number"], bill.id)
        if before is None or before["number"] != bill.number:
            ids = [*self._ids(bill.form, bill.number), bill.id]
            self._store.put(_numbers(bill.form), bill.number, {"ids": ids})
        self._store.put(_bills(bill.form), _key(bill.id), asdict(bill))

    def delete(self, bill: Bill) -> None:
        self._store.delete(_bills(bill.form), _key(bill.id))
        self._forget_number(bill.form, bill.number, bill.id)

    def free_number(self, form: Form) -> str:
        """The next number of the form's own series that nobody has taken: ``FKD00000042``."""
        while True:
            number = f"{form.prefix}{self._store.next_number(f'number/{form.id}'):08d}"
            if not self._ids(form.id, number):
                return number

    def _ids(self, form: str, number: str) -> list[int]:
        doc = self._store.get(_numbers(form), number)
        return list(doc["ids"]) if doc else []

    def _forget_number(self, form: str, number: str, id: int) -> None:
        left = [one for one in self._ids(form, number) if one != id]
        if left:
            self._store.put(_numbers(form), number, {"ids": left})
        else:
            self._store.delete(_numbers(form), number)


def amount_of(form: Form, bill: Bill) -> Decimal:
    """What the bill is worth: the sum over the column that the form names."""
    entity, _, column = (form.amount or ".").partition(".")
    amounts = (row.values.get(column) for row in bill.entries.get(entity, []))
    return sum((Decimal(amount) for amount in amounts if amount is not None), Decimal(0))


def _bills(form: str) -> str:
    return f"bill/{form}"


def _numbers(form: str) -> str:
    return f"number/{form}"


def _key(id: int) -> str:
    return f"{id:012d}"
