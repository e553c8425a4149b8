"""JSON as text, with amounts untouched: Decimals go out digit for digit and come back as Decimals."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

__all__ = ["dumps", "loads"]


def dumps(value: Any) -> str:
    """Compact JSON in the order of the value's keys; a Decimal becomes a number literal without exponent."""
    return orjson.dumps(value, default=_encode).decode()


def loads(text: str | bytes) -> Any:
    """JSON to plain values; numbers with a point or exponent are Decimals. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} is no JSON number")
        return orjson.Fragment(format(value, "f").encode())
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
