"""What the wizard is told of the world: which systems are connected, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.connector.api import Choice
    from engine.connector.catalog import Catalog

__all__ = ["Surroundings"]


class Surroundings(Protocol):
    """One environment's systems. What cannot be reached stops nothing: there is nothing to offer then."""

    @property
    def connections(self) -> Mapping[str, Catalog]:
        """The environment's connections, each with its connector's catalog."""

    def choices(self, connection: str, kind: str) -> Sequence[Choice]:
        """What a system has to choose from; nothing where it cannot say, or cannot be reached."""

    def sample(self, connection: str, interface: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """One of the records that a source has; None where it has none, or cannot be reached."""
