"""JSON as text, with amounts untouched: Decimals go out digit for digit and come back as Decimals.

What comes back can be kept: answers come from elsewhere, and neither a database nor a terminal takes half a
character, a number of a billion digits, or lists within lists without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

__all__ = ["DEEPEST", "dumps", "indented", "loads"]

DEEPEST = 100
_EXPONENT_MOST = 100
_BROKEN = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


def dumps(value: Any) -> str:
    """Compact JSON in the order of the value's keys; a Decimal becomes a number literal without exponent."""
    try:
        return orjson.dumps(value, default=_encode).decode()
    except TypeError:  # half a character, or a whole number of more than 64 bits
        return orjson.dumps(_storable(value), default=_encode).decode()


def indented(value: Any) -> str:
    """JSON for people: a line for each value, Decimals digit for digit; NaN and the like as they are."""
    return "".join(_pieces(value, "\n"))


def _pieces(value: Any, line: str) -> Iterator[str]:
    inner = line + "  "
    if isinstance(value, dict) and value:
        yield from _inside("{", [(f"{_scalar(str(key))}: ", each) for key, each in value.items()], "}", inner)
    elif isinstance(value, list | tuple) and value:
        yield from _inside("[", [("", each) for each in value], "]", inner)
    else:
        yield _scalar(value)


def _inside(opening: str, items: list[tuple[str, Any]], closing: str, line: str) -> Iterator[str]:
    yield opening
    for place, (name, value) in enumerate(items):
        yield f"{',' if place else ''}{line}{name}"
        yield from _pieces(value, line)
    yield line[:-2] + closing


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) and not value.is_finite() else dumps(value)


def loads(text: str | bytes, deepest: int = DEEPEST) -> Any:
    """JSON to plain values; numbers with a point or exponent are Decimals, those beyond all measure texts.

    Each half of a character that was cut in two becomes a question mark, NUL the replacement character.
    Raises ValueError, also for more than `deepest` levels.
    """
    try:
        value = orjson.loads(text)
    except ValueError:  # what it refuses may still be readable, or is refused below in other words
        pass
    else:
        nul = b"\\u0000" in text if isinstance(text, bytes) else "\\u0000" in text
        if not nul and _is_plain(value, deepest):
            return value
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    try:
        value = json.loads(text, parse_float=_decimal, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > deepest:
        _measure(value, deepest)
    return _storable(value) if _BROKEN.search(text) else value


def _is_plain(value: Any, deepest: int) -> bool:
    """Whether a fast reader's value is as it should be: no float, which has lost digits, and not too deep."""
    level = [value]
    for _ in range(deepest + 1):
        below: list[Any] = []
        held = False
        for part in level:
            kind = type(part)
            if kind is dict:
                held = True
                below += part.values()
            elif kind is list:
                held = True
                below += part
            elif kind is float:
                return False
        if not held:
            return True
        level = below
    return False


def _measure(value: Any, deepest: int) -> None:
    level = [value]
    for _ in range(deepest + 1):
        held = [part for part in level if isinstance(part, dict | list)]
        if not held:
            return
        level = [part for each in held for part in (each.values() if isinstance(each, dict) else each)]
    raise ValueError("nested too deeply")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {_storable(name): _storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(part) for part in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return Decimal(value)
    return value


def _decimal(text: str) -> Decimal | str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if abs(number.adjusted()) < _EXPONENT_MOST else text


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} is no JSON number")
        if abs(value.adjusted()) > 1000 * _EXPONENT_MOST:  # a few letters must not become gigabytes
            raise TypeError("a number is beyond all measure")
        return orjson.Fragment(format(value, "f").encode())
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
