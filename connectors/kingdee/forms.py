"""A form as the target writes and asks it: what a payload is worth, whom it pays, which field is meant."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.connector.catalog import Field, Form

__all__ = ["BillForm", "code_of", "get", "to_amount"]

_NUMBERS = ("FBillNo", "FNumber")
_CODES = ("fnumber", "fstaffnumber", "number", "fname", "fid", "id")


def get(payload: Any, name: str) -> Any:
    """The value under `name`, in whatever case the payload writes it: Kingdee resolves keys so too."""
    if not isinstance(payload, dict):
        return None
    if name in payload:
        return payload[name]
    wanted = name.casefold()
    return next((value for key, value in payload.items() if key.casefold() == wanted), None)


def code_of(value: Any) -> str | None:
    """A scalar or a wrapped base-data value (``{"FNUMBER": "100"}``) as its code; None when it is empty."""
    if isinstance(value, dict):
        value = next((found for key in _CODES if (found := get(value, key)) not in (None, "")), None)
    if value is None or isinstance(value, (dict, list, tuple)):
        return None
    return str(value).strip() or None


def to_amount(value: Any) -> Decimal | None:
    """A number of a payload or of a query's cell; None when it is none (a float is never an amount)."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        amount = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


class BillForm:
    """What the target needs to know of a form.

    The number, which every answer gives back, is the first of the form's keys; of a form that the catalog
    lacks it is ``FBillNo`` (bills) or ``FNumber`` (base data), whichever the scheme uses.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.name = form.name
        self.keys = form.keys or _NUMBERS
        self._numbers = form.keys[:1] or _NUMBERS

    def number_field(self, key_field: str | None) -> str:
        """The field of the number, for a scheme whose key stands in `key_field`."""
        return key_field if key_field in self._numbers else self._numbers[0]

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        """Organisation, payee and amount, as far as the payload states them."""
        facts: dict[str, str | Decimal] = {}
        for fact, name in self.form.compare.items():
            code = code_of(get(payload, name))
            if code is not None:
                facts[fact] = code
        amount = self.amount(payload)
        if amount is not None:
            facts["amount"] = amount
        return facts

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        """The sum of the amount field over its rows; None when no row states one."""
        if not self.form.amount:
            return None
        amounts = [to_amount(value) for value in _values(payload, self.form.amount.split("."))]
        stated = [amount for amount in amounts if amount is not None]
        return sum(stated, Decimal()) if stated else None

    def header_queries(self) -> dict[str, str]:
        """Fact → key to ask for it in a query; base data by ``.FNumber``, whatever case a payload uses."""
        return {fact: self._query_key(name) for fact, name in self.form.compare.items()}

    def amount_query(self) -> str | None:
        """The amount field's key in a query; as an entry field it gives one row for each entry."""
        return self.form.amount.rsplit(".", 1)[-1] if self.form.amount else None

    def known_key_fields(self, payload: Mapping[str, Any], key: str) -> set[str]:
        """Fields that can hold the idempotency key: the form's keys, and those where this payload has it."""
        holding = {name for name, value in payload.items() if isinstance(value, str) and value == key}
        return {name.casefold() for name in (*self.keys, *holding)}

    def key_field(self, payload: Mapping[str, Any], key: str) -> str | None:
        """The field in which a payload carries its idempotency key: the number, if it is that."""
        for number in self._numbers:
            if code_of(get(payload, number)) == key:
                return number
        return next((name for name, value in payload.items() if code_of(value) == key), None)

    def locate(self, named: str, message: str) -> Field | None:
        """The field that an error means: by the name it gives, else by a form's label quoted in the text."""
        fields = list(self._all_fields())
        by_name = named.rsplit(".", 1)[-1].casefold()
        for _, field in fields:
            if by_name and field.name.casefold() == by_name:
                return field
        quoted = [(f"“{field.label}”", f"【{field.label}】", f"[{field.label}]") for _, field in fields]
        for (_, field), marks in zip(fields, quoted, strict=True):
            if field.label and any(mark in message for mark in marks):
                return field
        return None

    def path_of(self, field: Field) -> str:
        """``FPAYBILLENTRY.FCOSTID`` for a field of the form."""
        return next((path for path, known in self._all_fields() if known is field), field.name)

    def states(self, payload: Mapping[str, Any], field: Field) -> bool:
        """True when the payload gives this field a value (in any row)."""
        path = self.path_of(field).split(".")
        return any(code_of(value) is not None for value in _values(payload, path))

    def _query_key(self, name: str) -> str:
        field = self.form.fields.get(name)
        return f"{name}.FNumber" if field is None or field.type == "base" else name

    def _all_fields(self) -> Iterator[tuple[str, Field]]:
        for name, field in self.form.fields.items():
            yield name, field
            for inner, entry in field.fields.items():
                yield f"{name}.{inner}", entry


def _values(payload: Any, path: Sequence[str]) -> list[Any]:
    """All values at a path, through lists."""
    found = [payload]
    for name in path:
        stepped: list[Any] = []
        for value in found:
            inner = get(value, name)
            stepped.extend(inner if isinstance(inner, (list, tuple)) else [inner])
        found = stepped
    return found
