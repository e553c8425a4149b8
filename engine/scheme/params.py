"""A scheme's params, with their values: --set before connections.yaml before the scheme's own defaults."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.errors import ConfigurationError, Position, SchemeError, UsageError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.environments import SchemeValues
    from engine.scheme.model import ParamSpec, Scheme

__all__ = [
    "GO_LIVE",
    "moment",
    "param_value",
    "params_in_window_start",
    "params_left_to_default",
    "parse_overrides",
    "resolve_params",
]

GO_LIVE = "go_live"
"""The param that is the engine's: final records that were finished earlier are skipped."""

_RELATIVE = re.compile(r"-\s*([0-9]{1,6})\s*([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_DATE = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")


def parse_overrides(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    """``--set k=v`` options as a dict. Raises UsageError for one without ``=``."""
    given: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise UsageError(tr('"--set {pair}" must be --set name=value', pair=pair))
        given[name.strip()] = value
    return given


def resolve_params(
    scheme: Scheme, values: SchemeValues | None, overrides: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """All params with their values, typed: str, int, Decimal, bool, date, or datetime with a zone.

    A param that is not required and has no value is None. Raises UsageError for a name in `overrides` that
    the scheme does not have, SchemeError for one in `values` or a value of the wrong type, ConfigurationError
    for a required one without a value.
    """
    given = values.params if values else {}
    positions = values.positions if values else {}
    for name in overrides:
        _known(scheme, name, lambda text, hint: UsageError(text, hint=hint))
    for name in given:
        place = positions.get(name)
        _known(scheme, name, lambda text, hint, place=place: SchemeError(text, position=place, hint=hint))
    resolved: dict[str, Any] = {}
    for name, spec in scheme.params.items():
        if name in overrides:
            resolved[name] = _typed(spec, overrides[name], now, None)
        elif name in given:
            resolved[name] = _typed(spec, given[name], now, positions.get(name))
        else:
            resolved[name] = _typed(spec, spec.default, now, spec.position)
        if resolved[name] is None and spec.required:
            raise ConfigurationError(
                tr('the param "{name}" ({label}) has no value', name=name, label=spec.label or name),
                position=spec.position,
                hint=tr("give it in connections.yaml under values, or with --set {name}=…", name=name),
            )
    return resolved


def _known(scheme: Scheme, name: str, error: Callable[..., Exception]) -> None:
    if name in scheme.params:
        return
    close = nearest(name, scheme.params)
    known = tr("known are {names}", names=", ".join(scheme.params) or "-")
    hint = tr('did you mean "{word}"?', word=close) if close else known
    raise error(tr('the scheme "{scheme}" has no param "{name}"', scheme=scheme.id, name=name), hint)


def _typed(spec: ParamSpec, value: Any, now: datetime, place: Position | None) -> Any:
    if value is None or (value == "" and not spec.required):
        return None
    try:
        return param_value(spec.type, value, now)
    except ValueError as error:
        raise _as_user_error(place)(
            tr('the param "{name}" must be {what}, not "{value}"', name=spec.name, what=error, value=value),
            position=place,
        ) from None


def _as_user_error(place: Position | None) -> type[SchemeError] | type[UsageError]:
    return UsageError if place is None else SchemeError


def param_value(kind: str, value: Any, now: datetime) -> Any:
    """A written value made into its type. Raises ValueError, whose text says what it must be."""
    return _READERS[kind](value, now)


def _string(value: Any, now: datetime) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, Decimal, date)):
        raise ValueError(tr("a text"))  # noqa: TRY004 - one kind of error for all readers
    return str(value)


def _integer(value: Any, now: datetime) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        raise ValueError(tr("a whole number"))
    return int(text)


def _decimal(value: Any, now: datetime) -> Decimal:
    text = str(value).strip().replace(",", "")
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", text):
        raise ValueError(tr("a number"))
    return Decimal(text)


def _boolean(value: Any, now: datetime) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in {"true", "false"}:
        raise ValueError(tr("true or false"))
    return text == "true"


def moment(value: Any, now: datetime) -> datetime:
    """A point in time: a date (its first moment), an ISO time, or so long before now (``-40d``, ``-12h``).

    Times without a zone are Shanghai's. Raises ValueError.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=SHANGHAI)
    text = str(value).strip()
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative is not None:
            return now - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        if found := _DATE.fullmatch(text):
            return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=SHANGHAI)
        if not re.match(r"[0-9]{4}-", text):
            raise ValueError(text)
        made = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(tr("a time such as 2026-12-01 08:30, or so long before now such as -100d")) from None
    return made if made.tzinfo else made.replace(tzinfo=SHANGHAI)


def _date(value: Any, now: datetime) -> date:
    text = str(value).strip()
    if isinstance(value, str) and not _RELATIVE.fullmatch(text) and not _DATE.fullmatch(text):
        raise ValueError(tr("a date such as 2026-12-01, or so long before now such as -100d"))
    try:
        return moment(value, now).astimezone(SHANGHAI).date()
    except ValueError:
        raise ValueError(tr("a date such as 2026-12-01, or so long before now such as -100d")) from None


_READERS: dict[str, Callable[[Any, datetime], Any]] = {
    "string": _string,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "datetime": moment,
}


# --- the first real run ------------------------------------------------------------------------------------


def params_in_window_start(scheme: Scheme) -> set[str]:
    """The params that decide where the first run begins to read."""
    window = scheme.source.window
    if window is None or isinstance(window.start, str):
        return set()
    text = window.start.text
    return {name for name in scheme.params if re.search(rf"\bparams\s*(?:\.\s*|\[\s*['\"]){name}\b", text)}


def params_left_to_default(
    scheme: Scheme, values: SchemeValues | None, overrides: Mapping[str, str]
) -> set[str]:
    """Params of the window's start that nobody gave: outside the sandbox a default must not pay history."""
    given = set(overrides) | set(values.params if values else ())
    return params_in_window_start(scheme) - given
