"""Connectors by name: found by entry point, those of this project through the same door as anyone's."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from engine.connector.api import Connector
from engine.errors import ConfigurationError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.catalog import Catalog

__all__ = ["GROUP", "catalog", "connector_class", "connector_names"]

GROUP = "engine.connectors"


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def connector_names() -> list[str]:
    """The names of all connectors that are installed, sorted."""
    return sorted(_entries())


@cache
def connector_class(name: str) -> type[Connector]:
    """The connector of this name. Raises ConfigurationError when there is none, or it cannot be loaded."""
    entry = _entries().get(name)
    if entry is None:
        close = nearest(name, _entries())
        raise ConfigurationError(
            tr(
                'unknown connector "{name}"; installed are {names}',
                name=name,
                names=", ".join(connector_names()),
            ),
            hint=tr('did you mean "{word}"?', word=close) if close else None,
        )
    try:
        loaded = entry.load()
    except Exception as error:
        raise ConfigurationError(
            tr('the connector "{name}" cannot be loaded: {reason}', name=name, reason=error), hint=entry.value
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise ConfigurationError(tr('"{value}" is no connector', value=entry.value))
    return loaded


def catalog(name: str) -> Catalog:
    """The catalog of a connector, without any connection. Raises ConfigurationError."""
    return connector_class(name).catalog()
