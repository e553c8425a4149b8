"""What a compiled mapping may call: the interpreted form's own functions, with short ways for usual values.

Everything unusual raises `Unusual`, and the interpreted form then says what comes of it: a short way needs to
be right only where it gives a value.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2.runtime import Undefined

from engine.errors import RecordError
from engine.mapping.allowance import STEPS_MOST, TEXT_MOST, Allowance, bounded
from engine.mapping.compiled.whole import Begun
from engine.mapping.fill import LEFT_OUT, fill, holds, read
from engine.mapping.filling import finish_late
from engine.mapping.filters import KNOWN_FILTERS, PLAIN_FILTERS
from engine.mapping.jsonout import json_text
from engine.mapping.moments import to_date, to_moment, to_unix_ms, write_moment
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import BINARY, number
from engine.mapping.scope import MISS, RecordView, field_of, unwrap, wrap
from engine.mapping.template_rewrite import sliced
from engine.mapping.templates import SANDBOX
from engine.mapping.textmethods import TextMethod
from engine.mapping.values import AMOUNT, DIGITS_MOST, coerce, is_empty, to_decimal, to_text
from engine.mapping.wrapping import unwrapped, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import tzinfo

    from engine.mapping.paths import Path
    from engine.mapping.plan import FieldPlan
    from engine.mapping.rules import Items, Rule
    from engine.mapping.scope import Scope

__all__ = ["NAMES", "PLAIN", "Passing", "Unusual"]


class Unusual(Exception):
    """The short way ends here."""


class Passing(Exception):
    """What a look-up raised by itself, at the field that the interpreted form would have been at."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.passing = error


PLAIN: Final = frozenset({str, int, bool, type(None), Decimal})
"""Classes of values that stand for themselves in records, templates and documents."""

_UNUSUAL: Final = Unusual()
_MADE_MOST: Final = 100_000


# --- reading ------------------------------------------------------------------------------------------------


def got(holder: Any, name: str) -> Any:
    """A field of what is no plain dict, as paths find it."""
    try:
        return holder.get(name, MISSING)
    except (TypeError, AttributeError):
        return MISSING


def one(path: Path, root: Any) -> Any:
    """The value of a path that only jsonpath-ng can follow, or `MISSING`."""
    return path.one(root)


def single(root: Any, label: str) -> None:
    """Refuse a missing label that the form has more than once."""
    if isinstance(root, dict) and label not in root and label in (root.get("_repeated") or ()):
        raise _UNUSUAL


def singles(root: Any, labels: tuple[str, ...]) -> None:
    """As `single`, for all names that a template reads."""
    for label in labels:
        single(root, label)


def undefined(holder: Any, name: str) -> None:
    """Refuse a missing field unless a template may ask for it with ``default`` or ``is defined``."""
    if holder is not None:
        if holder.__class__ is not dict:
            raise _UNUSUAL
        single(holder, name)


def seen(value: Any) -> Any:
    """A record's value as templates see it."""
    if value.__class__ in PLAIN:
        return value
    if value is MISSING:
        raise _UNUSUAL
    return wrap(value)


# --- texts --------------------------------------------------------------------------------------------------


def text(value: Any) -> str:
    """A template's value as it stands in a text."""
    return json_text(value) if isinstance(value, (RecordView, list, tuple, dict)) else to_text(value)


def raw_text(value: Any) -> str:
    """A record's value as it stands in a template's text."""
    return text(seen(value))


def join(values: list[Any], separator: str) -> str:
    """The filter ``join``."""
    made: str
    try:
        if sum(map(len, values)) + len(values) * len(separator) <= TEXT_MOST:
            return separator.join(values)
    except TypeError:
        pass
    made = bounded(PLAIN_FILTERS["join"](bounded(values), separator))
    return made


def join_chosen(values: tuple[Any, ...], separator: str) -> str:
    """The filter ``join`` after ``select``."""
    chosen = list(filter(None, values))
    try:
        if sum(map(len, chosen)) + len(chosen) * len(separator) <= TEXT_MOST:
            return separator.join(chosen)
    except TypeError:
        pass
    return join(chosen, separator)


def select(values: Iterable[Any]) -> list[Any]:
    """The filter ``select`` without a test."""
    return list(filter(None, values))


def reject(values: list[Any]) -> list[Any]:
    """The filter ``reject`` without a test."""
    return [value for value in weighed(values) if not value]


# --- lists --------------------------------------------------------------------------------------------------


def weighed(values: Any) -> Any:
    """A list that a template writes."""
    letters = 0
    for value in values:
        if value.__class__ is str:
            letters += len(value)
        elif value.__class__ not in PLAIN:
            return bounded(values)
    return values if letters <= TEXT_MOST and len(values) < STEPS_MOST else bounded(values)


def steps(values: Any) -> list[Any]:
    """A list whose values are gone through one by one."""
    if values.__class__ is not list or len(values) > STEPS_MOST:
        raise _UNUSUAL
    made: list[Any] = values
    return made


def mapped(values: Any, run: Callable[..., Any], *args: Any) -> list[Any]:
    """The filter ``map`` with a filter that needs nothing but the value."""
    made: list[Any] = []
    length = 0
    for value in steps(values):
        result = bounded(run(value, *args))
        length += len(result) if isinstance(result, str) else 8
        if length > _MADE_MOST:
            raise _UNUSUAL
        made.append(result)
    return made


def tested(values: Any, wanted: bool, run: Callable[..., Any], *args: Any) -> list[Any]:
    """The filters ``select`` and ``reject`` with a test."""
    return [value for value in steps(values) if bool(run(value, *args)) is wanted]


def pairs(value: Any) -> list[Any]:
    """The filter ``items``."""
    return list(KNOWN_FILTERS["items"](value))


def parts(value: Any) -> list[Any]:
    """What a loop goes through, of what is no list."""
    return list(value)


def span(*bounds: int) -> list[int]:
    """The numbers of a range."""
    return list(Allowance().range(*bounds))


def size(value: Any) -> int:
    """How much a value counts as built."""
    if value.__class__ is str:
        return len(value)
    return 8 * len(value) if isinstance(value, (str, list, tuple, dict)) else 0


def with_sandbox(run: Callable[..., Any], value: Any, *args: Any, **kwargs: Any) -> Any:
    """A filter that asks for Jinja's environment."""
    found = run(SANDBOX, value, *args, **kwargs)
    if isinstance(found, Undefined):
        raise _UNUSUAL
    return found


def item(holder: Any, name: Any) -> Any:
    """``holder[name]`` in a template."""
    found = SANDBOX.getitem(holder, name)
    if isinstance(found, Undefined):
        raise _UNUSUAL
    return found


def attribute(holder: Any, name: str) -> Any:
    """``holder.name`` in a template."""
    found = SANDBOX.getattr(holder, name)
    if isinstance(found, (Undefined, TextMethod)):
        raise _UNUSUAL
    return found


def maybe_in(holder: Any, name: Any) -> Any:
    """A field of a group for ``default`` and ``is defined``: `MISSING` where it is not there."""
    if holder.__class__ is RecordView:
        return field_of(holder, name)
    if holder.__class__ is not dict:
        raise _UNUSUAL
    return holder.get(name, MISSING)


def method(name: str, receiver: Any, *args: Any, **kwargs: Any) -> Any:
    """A text's method."""
    if not isinstance(receiver, str):
        raise _UNUSUAL
    return bounded(TextMethod(receiver, name)(*args, **kwargs))


def minus(value: Any) -> Any:
    """``-value`` in a template."""
    return -number(value, "-")


def plus(value: Any) -> Any:
    """``+value`` in a template."""
    return number(value, "+")


def _bounded_operator(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: bounded(run(left, right))


def timed(rows: list[Any], clock: Callable[[], float] | None, deadline: float) -> Iterator[Any]:
    """The rows of a long table, as long as there is time."""
    for row in rows:
        if clock is not None and clock() > deadline:
            raise _UNUSUAL
        yield row


# --- values -------------------------------------------------------------------------------------------------


def amount(value: Any) -> Decimal:
    """`to_decimal`, with a short way for texts."""
    if value.__class__ is str and len(value) <= DIGITS_MOST and AMOUNT.fullmatch(value):
        return Decimal(value.replace(",", "").replace("，", ""))
    return to_decimal(value)


def amount_or_out(value: Any) -> Any:
    """The amount; `LEFT_OUT` for what is left out or missing."""
    return LEFT_OUT if value is MISSING or is_empty(value) else amount(value)


def key(value: Any) -> str:
    """The key to look up, of what is no text; '' for nothing."""
    return "" if value is MISSING or is_empty(value) else to_text(value).strip()


def code(value: Any, kind: str | None, format: str | None, zone: tzinfo) -> Any:
    """A value of base data: its code, trimmed, or an object as written; `LEFT_OUT` for nothing."""
    if value is MISSING or is_empty(value):
        return LEFT_OUT
    if isinstance(value, (dict, list)):
        return value
    return to_text(coerce(value, kind, format, zone) if kind is not None else value).strip()


def loose(value: Any) -> Any:
    """A value of no type; `LEFT_OUT` for nothing."""
    if value is MISSING or is_empty(value):
        return LEFT_OUT
    return write_moment(value) if isinstance(value, (date, time)) else value


def string(value: Any) -> Any:
    """A text; `LEFT_OUT` for nothing."""
    return LEFT_OUT if value is MISSING or is_empty(value) else to_text(value)


def typed(value: Any, kind: str, format: str | None, zone: tzinfo) -> Any:
    """A value of a type; `LEFT_OUT` for nothing."""
    return LEFT_OUT if value is MISSING or is_empty(value) else coerce(value, kind, format, zone)


def day_or_out(value: Any, zone: tzinfo) -> Any:
    """A day as text; `LEFT_OUT` for nothing."""
    return LEFT_OUT if value is MISSING or is_empty(value) else day(value, zone)


def day(value: Any, zone: tzinfo) -> str:
    """A day as text, with a short way for ``2024-05-08`` and ``2024-05-08 15:40:09``."""
    if value.__class__ is str and value[4::3] in _SHAPES and len(value) in (10, 19):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return write_moment(to_date(value, zone))
        if read.hour or value[11:12] != "2":  # 24:00 is a time to Python 3.13
            return value[:10]
    return write_moment(to_date(value, zone))


_SHAPES: Final = frozenset({"-- ::", "--T::", "--"})


def fill_now(plan: FieldPlan, rule: Rule, scope: Scope) -> Any:
    """A field as the interpreted form fills it, where that form would be at this field too."""
    try:
        return fill(plan, rule, scope)
    except RecordError:
        raise
    except Exception as error:
        raise Passing(error) from None


def read_all(entry: Items, scope: Scope) -> Any:
    """A list of plain values, as the interpreted form reads them."""
    return listed([read(leaf, scope) for leaf in entry.leaves])


def present(parts: Iterable[tuple[str, Any, bool]]) -> dict[str, Any]:
    """A group of its fields: names, what is sent of them, and whether they are left out."""
    return {name: value for name, value, absent in parts if not absent}


def time_of(value: Any, zone: tzinfo) -> time:
    """The filter ``time``."""
    return to_moment(value, zone).time()


def fits(value: Any, most: int) -> None:
    """Refuse a text that is too long."""
    if len(value if value.__class__ is str else to_text(value)) > most:
        raise _UNUSUAL


def listed(values: list[Any]) -> Any:
    """A list of plain values, without those that are left out."""
    return [value for value in values if value is not MISSING and not is_empty(value)] or LEFT_OUT


_FUNCTIONS: Final = (
    *(got, one, single, singles, undefined, seen, unwrap, text, raw_text, to_text, join, join_chosen),
    *(weighed, steps, mapped, select, reject, timed, item, attribute, method, minus, plus, sliced, bounded),
    *(
        amount,
        amount_or_out,
        key,
        code,
        loose,
        string,
        typed,
        day,
        day_or_out,
        to_date,
        to_moment,
        write_moment,
    ),
    *(tested, pairs, parts, span, size, with_sandbox, time_of, to_unix_ms),
    *(
        Begun,
        maybe_in,
        read_all,
        fill_now,
        finish_late,
        fits,
        listed,
        present,
        fill,
        holds,
        wrapped,
        unwrapped,
    ),
    *(len, str, dict, list, Decimal, Exception),
)
_OPERATORS: Final = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "FloorDiv": "//",
    "Mod": "%",
    "Pow": "**",
}

NAMES: Final[Mapping[str, Any]] = {
    **{run.__name__: run for run in _FUNCTIONS},
    **{f"op_{name}": _bounded_operator(BINARY[sign]) for name, sign in _OPERATORS.items()},
    "blank": object.__new__,
    "MISS": MISS,
    "MISSING": MISSING,
    "OUT": LEFT_OUT,
    "NEW": object(),
    "PLAIN": PLAIN,
    "UNUSUAL": _UNUSUAL,
    "ZERO": Decimal(0),
    "__builtins__": {},
}
"""All that the source of a compiled mapping can name, beside its own variables and kept values."""
