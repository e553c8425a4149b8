"""Lines at the end of standard error that are drawn anew while work goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Callable

__all__ = ["Live"]

_DRAWN_EVERY = 0.125


class Live:
    """Lines that are drawn anew until they are taken away again.

    To be used within a running event loop, which draws them. What is written to standard error meanwhile
    stands above them.
    """

    def __init__(self, lines: Callable[[], list[str]]) -> None:
        self._lines = lines
        self._drawn = 0
        self._later: TimerHandle | None = None
        self._stream: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Draw them from now on."""
        self._stream = sys.stderr
        sys.stderr = _Above(self._stream, self.erase)
        self._draw()

    def stop(self) -> None:
        """Take them away."""
        if self._later is not None:
            self._later.cancel()
        self.erase()
        sys.stderr = self._stream

    def erase(self) -> None:
        """Take them away until they are drawn again."""
        if self._drawn:
            up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
            self._drawn = 0
            self._write(f"\r{up}\x1b[J")

    def _draw(self) -> None:
        import asyncio

        lines = self._lines()
        self.erase()
        if lines:
            self._write("\n".join(lines))
            self._drawn = len(lines)
        self._later = asyncio.get_running_loop().call_later(_DRAWN_EVERY, self._draw)

    def _write(self, text: str) -> None:
        click.echo(text, file=self._stream, nl=False)


class _Above:
    """Standard error while lines are drawn at its end."""

    def __init__(self, stream: Any, make_room: Callable[[], None]) -> None:
        self._stream = stream
        self._make_room = make_room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write above the lines."""
        self._make_room()
        written: int = self._stream.write(text)
        return written
