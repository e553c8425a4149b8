"""Ctrl-C during a run: the first one ends it in good order, the second one at once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from engine.errors import EngineError
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.lane import Work

__all__ = ["Interrupts"]

_GRACE_SECONDS = 10.0
"""How long what is under way may take to end after the first Ctrl-C."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedByHandError(EngineError):
    """The user, or the system that started the command, asked it to stop."""

    kind = "interrupted"
    exit_code = 1


class Interrupts:
    """Listens for Ctrl-C and the end of the session while a run goes on.

    The first one pulls the run's brake: nothing more is read or sent, and what is under way gets its answer,
    so that nothing is left unclear. The second one, or too long a wait, cancels the run; the ledger then
    knows what was on its way, and the next run asks the target.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._heard: int | None = None
        for number in _SIGNALS:
            # Windows' loop takes no handlers, nor does a thread: there Ctrl-C cancels at once.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                self._loop.add_signal_handler(number, self._hear, number)

    @property
    def exit_code(self) -> int | None:
        """128 + the signal's number when one was heard."""
        return None if self._heard is None else 128 + self._heard

    def close(self) -> None:
        """Listen no more."""
        if self._later is not None:
            self._later.cancel()
        for number in _SIGNALS:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                self._loop.remove_signal_handler(number)

    def _hear(self, number: int) -> None:
        if self._heard is not None:
            self._cancel()
            return
        self._heard = number
        stopped = StoppedByHandError(
            tr("stopped by hand"), hint=tr("nothing is lost; run the same command again to go on")
        )
        self._work.brake.stop_reading(stopped)
        self._work.brake.stop_sending(stopped)
        click.echo(
            tr("stopping: waiting for answers that are under way; Ctrl-C again stops at once"), err=True
        )
        self._later = self._loop.call_later(_GRACE_SECONDS, self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
