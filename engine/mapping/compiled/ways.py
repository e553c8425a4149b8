"""Which way each field goes: compiled, or interpreted and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.errors import Position

__all__ = ["Outside", "Way"]


class Outside(Exception):
    """Something that is not compiled; the reason is a text for `tr`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Way:
    """A field's way. `reason` is None where it is compiled, else a text for `tr`."""

    field: str
    position: Position
    reason: str | None
