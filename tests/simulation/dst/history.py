"""What happened, in order: for the hash that proves determinism, and for the reader of a failing seed."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

from dst.loop import SimLoop, current_process

__all__ = ["History"]


class History:
    """Events with their virtual times. `faults` counts what the storm did, by kind."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.events: list[tuple[float, str, str, tuple[Any, ...]]] = []
        self.faults: Counter[str] = Counter()
        self.closed = False

    def note(self, text: str, *values: Any, who: str | None = None) -> None:
        """Add an event; `text` is a format for `values`, filled in only when somebody reads it."""
        if self.closed:
            return
        if who is None:
            process = current_process.get()
            who = process.name if process else "world"
        self.events.append((self._loop.time(), who, text, values))

    def fault(self, kind: str, text: str = "", *values: Any) -> None:
        """Add a fault."""
        self.faults[kind] += 1
        self.note("! {}" + (f": {text}" if text else ""), kind, *values)

    def digest(self) -> str:
        """The same for the same history."""
        return sha256("\n".join(self.lines()).encode()).hexdigest()

    def lines(self) -> list[str]:
        return [f"{at:12.3f}  {who:<8} {text.format(*values)}" for at, who, text, values in self.events]
