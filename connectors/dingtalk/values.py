"""Values of a form's components: as their text, decoded, and such that they can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from engine import jsontext

__all__ = ["decoded_of", "storable", "text_of", "value_of"]

_DIGITS_MOST = 100


def value_of(raw: Any) -> str | None:
    """A value as the form's text. Unfilled is a missing key or the text ``null``; cells were also seen with
    real lists and numbers, which become the JSON text that other captures have."""
    if raw is None or raw == "null":
        return None
    if isinstance(raw, str):
        return raw
    kept = storable(raw)
    return kept if isinstance(kept, str) else jsontext.dumps(kept)


def storable(value: Any) -> Any:
    """The value as JSON and databases can hold it. Each half of a broken surrogate pair is replaced (where a
    text was cut in the middle of an emoji); numbers beyond all measure become Decimals or texts."""
    try:  # nearly all values are so already, and nobody tells it faster
        orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return _made_storable(value)
    return value


def _made_storable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_made_storable(part) for part in value]
    if isinstance(value, Mapping):
        return {_made_storable(name): _made_storable(part) for name, part in value.items()}
    if isinstance(value, Decimal):
        return value if abs(value.adjusted()) < _DIGITS_MOST else str(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return Decimal(value) if value.bit_length() < 3 * _DIGITS_MOST else str(value)
    return value


def decoded_of(raw: Any) -> Any:
    """The value of a JSON text; a text that is no JSON stays itself."""
    if not isinstance(raw, str):
        return raw
    if raw in ("", "null"):
        return None
    try:
        return jsontext.loads(raw)
    except (ValueError, RecursionError):
        return raw


def text_of(raw: Any) -> str | None:
    """A label or an id, without blanks around it; None for none."""
    return raw.strip() or None if isinstance(raw, str) else None
