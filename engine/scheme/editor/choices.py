"""Pieces of JSON Schema that an editor completes from: values to choose among, and what each is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["only", "suggested", "text_of"]

Told = tuple[str, str]
"""A value, and what it is called."""


def only(choices: Iterable[Told]) -> dict[str, Any]:
    """One of these and nothing else."""
    told = dict(choices)
    return {
        "type": "string",
        "enum": list(told),
        "enumDescriptions": list(told.values()),
        "markdownEnumDescriptions": list(told.values()),
    }


def suggested(choices: Iterable[Told], otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """One of these, or whatever `otherwise` allows."""
    told = list(choices)
    return {"anyOf": [only(told), dict(otherwise)]} if told else dict(otherwise)


def text_of(*parts: str) -> str:
    """What is known of something, in one text for an editor; empty parts are left out."""
    return " · ".join(part for part in parts if part)
