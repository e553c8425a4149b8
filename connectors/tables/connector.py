"""The connector of translation tables: one folder, and nothing beyond it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.tables.files import TableFolder
from connectors.tables.target import UpsertTarget
from engine.connector.api import Account, Connector
from engine.connector.catalog_file import load_catalog
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.api import Target
    from engine.connector.catalog import Catalog, Form

__all__ = ["TablesConnector"]


class TablesConnector(Connector):
    """CSV tables of one folder."""

    name: ClassVar[str] = "tables"

    @classmethod
    def catalog(cls) -> Catalog:
        return load_catalog(Path(__file__).with_name("catalog.yaml"))

    def identity(self) -> str:
        """The folder; hashed, since a path can hold names that are nobody's business."""
        return f"tables:{hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]}"

    def account(self) -> Account:
        return Account(host="CSV", account=str(self._folder))

    async def check(self) -> None:
        """Whether the folder is one, or can become one."""
        if self._folder.exists() and not self._folder.is_dir():
            raise ConfigurationError(
                tr('"{folder}" is no folder', folder=self._folder), position=self.connection.position
            )

    def target(self, interface: str, form: Form | None, options: Mapping[str, Any]) -> Target:
        return UpsertTarget(self.session, TableFolder(self._folder))

    @property
    def _folder(self) -> Path:
        return Path(str(self.connection.settings["folder"])).resolve()
