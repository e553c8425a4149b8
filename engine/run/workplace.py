"""Where a command works: the connections of one environment, its clock, its simulators, the ledger."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI, SystemClock
from engine.connector.registry import catalog, connector_class
from engine.connector.session import connect
from engine.connector.settings import is_loopback
from engine.errors import ConfigurationError, UsageError
from engine.language import tr
from engine.ledger.meter import LedgerMeter
from engine.ledger.open import ledger_path, ledger_place, ledger_url, open_ledger
from engine.run.choice import choose_environment
from engine.run.lane import Bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    import httpx

    from engine.clock import Clock
    from engine.connector.environments import Connection, Environment, Settings
    from engine.connector.messages import Transport
    from engine.ledger.port import LedgerPort

__all__ = [
    "Choice",
    "Outside",
    "Workplace",
    "choose",
    "clock_of",
    "sandbox_folder",
    "shift_of",
    "simulator_specs",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the options and the surroundings say, before anything is opened."""

    settings: Settings
    environment: Environment
    ledger: str
    sandbox: Path

    @property
    def place(self) -> str:
        """The ledger as it may be shown."""
        return ledger_place(self.ledger)


def choose(environment: str | None, connections: str | None, ledger: str | None) -> Choice:
    """Find connection file, environment and ledger: options before variables before surroundings."""
    here = Path.cwd()
    settings, chosen = choose_environment(environment, connections)
    url = ledger_url(ledger, os.environ, here)
    return Choice(settings, chosen, url, sandbox_folder(here))


def clock_of(choice: Choice) -> Clock:
    """The environment's clock, without starting anything: the sandbox's own where something is simulated."""
    shift = shift_of(choice.environment)
    if any(connection.simulator is not None for connection in choice.environment.connections.values()):
        from engine.connector.simulator.clock import read_offset

        shift += read_offset(choice.sandbox)
    return SystemClock(shift)


def sandbox_folder(here: Path) -> Path:
    """Where the simulators keep their state: beside the ledger that the surroundings give."""
    path = ledger_path(ledger_url(None, {}, here))
    assert path is not None
    return path.parent / "sandbox"


def simulator_specs(environment: Environment) -> list[Any]:
    """What an environment simulates."""
    specs = []
    for name, connection in environment.connections.items():
        if connection.simulator is None:
            continue
        from engine.connector.simulator.serve import SimulatorSpec  # brings a whole web server along

        simulator = connector_class(connection.connector).simulator
        if simulator is None:
            raise ConfigurationError(
                tr("connector '{name}' has no simulator", name=connection.connector),
                position=connection.position,
            )
        specs.append(SimulatorSpec(name, simulator, connection.simulator))
    return specs


@dataclass(frozen=True, slots=True)
class Outside:
    """What stands in for this machine's clock, disk and network when a whole world is simulated."""

    clock: Clock
    ledger: LedgerPort
    transport: Callable[[Connection], Transport | httpx.AsyncBaseTransport]


@dataclass(slots=True)
class Workplace:
    """An environment in use; open it with ``async with``. Connectors are made when first asked for."""

    choice: Choice
    outside: Outside | None = None
    clock: Clock = field(init=False)
    ledger: LedgerPort = field(init=False)
    warnings: list[str] = field(default_factory=list)
    """What the meters of the connectors have to say: that calls run short."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _simulated: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _bound: dict[str, Bound] = field(default_factory=dict)

    async def __aenter__(self) -> Workplace:
        simulators = simulator_specs(self.choice.environment)
        if simulators:
            from engine.connector.simulator.process import Sandbox

            sandbox = Sandbox(self.choice.sandbox, simulators, shift=shift_of(self.choice.environment))
            self._simulated = await self._stack.enter_async_context(sandbox)
        self.clock = self.outside.clock if self.outside else clock_of(self.choice)
        try:
            self.ledger = self.outside.ledger if self.outside else open_ledger(self.choice.ledger)
        except BaseException:
            await self._stack.aclose()
            raise
        self._stack.push_async_callback(self.ledger.aclose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def bound(self, name: str) -> Bound:
        """The connector behind a connection's name. Raises ConfigurationError or CredentialsError."""
        if name not in self._bound:
            self._bound[name] = self._connect(self.choice.environment.connection(name))
        return self._bound[name]

    def calls(self) -> dict[str, dict[str, int]]:
        """The calls made so far, by connection and interface."""
        return {name: dict(bound.meter.calls) for name, bound in self._bound.items()}

    def in_use(self) -> Iterable[Bound]:
        """The connectors that were asked for."""
        return self._bound.values()

    def _connect(self, connection: Connection) -> Bound:
        if connection.name in self._simulated:
            fields = catalog(connection.connector).settings
            connection = connection.with_settings(self._simulated[connection.name], fields)
        meters: list[tuple[LedgerMeter, str]] = []

        def meter(resolved: Connection, identity: str) -> LedgerMeter:
            made = LedgerMeter(
                self.ledger,
                self.clock,
                identity,
                resolved.limits,
                name=resolved.name,
                warn=self.warnings.append,
            )
            meters.append((made, identity))
            return made

        transport = self.outside.transport(connection) if self.outside else None
        connector = connect(connection, self.clock, meter, transport)
        metered, identity = meters[0]
        self._stack.push_async_callback(connector.session.aclose)
        self._stack.push_async_callback(metered.aclose)
        return Bound(connector.connection, connector, identity, metered)


def shift_of(environment: Environment) -> timedelta:
    """How far ``ENGINE_NOW`` moves the clock; refused where a connection reaches beyond this machine."""
    text = os.environ.get("ENGINE_NOW")
    if not text:
        return timedelta()
    for connection in environment.connections.values():
        for key, value in connection.resolved().settings.items():
            if key.endswith("url") and not is_loopback(str(value)):
                raise UsageError(
                    tr(
                        "ENGINE_NOW is for tests; connection '{name}' reaches beyond this machine",
                        name=connection.name,
                    )
                )
    try:
        wanted = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(tr("ENGINE_NOW '{text}' is no ISO time", text=text)) from None
    if not 2000 <= wanted.year < 2200:  # far from where any window or date would overflow
        raise UsageError(tr("ENGINE_NOW '{text}' is no time that anybody lives in", text=text))
    if wanted.tzinfo is None:
        wanted = wanted.replace(tzinfo=SHANGHAI)
    return wanted - SystemClock().now()
