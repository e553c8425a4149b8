"""JSON for people: indented, Chinese as it is, amounts as number literals digit for digit."""

from __future__ import annotations

from typing import Any

from engine.cli.context import escaped

__all__ = ["pretty"]


def pretty(value: Any) -> str:
    """The value as indented JSON."""
    from engine.jsontext import indented

    return escaped(indented(value))
