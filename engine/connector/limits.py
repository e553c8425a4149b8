"""How much and how fast a connection may be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import SchemeError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from engine.nodes import Node

__all__ = ["Limits", "parse_duration", "read_limits"]

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection. Rates are for each interface; durations are in seconds; None is no limit.

    `writers` is how many batches are on their way at a time: as many as `concurrency` where that was given,
    else two, since not every target bears more. `settle` is None unless it was given: what it is otherwise
    depends on environment and key (`settle_for`).
    """

    per_second: Decimal | None = None
    per_minute: Decimal | None = None
    per_day: int | None = None
    per_month: int | None = None
    concurrency: int = 8
    timeout: float = 60.0
    settle: float | None = None
    writers: int = 2

    def settle_for(self, *, sandbox: bool, unique: bool) -> float:
        """Seconds after which a request is surely over: what was given, else 2 in the sandbox, 5 where the
        target keeps the key unique, else 180."""
        if self.settle is not None:
            return self.settle
        if sandbox:
            return 2.0
        return 5.0 if unique else 180.0


def parse_duration(text: str) -> timedelta:
    """``90s``, ``1.5h``, ``40d``, ``500ms`` as a duration; a bare number is seconds. Raises ValueError."""
    cleaned = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", cleaned):
        cleaned += "s"
    found = _DURATION.fullmatch(cleaned)
    if found is None:
        raise ValueError(text)
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def read_limits(node: Node | None, *, sandbox: bool) -> Limits:
    """The `limits` of a connection. Raises SchemeError with the place of what is wrong."""
    given: dict[str, Any] = {}
    if sandbox:
        given["timeout"] = 30.0
    if node is None:
        return Limits(**given)
    if not node.is_mapping:
        raise SchemeError(tr('"limits" must be a mapping'), position=node.position)
    for key, value in node.items():
        reader = _READERS.get(key)
        if reader is None:
            close = nearest(key, _READERS)
            raise SchemeError(
                tr('unknown limit "{key}"', key=key),
                position=node.keys.get(key, value.position),
                hint=tr('did you mean "{word}"?', word=close)
                if close
                else tr("known are {names}", names=", ".join(_READERS)),
            )
        given[key] = reader(key, value)
    if "concurrency" in given:
        given["writers"] = given["concurrency"]
    return Limits(**given)


def _rate(key: str, node: Node) -> Decimal:
    try:
        value = Decimal(str(node.value))
    except ArithmeticError:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise SchemeError(tr('"{key}" must be a number above 0', key=key), position=node.position)
    return value


def _count(key: str, node: Node) -> int:
    value = _rate(key, node)
    if value != int(value):
        raise SchemeError(tr('"{key}" must be a whole number above 0', key=key), position=node.position)
    return int(value)


def _seconds(key: str, node: Node) -> float:
    try:
        return parse_duration(str(node.value)).total_seconds()
    except (ValueError, OverflowError):
        raise SchemeError(
            tr('"{key}" must be a duration such as 120s or 3m', key=key), position=node.position
        ) from None


def _timeout(key: str, node: Node) -> float:
    value = _seconds(key, node)
    if value <= 0:
        raise SchemeError(tr('"{key}" must be longer than nothing', key=key), position=node.position)
    return value


_READERS = {
    "per_second": _rate,
    "per_minute": _rate,
    "per_day": _count,
    "per_month": _count,
    "concurrency": _count,
    "timeout": _timeout,
    "settle": _seconds,
}
