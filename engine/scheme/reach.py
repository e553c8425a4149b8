"""What a scheme's words can mean here: the connections of an environment and the catalogs behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.errors import EngineError
from engine.findings import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.catalog import Catalog, Form, Interface
    from engine.connector.environments import Connection, Environment, SchemeValues

__all__ = ["Reach"]

Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class Reach:
    """An environment's connections and how a connector's name leads to its catalog.

    A name that is not there is taken for the nearest one that is: whoever reports the mistake can then go on
    to what lies behind it. A scheme with such a mistake never runs.

    `catalogs` may answer None or raise an EngineError for a connector that is not installed. Without an
    environment a connection is taken to have its connector's name.
    """

    catalogs: Callable[[str], Catalog | None]
    environment: Environment | None = None

    def connection(self, name: str) -> Connection | None:
        """The connection of this or the nearest name, or None."""
        return _meant(self.environment.connections, name) if self.environment else None

    def catalog(self, connection: str | None) -> Catalog | None:
        """The catalog behind a connection, or None where it is not known."""
        if connection is None:
            return None
        known = self.connection(connection)
        if known is None and self.environment is not None:
            return None
        try:
            return self.catalogs(known.connector if known else connection)
        except EngineError:
            return None

    def interface(self, connection: str | None, name: str) -> Interface | None:
        """An interface of a connection, or None where either is not known."""
        catalog = self.catalog(connection)
        return _meant(catalog.interfaces, name) if catalog else None

    def form(self, connection: str | None, name: str | None) -> Form | None:
        """A form of a connection, or None."""
        catalog = self.catalog(connection)
        return _meant(catalog.forms, name) if catalog and name else None

    def aliases(self, connection: str | None, interface: str) -> Mapping[str, str]:
        """Paths of older documents that an interface's records are also known by."""
        found = self.interface(connection, interface)
        return found.aliases if found else {}

    def values(self, scheme: str) -> SchemeValues | None:
        """What connections.yaml says for a scheme in this environment, or None."""
        return self.environment.values.get(scheme) if self.environment else None


def _meant(known: Mapping[str, Named], name: str) -> Named | None:
    """The thing of this name, else of the nearest one."""
    if name in known:
        return known[name]
    close = nearest(name, known)
    return known[close] if close is not None else None
