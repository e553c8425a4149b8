"""Standard output and error as a command needs them: there, fit for any text, no reason to stop a run."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OutputLostError", "silence", "steady_streams"]


class OutputLostError(ConfigurationError):
    """What a command had to say cannot be written, for want of room where standard output leads to."""


class _Stream:
    """A text stream; `lost` says what becomes of an error of the file behind it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            written: int = self._stream.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost(error)
            return len(text)
        return written

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost(error)

    def lost(self, error: OSError) -> None:
        raise NotImplementedError


class _Output(_Stream):
    def lost(self, error: OSError) -> None:
        raise OutputLostError(
            tr("standard output cannot be written: {reason}", reason=error.strerror or str(error)),
            hint=tr("what the command did is in the ledger; see `engine runs list`"),
        ) from error


class _Messages(_Stream):
    """Messages that nobody can read are no reason to stop paying."""

    def lost(self, error: OSError) -> None:
        pass


@contextmanager
def steady_streams() -> Iterator[None]:
    """Within, a closed stream leads nowhere, and a sign that the terminal's encoding lacks is shown as an
    escape. What is left to write is written at the end, where an error can still be told."""
    before = sys.stdout, sys.stderr
    sys.stdout = _steady(sys.stdout, _Output)
    sys.stderr = _steady(sys.stderr, _Messages)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def silence() -> None:
    """Let what is left in standard output go: the interpreter would complain of it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]


def _steady(stream: Any, kind: type[_Stream]) -> Any:
    if stream is None:
        return io.StringIO()
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # somebody's own, in this process
    stream.reconfigure(errors="backslashreplace")
    return kind(stream)
