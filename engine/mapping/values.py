"""What a value is: amounts, whole numbers, texts and yes/no, read strictly and written plainly.

Nothing is guessed: a text becomes a number or a time only where a type asks for it, and one that does not fit
is a RecordError that quotes it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.language import tr
from engine.mapping.moments import to_date, to_moment, write_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

__all__ = [
    "AMOUNT",
    "DIGITS_MOST",
    "TYPES",
    "coerce",
    "is_empty",
    "money",
    "plain_number",
    "quoted",
    "to_boolean",
    "to_decimal",
    "to_integer",
    "to_text",
]

TYPES = ("string", "integer", "decimal", "boolean", "date", "datetime")

DIGITS_MOST = 40
_QUOTED_MOST = 60
AMOUNT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+|[0-9]{1,3}(?:[,，][0-9]{3})+(?:\.[0-9]*)?)")
_YES = frozenset({"true", "yes", "y", "1", "是"})
_NO = frozenset({"false", "no", "n", "0", "否"})
_CENT = Decimal("0.01")


def quoted(value: Any) -> str:
    """A value in quotes, for a message: cut where it is long, named by kind where it is no scalar."""
    if isinstance(value, str):
        shown = value if len(value) <= _QUOTED_MOST else value[: _QUOTED_MOST - 1] + "…"
        return f'"{shown}"'
    if value is None:
        return tr("nothing")
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python refuses to write it
        return tr("a number")
    if isinstance(value, (bool, date, time)):
        return f'"{to_text(value)}"'
    if isinstance(value, (int, Decimal, float)):
        return f'"{str(value)[:_QUOTED_MOST]}"'
    return tr("a table") if isinstance(value, (list, tuple)) else tr("a group of fields")


def is_empty(value: Any) -> bool:
    """Whether a value is left out: null, a text of blanks, or a table or group without content."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (dict, list, tuple)) and not value)


def to_decimal(value: Any) -> Decimal:
    """The amount. Takes thousands separators (``1,234.50``, also full-width commas) and blanks around it.

    Raises RecordError for anything else: NaN, exponents, an empty text, two points, separators out of place.
    """
    if value.__class__ is str and len(value) <= DIGITS_MOST and value.isascii():  # as most amounts are
        plain = value.replace(".", "", 1)
        if plain.isdigit():
            return Decimal(value)
    if isinstance(value, Decimal):
        if value.is_finite() and abs(value.adjusted()) <= DIGITS_MOST:
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() <= 132:  # forty digits
            return Decimal(value)
    elif isinstance(value, (str, float)):
        text = value.strip() if isinstance(value, str) else repr(value)
        if len(text) <= DIGITS_MOST and AMOUNT.fullmatch(text):
            return Decimal(text.replace(",", "").replace("，", ""))
    raise RecordError(tr("{value} is not an amount", value=quoted(value)))


def to_integer(value: Any) -> int:
    """The whole number; ``3.00`` is one, ``3.5`` is not. Raises RecordError."""
    try:
        number = to_decimal(value)
    except RecordError:
        number = None
    if number is None or number != number.to_integral_value():
        raise RecordError(tr("{value} is not a whole number", value=quoted(value)))
    return int(number)


def to_boolean(value: Any) -> bool:
    """Yes or no, from true/false, yes/no, 是/否, 1/0. Raises RecordError."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int, Decimal)) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise RecordError(
        tr("{value} is neither yes nor no", value=quoted(value)),
        hint=tr("known are: true, false, yes, no, 是, 否, 1, 0"),
    )


def to_text(value: Any) -> str:
    """A scalar as text: amounts digit for digit, times as systems here write them, null as nothing.

    Raises RecordError for a table or a group of fields.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (Decimal, float)):
        return plain_number(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, (date, time)):
        return write_moment(value)
    raise RecordError(tr("{value} cannot stand as a text", value=quoted(value)))


def plain_number(number: Decimal) -> str:
    """The digits without an exponent. Raises RecordError for NaN and for sizes no amount has."""
    if not number.is_finite() or abs(number.adjusted()) > 100:
        raise RecordError(tr("a number has no size that an amount can have"))
    return format(number, "f")


def money(value: Any) -> Decimal:
    """The amount with two digits, half up."""
    return to_decimal(value).quantize(_CENT, ROUND_HALF_UP)


def coerce(value: Any, kind: str, format: str | None, zone: tzinfo) -> Any:
    """The value as `kind` (one of `TYPES`); dates and times become the texts that systems take.

    `format` shapes a date or time (``yyyy-MM-dd``, ``%Y%m%d``) or sets an amount's digits (``0.00``, half
    up). Raises RecordError when the value does not fit.
    """
    return _COERCERS[kind](value, format, zone)


def _decimal(value: Any, format: str | None, _zone: tzinfo) -> Decimal:
    amount = to_decimal(value)
    if format is None:
        return amount
    digits = len(format.partition(".")[2])
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _date(value: Any, format: str | None, zone: tzinfo) -> str:
    return write_moment(to_date(value, zone), format)


def _datetime(value: Any, format: str | None, zone: tzinfo) -> str:
    moment: datetime = to_moment(value, zone)
    return write_moment(moment, format)


_COERCERS: dict[str, Callable[[Any, str | None, tzinfo], Any]] = {
    "string": lambda value, _format, _zone: to_text(value),
    "integer": lambda value, _format, _zone: to_integer(value),
    "decimal": _decimal,
    "boolean": lambda value, _format, _zone: to_boolean(value),
    "date": _date,
    "datetime": _datetime,
}
