"""The filters and tests that templates know: Jinja's own where they are bounded, and the engine's.

Left out of Jinja's, with the reason:

- they reach attributes by name: ``attr``, ``groupby``, ``selectattr``, ``rejectattr``, and ``attribute=`` of
  ``map``, ``sum``, ``min``, ``max``, ``sort``, ``unique``, ``join``;
- an argument alone sets how much they build: ``batch``, ``center``, ``format``, ``indent``, ``slice``,
  ``urlize``, ``wordwrap``, ``xmlattr``;
- the same record must always give the same document: ``random``;
- they show Python's inside: ``pprint``.

Those that make markup (``escape``, ``safe``, …) give plain text: a document is no page.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import filters as jinja
from jinja2 import pass_context, pass_environment
from jinja2.runtime import Undefined
from jinja2.tests import TESTS as JINJA_TESTS
from markupsafe import Markup

from engine.errors import RecordError
from engine.language import tr
from engine.mapping.allowance import TEXT_MOST, bounded
from engine.mapping.jsonout import json_text
from engine.mapping.lookups import find_in_table
from engine.mapping.moments import to_date, to_moment, to_unix_ms, write_moment
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import allowance_of, scope_of
from engine.mapping.scope import RecordView, field_of
from engine.mapping.textmethods import joined, replaced
from engine.mapping.values import money, to_decimal, to_integer, to_text

if TYPE_CHECKING:
    from jinja2.environment import Environment
    from jinja2.runtime import Context

__all__ = ["FILTERS", "KNOWN_FILTERS", "PLAIN_FILTERS", "REASONS", "TESTS"]

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("attr", "groupby", "selectattr", "rejectattr"), "it reaches attributes; use a for loop"),
    **dict.fromkeys(
        ("batch", "center", "format", "indent", "slice", "urlize", "wordwrap", "xmlattr"),
        "what it builds has no bound",
    ),
    "random": "the same record must always give the same document",
    "pprint": "it shows Python's inside; use json",
}
"""Why a filter of Jinja's is not known here, in English (a key of the language files)."""


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value
    if isinstance(value, (RecordView, list, tuple, dict)):
        return json_text(value)
    return to_text(value)


def _on_text(run: Callable[..., Any]) -> Callable[..., Any]:
    """A filter over the value's text; null is an empty text, not the word None."""

    @wraps(run)
    def filter_text(value: Any, *args: Any, **kwargs: Any) -> Any:
        return run(_text(value), *args, **kwargs)

    return filter_text


def _truncate(
    text: str, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5
) -> str:
    if len(text) <= length + max(leeway, 0):
        return text
    cut = text[: max(length - len(end), 0)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def _int(value: Any, default: Any = MISSING) -> Any:
    try:
        return int(to_decimal(value))
    except RecordError:
        if default is MISSING:
            raise
        return default


def _float(value: Any, default: Any = MISSING) -> Any:
    try:
        return to_decimal(value)
    except RecordError:
        if default is MISSING:
            raise
        return default


_ROUNDINGS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}


def _round(value: Any, precision: int = 0, method: str = "common") -> Decimal:
    if method not in _ROUNDINGS or not -30 <= precision <= 30:
        raise ValueError(tr("round takes up to 30 digits, and common, ceil or floor"))
    return to_decimal(value).quantize(Decimal(1).scaleb(-precision), _ROUNDINGS[method])


def _sum(values: Iterable[Any], start: Any = 0) -> Any:
    total: Any = start
    for value in values:
        if isinstance(total, str) or isinstance(value, (str, bool)) or not isinstance(value, (int, Decimal)):
            raise TypeError(tr("sum adds numbers only; texts become numbers with | map('decimal')"))
        total = total + value
    return bounded(total)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    @pass_environment
    def extreme(environment: Environment, values: Iterable[Any], case_sensitive: bool = False) -> Any:
        held = list(values)
        if not held:
            return environment.undefined(tr("there is nothing to choose from"))
        return choose(held, key=_folded if not case_sensitive else None)

    return extreme


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _sort(values: Iterable[Any], reverse: bool = False, case_sensitive: bool = False) -> list[Any]:
    return sorted(values, key=_folded if not case_sensitive else None, reverse=reverse)


def _unique(values: Iterable[Any], case_sensitive: bool = False) -> list[Any]:
    return list(
        {value if case_sensitive else _folded(value): value for value in reversed(list(values))}.values()
    )[::-1]


def _join(values: Iterable[Any], separator: str = "") -> str:
    held = values if values.__class__ is list else list(values)
    try:
        if sum(map(len, held)) + len(held) * len(separator) <= TEXT_MOST:
            return separator.join(held)
    except TypeError:
        pass  # not all of them are texts
    return joined(to_text(separator), map(_text, held))


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, RecordView):
        return ((name, field_of(value, name)) for name in value)
    if isinstance(value, dict):
        return iter(value.items())
    raise TypeError(tr("items takes a group of fields"))


def _dictsort(value: Any, case_sensitive: bool = False, by: str = "key", reverse: bool = False) -> list[Any]:
    place = {"key": 0, "value": 1}[by]
    key = (lambda pair: pair[place]) if case_sensitive else (lambda pair: _folded(pair[place]))
    return sorted(_items(value), key=key, reverse=reverse)


@pass_context
def _map(context: Context, values: Iterable[Any], name: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
    for value in allowance_of(context).steps(values):
        yield context.environment.call_filter(name, value, list(args), kwargs, context=context)


def _choosing(wanted: bool) -> Callable[..., Any]:
    @pass_context
    def choose(context: Context, values: Iterable[Any], name: str | None = None, *args: Any) -> Iterator[Any]:
        for value in allowance_of(context).steps(values):
            if name is None:
                holds = bool(value)
            else:
                holds = context.environment.call_test(name, value, list(args), context=context)
            if holds is wanted:
                yield value

    return choose


@pass_context
def _date(context: Context, value: Any, format: str | None = None) -> Any:
    day = to_date(value, scope_of(context).zone)
    return day if format is None else write_moment(day, format)


@pass_context
def _datetime(context: Context, value: Any, format: str | None = None) -> Any:
    moment = to_moment(value, scope_of(context).zone)
    return moment if format is None else write_moment(moment, format)


@pass_context
def _time(context: Context, value: Any, format: str | None = None) -> Any:
    moment = to_moment(value, scope_of(context).zone).time()
    return moment if format is None else write_moment(moment, format)


@pass_context
def _unix_ms(context: Context, value: Any) -> int:
    return to_unix_ms(value, scope_of(context).zone)


@pass_context
def _lookup(context: Context, key: Any, table: str, default: Any = MISSING) -> Any:
    return find_in_table(scope_of(context), table, key, default)


@pass_context
def _total(context: Context, name: str) -> Any:
    return scope_of(context).sum_up(name)


def _cut(value: Any, length: int) -> str:
    text = _text(value)
    if not isinstance(length, int) or length < 0:
        raise ValueError(tr("cut takes a number of characters"))
    return text[:length]


def _strict(run: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing what is not there before it can be taken for an empty value; its result counts."""
    wanted = getattr(getattr(run, "jinja_pass_arg", None), "name", None)

    @wraps(run)
    def strict(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value.__class__ is not str and isinstance(value, Undefined):
            value._fail_with_undefined_error()
        if wanted is None:
            return allowance_of(context).made(run(value, *args, **kwargs))
        first = context if wanted == "context" else context.environment
        return allowance_of(context).made(run(first, value, *args, **kwargs))

    return pass_context(strict)


KNOWN_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    # Jinja's own
    "abs": lambda value: abs(to_decimal(value)) if not isinstance(value, int) else abs(value),
    "capitalize": _on_text(str.capitalize),
    "count": len,
    "dictsort": _dictsort,
    "e": _on_text(html.escape),
    "escape": _on_text(html.escape),
    "filesizeformat": lambda value, binary=False: jinja.do_filesizeformat(to_integer(value), binary),
    "first": jinja.sync_do_first,
    "float": _float,
    "forceescape": _on_text(html.escape),
    "int": _int,
    "items": _items,
    "join": _join,
    "last": jinja.do_last,
    "length": len,
    "list": list,
    "lower": _on_text(str.lower),
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "reject": _choosing(False),
    "replace": _on_text(lambda text, old, new, count=-1: replaced(text, to_text(old), to_text(new), count)),
    "reverse": lambda value: value[::-1] if isinstance(value, str) else list(value)[::-1],
    "round": _round,
    "safe": _on_text(str),
    "select": _choosing(True),
    "sort": _sort,
    "string": _on_text(str),
    "striptags": _on_text(lambda text: Markup(text).striptags()),
    "sum": _sum,
    "title": _on_text(jinja.do_title),
    "tojson": lambda value: json_text(value),
    "trim": _on_text(lambda text, chars=None: text.strip(chars)),
    "truncate": _on_text(_truncate),
    "unique": _unique,
    "upper": _on_text(str.upper),
    "urlencode": _on_text(jinja.do_urlencode),
    "wordcount": _on_text(jinja.do_wordcount),
    # the engine's
    "cut": _cut,
    "date": _date,
    "datetime": _datetime,
    "decimal": to_decimal,
    "digits": _on_text(lambda text: "".join(sign for sign in text if sign in "0123456789")),
    "json": lambda value: json_text(value),
    "lookup": _lookup,
    "money": money,
    "time": _time,
    "total": _total,
    "unix_ms": _unix_ms,
}

PLAIN_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    name: run
    for name, run in KNOWN_FILTERS.items()
    if getattr(run, "jinja_pass_arg", None) is None and name != "items"
}
"""Those that need nothing but what they are given and give no iterator; their results are not bounded."""

FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: _strict(run) for name, run in KNOWN_FILTERS.items()},
    "default": jinja.do_default,
    "d": jinja.do_default,
}


def _remainder(value: Any, number: Any) -> Any:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, Decimal))
        or not isinstance(number, (int, Decimal))
    ):
        raise TypeError(tr("only numbers are even, odd or divisible"))  # a text's % would format it
    return value % number


_INNER = frozenset({"callable", "filter", "test", "escaped"})  # of Python's and Jinja's inside, not of data

TESTS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: cast("Callable[..., Any]", run) for name, run in JINJA_TESTS.items() if name not in _INNER},
    "divisibleby": lambda value, number: _remainder(value, number) == 0,
    "even": lambda value: _remainder(value, 2) == 0,
    "odd": lambda value: _remainder(value, 2) != 0,
    "float": lambda value: isinstance(value, Decimal),
    "mapping": lambda value: isinstance(value, (RecordView, dict)),
    "sequence": lambda value: isinstance(value, (str, list, tuple, range)),
}
