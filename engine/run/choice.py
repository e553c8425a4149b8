"""Which environment of which connection file a command is about; the ledger is left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.connector.settings import find_connections, load_settings
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.environments import Environment, Settings

__all__ = ["choose_environment"]


def choose_environment(environment: str | None, connections: str | None) -> tuple[Settings, Environment]:
    """Find connection file and environment: options before variables before surroundings.

    Raises UsageError, SchemeError or ConfigurationError.
    """
    named = connections or os.environ.get("ENGINE_CONNECTIONS")
    if named and not Path(named).is_file():
        raise UsageError(tr("there is no connection file '{path}'", path=named))
    settings = load_settings(Path(named) if named else find_connections(Path.cwd()))
    return settings, settings.environment(environment or os.environ.get("ENGINE_ENV") or None)
