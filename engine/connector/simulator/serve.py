"""The server process: all simulators of an environment, each on a loopback port of its own.

As a child (`python -m engine.connector.simulator.serve`) it reads one JSON line from standard input, prints
one JSON line with the connections' settings, and serves until standard input says ``stop`` or ends. It ends
without ``stop`` when the parent was killed: then requests on their way still get ten seconds to take effect,
as with a real system, which does not die with its client.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from engine.connector.simulator.clock import SandboxClock
from engine.connector.simulator.state import SandboxState
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from engine.connector.simulator.base import Simulator

__all__ = ["Served", "SimulatorSpec", "serve_forever", "serving"]

GRACE_SECONDS = 10.0
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SimulatorSpec:
    """A connection to simulate: its name, `Connector.simulator` (``package.module:Class``), its settings."""

    name: str
    simulator: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Served:
    """A simulator and where it answers."""

    simulator: Simulator
    base_url: str


@asynccontextmanager
async def serving(
    folder: Path, specs: Sequence[SimulatorSpec], port: int = 0, shift: timedelta = timedelta()
) -> AsyncIterator[dict[str, Served]]:
    """Serve while the block runs: the first connection on `port`, the next ones on the ports after it;
    0 takes free ones. Raises ConfigurationError when a port is taken."""
    async with AsyncExitStack() as stack:
        state = SandboxState(folder)
        stack.callback(state.close)
        clock = SandboxClock(state, shift)
        served: dict[str, Served] = {}
        for place, spec in enumerate(specs):
            simulator = _class(spec)(state, clock, spec.settings, spec.name)
            stack.push_async_callback(simulator.settled)
            url = await _start(stack, simulator, port + place if port else 0)
            served[spec.name] = Served(simulator, url)
        yield served


async def serve_forever(
    folder: Path,
    specs: Sequence[SimulatorSpec],
    port: int,
    announce: Callable[[dict[str, dict[str, Any]]], None],
    shift: timedelta = timedelta(),
) -> None:
    """Serve in the foreground until cancelled; `announce` is called once with what each connection needs."""
    async with serving(folder, specs, port, shift) as served:
        announce({name: one.simulator.announcement(one.base_url) for name, one in served.items()})
        await asyncio.Event().wait()


async def _start(stack: AsyncExitStack, simulator: Simulator, port: int) -> str:
    runner = web.AppRunner(simulator.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, _HOST, port)
    try:
        await site.start()
    except OSError as wrong:
        raise ConfigurationError(
            tr("port {port} cannot be used: {reason}", port=port, reason=wrong.strerror or wrong)
        ) from wrong
    return f"http://{_HOST}:{runner.addresses[0][1]}"


def _class(spec: SimulatorSpec) -> Callable[..., Simulator]:
    module, _, name = spec.simulator.partition(":")
    try:
        found: Callable[..., Simulator] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as wrong:
        raise ConfigurationError(
            tr('the simulator "{path}" cannot be loaded: {reason}', path=spec.simulator, reason=wrong)
        ) from wrong
    return found


# --- the child ---


def order(folder: Path, specs: Sequence[SimulatorSpec], shift: timedelta) -> str:
    """The line that tells the child what to serve."""
    wanted = {"folder": str(folder), "specs": [asdict(one) for one in specs], "shift": shift.total_seconds()}
    return json.dumps(wanted, default=str)  # numbers of YAML may be Decimal; simulators read texts as well


async def _child(line: str) -> None:
    wanted = json.loads(line)
    specs = [SimulatorSpec(**one) for one in wanted["specs"]]
    shift = timedelta(seconds=wanted["shift"])
    async with serving(Path(wanted["folder"]), specs, shift=shift) as served:
        answer = {name: one.simulator.connection_settings(one.base_url) for name, one in served.items()}
        print(json.dumps({"connections": answer}), flush=True)  # noqa: T201 - the answer to the parent
        if await _last_word() != "stop":
            await asyncio.sleep(GRACE_SECONDS)


async def _last_word() -> str:
    """The next line of standard input; '' at its end. In a thread, since pipes differ between systems."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[str] = loop.create_future()

    def listen() -> None:
        word = sys.stdin.readline().strip()
        loop.call_soon_threadsafe(said.set_result, word)

    threading.Thread(target=listen, daemon=True).start()
    return await said


def main() -> None:
    """Run as the child of a command."""
    try:
        asyncio.run(_child(sys.stdin.readline()))
    except ConfigurationError as wrong:
        print(json.dumps({"error": wrong.message, "hint": wrong.hint}), flush=True)  # noqa: T201
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
