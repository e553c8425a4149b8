"""JSON for people: indented, Chinese as it is, amounts as number literals digit for digit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.cli.context import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pretty"]


def pretty(value: Any) -> str:
    """The value as indented JSON."""
    return escaped("".join(_pieces(value, "\n")))


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
    from engine import jsontext

    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return jsontext.dumps(value)
