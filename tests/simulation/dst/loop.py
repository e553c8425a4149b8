"""An asyncio event loop in virtual time, whose order is drawn from a seed, and processes that can be killed.

Nothing sleeps, no thread is started, no socket is opened. A process is a mark in the context of its tasks:
killing it makes the loop drop everything that is marked, as `kill -9` does: no `finally` runs. A paused
process's steps are held back until it wakes, while the rest of the world goes on.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import sys
import warnings
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Any
from weakref import WeakSet

__all__ = ["Deadlock", "Process", "SimLoop", "TooLong", "current_process"]


@dataclass(eq=False, slots=True)
class Process:
    """One engine process. `paused_until` is in the loop's time."""

    name: str
    alive: bool = True
    paused_until: float = 0.0
    held: list[asyncio.Handle] = field(default_factory=list)
    tasks: WeakSet[asyncio.Task[Any]] = field(default_factory=WeakSet)


current_process: ContextVar[Process | None] = ContextVar("process", default=None)


class Deadlock(Exception):
    """Everything waits, and nothing is left that could ever happen."""


class TooLong(Exception):
    """The history takes more steps than any sound one."""


class SimLoop(asyncio.BaseEventLoop):
    """The loop. `before_step` is asked before each step of a process; it may kill or pause that process."""

    def __init__(self, random: Random, *, most_steps: int = 400_000) -> None:
        super().__init__()
        self._now = 0.0
        self._random = random
        self._most_steps = most_steps
        self.steps = 0
        self.tasks_made = 0
        self.before_step: Callable[[Process], None] | None = None
        self.problems: list[str] = []
        self.graveyard: list[Process] = []
        self._dead: list[asyncio.Task[Any]] = []
        self.nowhere: Context = copy_context()
        self.set_exception_handler(_note_problem)
        self.set_task_factory(_adopt)

    def time(self) -> float:
        return self._now

    def create_future(self) -> asyncio.Future[Any]:
        return SimFuture(loop=self)

    def outside(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Let something happen after `delay` seconds that belongs to no process: it outlives them all."""
        return self.call_later(delay, callback, *args, context=self.nowhere)

    def kill(self, process: Process) -> None:
        """End a process here and now; its tasks never move again."""
        process.alive = False
        process.held.clear()
        self.graveyard.append(process)
        self._dead += [task for task in process.tasks if not task.done()]
        process.tasks.clear()

    def bury(self) -> None:
        """Free what dead processes left, without letting any of it act. To be called when all is over."""
        hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # what a dead task had not awaited yet
                for task in self._dead:
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    _close(task.get_coro())
                self._dead.clear()
                self._ready.clear()  # type: ignore[attr-defined]
                gc.collect()
        finally:
            sys.unraisablehook = hook

    # --- what asyncio asks of a loop ------------------------------------------------------------------

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        scheduled: Any = self._scheduled  # type: ignore[attr-defined]
        if not ready:
            while scheduled and scheduled[0]._cancelled:
                heapq.heappop(scheduled)._scheduled = False
            if not scheduled:
                raise Deadlock
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            if not timer._cancelled:
                ready.append(timer)
        self._timer_cancelled_count = 0
        self._step(ready)

    def _step(self, ready: Any) -> None:
        if not ready:
            return
        if len(ready) > 1:
            ready.rotate(-self._random.randrange(len(ready)))
        handle = ready.popleft()
        if handle._cancelled:
            return
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooLong(f"{self.steps} steps")
        process = handle._context.get(current_process)
        if process is None or (process.alive and not self._hold(process, handle)):
            handle._run()

    def _hold(self, process: Process, handle: asyncio.Handle) -> bool:
        """True when a step is not to be taken now: its process is paused, or has just died."""
        if self.before_step is not None and process.paused_until <= self._now:
            self.before_step(process)
            if not process.alive:
                return True
        if process.paused_until <= self._now:
            return False
        if not process.held:
            self.outside(process.paused_until - self._now, self._wake, process)
        process.held.append(handle)
        return True

    def _wake(self, process: Process) -> None:
        held, process.held = process.held, []
        if process.alive:
            self._ready.extend(held)  # type: ignore[attr-defined]

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        raise AssertionError("no thread may be started in a simulation")


class SimFuture(asyncio.Future[Any]):
    """A future that knows whose it is: what a dead process left unread is no problem of anybody's."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.process = current_process.get()


class SimTask(asyncio.Task[Any]):
    """A task whose hash is its number: asyncio keeps tasks in sets, and no order may hang on addresses."""

    def __init__(self, number: int, process: Process | None, coroutine: Any, **options: Any) -> None:
        self._number = number
        self.process = process
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


def _close(coroutine: Any) -> None:
    for _ in range(50):
        try:
            coroutine.close()
        except BaseException:  # a `finally` that awaits: it goes on to the next one
            continue
        return


def _adopt(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    assert isinstance(loop, SimLoop)
    loop.tasks_made += 1
    process = (options.get("context") or copy_context()).get(current_process)
    task = SimTask(loop.tasks_made, process, coroutine, loop=loop, **options)
    if process is not None:
        process.tasks.add(task)
    return task


def _note_problem(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    assert isinstance(loop, SimLoop)
    error = context.get("exception")
    whose = context.get("future") or context.get("task")
    if isinstance(whose, SimFuture | SimTask) and whose.process is not None and not whose.process.alive:
        return
    loop.problems.append(f"{context.get('message')}: {error!r}")
