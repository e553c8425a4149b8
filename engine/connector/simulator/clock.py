"""The sandbox's clock: the machine's, moved by an offset that all processes share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.connector.simulator.state import FILE_NAME, SandboxState

if TYPE_CHECKING:
    from pathlib import Path

    from engine.connector.simulator.state import Store

__all__ = ["SandboxClock", "move_offset", "read_offset"]

_KIND, _KEY = "sandbox", "clock"


class SandboxClock:
    """Sandbox time = real time + the offset in state + `shift`, which a command brings (``ENGINE_NOW``)."""

    def __init__(self, state: SandboxState, shift: timedelta = timedelta()) -> None:
        self._state = state
        self._shift = shift

    def now(self) -> datetime:
        """The present in the sandbox, in UTC."""
        with self._state.reading() as store:
            return self.at(store)

    def at(self, store: Store) -> datetime:
        """The present, read within a transaction that is open already."""
        return datetime.now(UTC) + self._shift + _offset(store)

    def advance(self, duration: timedelta) -> timedelta:
        """Move the clock on, for all; gives the whole offset reached."""
        with self._state.transaction() as store:
            return move_offset(store, duration)


def move_offset(store: Store, duration: timedelta) -> timedelta:
    """Move the shared offset on within a transaction."""
    moved = _offset(store) + duration
    store.within("").put(_KIND, _KEY, {"offset_us": moved // timedelta(microseconds=1)})
    return moved


def read_offset(folder: Path) -> timedelta:
    """The offset of the sandbox in `folder`, for the engine's own clock; none yet makes no state."""
    if not (folder / FILE_NAME).exists():
        return timedelta()
    state = SandboxState(folder)
    try:
        with state.reading() as store:
            return _offset(store)
    finally:
        state.close()


def _offset(store: Store) -> timedelta:
    doc = store.within("").get(_KIND, _KEY)
    return timedelta(microseconds=doc["offset_us"]) if doc else timedelta()
