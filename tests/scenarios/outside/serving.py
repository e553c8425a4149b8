"""Servers on loopback ports in one background thread, and faults that strike chosen calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")


class Loop:
    """An event loop of its own in a thread, so that a command in this process can be its client."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass(slots=True)
class Fault:
    """What goes wrong at one call of `method`, after `skip` calls that go well."""

    method: str
    kind: str
    skip: int = 0
    arg: Any = None
    forever: bool = False


class Server:
    """A web server with a plan of faults; `strike` takes the fault that is due for a call."""

    def __init__(self) -> None:
        self.plan: list[Fault] = []
        self.struck: list[str] = []
        self.log: list[tuple[str, Any]] = []
        self.on_kill: Callable[[], None] = lambda: None
        self.offset = 0.0
        self._later: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self.port = 0

    def fail(self, method: str, kind: str, *, skip: int = 0, arg: Any = None, forever: bool = False) -> None:
        self.plan.append(Fault(method, kind, skip, arg, forever))

    def strike(self, method: str) -> Fault | None:
        for fault in self.plan:
            if fault.method.lower() != method.lower():
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if not fault.forever:
                self.plan.remove(fault)
            self.struck.append(fault.kind)
            return fault
        return None

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something after the client is gone."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        task = asyncio.get_running_loop().create_task(wait())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def calls(self, method: str) -> list[Any]:
        return [body for name, body in self.log if name.lower() == method.lower()]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for task in list(self._later):
            task.cancel()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response()
