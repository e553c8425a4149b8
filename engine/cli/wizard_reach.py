"""What the wizard sees of an environment: through its connections, in the sandbox or for real."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.connector.registry import catalog
from engine.errors import EngineError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.connector.api import Choice
    from engine.connector.catalog import Catalog
    from engine.run.workplace import Choice as Place
    from engine.run.workplace import Workplace

__all__ = ["Reach"]

T = TypeVar("T")

_LOOK_BACK = timedelta(days=100)


class Reach:
    """An `engine.market.wizard.surroundings.Surroundings`; what fails is told, once, and offers nothing."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._told = False
        self._listed: dict[tuple[str, str], Sequence[Choice]] = {}

    @property
    def connections(self) -> Mapping[str, Catalog]:
        known = self._place.environment.connections
        return {name: catalog(connection.connector) for name, connection in known.items()}

    def choices(self, connection: str, kind: str) -> Sequence[Choice]:
        if (connection, kind) not in self._listed:
            self._listed[connection, kind] = (
                self._tried(lambda place: _choices(place, connection, kind)) or ()
            )
        return self._listed[connection, kind]

    def sample(self, connection: str, interface: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._tried(lambda place: _sample(place, connection, interface, request))

    def _tried(self, work: Callable[[Workplace], Awaitable[T]]) -> T | None:
        from engine.cli.context import run_async
        from engine.run.workplace import Workplace

        async def within() -> T:
            async with Workplace(self._place) as place:
                return await work(place)

        try:
            return run_async(within())
        except EngineError as error:
            if not self._told:
                self._told = True
                message = tr("nothing can be offered to choose from: {error}", error=error.message)
                click.secho(message, fg="yellow", err=True)
            return None


async def _choices(place: Workplace, connection: str, kind: str) -> Sequence[Choice]:
    from engine.connector.api import Choosing

    connector = place.bound(connection).connector
    return await connector.choices(kind) if isinstance(connector, Choosing) else ()


async def _sample(
    place: Workplace, connection: str, interface: str, request: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The last record of the first page that is not empty, looking back from now."""
    from engine.connector.api import Span

    source = place.bound(connection).connector.source(interface, request)
    now = place.clock.now()
    span = Span(now - min(source.longest_span, _LOOK_BACK), now) if source.longest_span else None
    page = await source.page(request, span, None)
    if not page.items:
        return None
    item = page.items[0]
    return item.record if item.record is not None else await source.get(item.id)
