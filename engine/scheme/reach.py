"""What a scheme's words can mean here: the connections of an environment and the catalogs behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.catalog import Catalog, Form, Interface
    from engine.connector.environments import Connection, Environment, SchemeValues

__all__ = ["Reach"]


@dataclass(frozen=True, slots=True)
class Reach:
    """An environment's connections and how a connector's name leads to its catalog.

    `catalogs` may answer None or raise an EngineError for a connector that is not installed. Without an
    environment a connection is taken to have its connector's name.
    """

    catalogs: Callable[[str], Catalog | None]
    environment: Environment | None = None

    def connection_names(self) -> tuple[str, ...]:
        """The connections there are, for messages."""
        return tuple(self.environment.connections) if self.environment else ()

    def connection(self, name: str) -> Connection | None:
        """The connection of this name, or None."""
        return self.environment.connections.get(name) if self.environment else None

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
        return catalog.interfaces.get(name) if catalog else None

    def form(self, connection: str | None, name: str | None) -> Form | None:
        """A form of a connection, or None."""
        catalog = self.catalog(connection)
        return catalog.forms.get(name) if catalog and name else None

    def aliases(self, connection: str | None, interface: str) -> Mapping[str, str]:
        """Paths of older documents that an interface's records are also known by."""
        found = self.interface(connection, interface)
        return found.aliases if found else {}

    def values(self, scheme: str) -> SchemeValues | None:
        """What connections.yaml says for a scheme in this environment, or None."""
        return self.environment.values.get(scheme) if self.environment else None
