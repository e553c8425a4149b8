"""The base of a simulator: one system of the outside world as an HTTP server over shared state.

A simulator says how its state begins (`seed`), what it serves (`add_routes`), what a request is (`call`),
and what its refusals look like. Faults, the clock and the sharing of state are here.
"""

from __future__ import annotations

import asyncio
import hashlib
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from engine.connector.simulator import faults
from engine.connector.simulator.faults import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from datetime import datetime

    from engine.connector.simulator.clock import SandboxClock
    from engine.connector.simulator.state import SandboxState, Store

__all__ = ["Call", "Simulator"]

LATE_SECONDS = 1.5
"""How long after the dropped connection a late commit lands; below the sandbox's settle time of 2 s."""

SLOW_SECONDS = 2.0


class Simulator(ABC):
    """One connection's simulator; several may share a state, each in the space of its connection's name.

    `settings` is what connections.yaml has under `simulator:`; unknown keys are the subclass's to refuse.
    """

    faults: ClassVar[Mapping[str, str]] = faults.GENERIC
    """Fault names → what they do, in English (translated when shown)."""

    def __init__(
        self, state: SandboxState, clock: SandboxClock, settings: Mapping[str, Any], name: str = ""
    ) -> None:
        self.state = state
        self.clock = clock
        self.settings = settings
        self.name = name or type(self).__name__.removesuffix("Simulator").lower()
        self.late_seconds = float(settings.get("late_seconds", LATE_SECONDS))
        self.slow_seconds = float(settings.get("slow_seconds", SLOW_SECONDS))
        shown = repr(sorted((key, str(value)) for key, value in settings.items()))
        self._digest = hashlib.sha256(shown.encode()).hexdigest()  # settings may hold secrets
        self._late: set[asyncio.Task[None]] = set()

    # --- for the subclass to say ---

    @abstractmethod
    def seed(self, store: Store) -> None:
        """Write what is there in the beginning. Called once per state and again when settings change, so
        it must leave what exists already as it is."""

    @abstractmethod
    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register the handlers; each effect of one is one `transaction`, without an await inside."""

    @abstractmethod
    def connection_settings(self, base_url: str) -> dict[str, Any]:
        """What connections.yaml would hold to reach this server; `base_url` is ``http://127.0.0.1:PORT``."""

    @abstractmethod
    def call(self, request: web.Request) -> Call:
        """Whether a request logs in, reads or writes."""

    @abstractmethod
    def throttled(self, request: web.Request) -> web.Response:
        """The system's answer to one call too many."""

    @abstractmethod
    def expire(self, request: web.Request) -> None:
        """Forget the token or session that the request carries."""

    def server_error(self, request: web.Request) -> web.Response:
        """The system's 5xx answer."""
        return web.Response(status=503, text="Service Unavailable")

    def announcement(self, base_url: str) -> dict[str, Any]:
        """What ``engine sandbox --json`` prints for this connection."""
        return self.connection_settings(base_url)

    # --- for the subclass to use ---

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """A writing transaction in the simulator's own space."""
        with self.state.transaction() as store:
            yield store.within(self.name)

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A reading view of the simulator's own space."""
        with self.state.reading() as store:
            yield store.within(self.name)

    def now(self, store: Store | None = None) -> datetime:
        """Sandbox time, in UTC; give the open transaction's store where there is one."""
        return self.clock.now() if store is None else self.clock.at(store)

    def fault(self, name: str, store: Store | None = None) -> bool:
        """Whether a fault shows this time; give the open *writing* transaction's store where there is one."""
        if store is None:
            return self.chance()(name)
        rate = faults.rates(store, self.name).get(name, 0.0)
        return rate >= 1 or (rate > 0 and faults.draw(store, self.name, name, rate))

    def chance(self) -> Callable[[str], bool]:
        """Draws faults by the rates of this moment, which are read only once."""
        with self.reading() as view:
            rates = faults.rates(view, self.name)

        def shown(name: str) -> bool:
            rate = rates.get(name, 0.0)
            if 0 < rate < 1:
                with self.transaction() as store:
                    return faults.draw(store, self.name, name, rate)
            return rate >= 1

        return shown

    # --- for the server ---

    def prepare(self) -> None:
        """Seed the state if that was not done yet, or was undone by a reset, or settings have changed."""
        wanted = {"digest": self._digest}
        with self.reading() as store:
            if store.get("prepared", "settings") == wanted:
                return
        with self.transaction() as store:
            if store.get("prepared", "settings") != wanted:
                self.seed(store)
                store.put("prepared", "settings", wanted)

    def application(self) -> web.Application:
        """The server, faults included."""
        self.prepare()
        app = web.Application(middlewares=[faults.middleware(self)], client_max_size=32 * 2**20)
        self.add_routes(app.router)
        return app

    def later(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request: web.Request
    ) -> None:
        """Let a request take effect after its client has given up."""

        async def land() -> None:
            await asyncio.sleep(self.late_seconds)
            await handler(request)

        task = asyncio.create_task(land())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def settled(self) -> None:
        """Wait until nothing is left to land."""
        while self._late:
            await asyncio.wait(set(self._late))
