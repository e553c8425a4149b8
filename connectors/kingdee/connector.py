"""The Kingdee connector: what the engine finds by its entry point."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from connectors.kingdee.choices import choices
from connectors.kingdee.client import KingdeeClient
from connectors.kingdee.describing import describe_form
from connectors.kingdee.lookups import BaseDataLookup
from connectors.kingdee.reading import PermissionRefused, ServiceRefused
from connectors.kingdee.source import QuerySource
from connectors.kingdee.target import WRITERS, BillTarget
from engine.connector.api import Account, Choice, Connector
from engine.connector.catalog_file import load_catalog
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.kingdee.source import Fetch
    from engine.connector.api import Lookup, Source, Target
    from engine.connector.catalog import Catalog, Form
    from engine.connector.session import Session
    from engine.connector.settings import Connection

__all__ = ["KingdeeConnector"]

_CATALOG = Path(__file__).with_name("catalog.yaml")


class KingdeeConnector(Connector):
    """金蝶云星空 by its WebAPI."""

    name: ClassVar[str] = "kingdee"
    simulator: ClassVar[str | None] = "connectors.kingdee.simulator:KingdeeSimulator"

    def __init__(self, connection: Connection, session: Session) -> None:
        super().__init__(connection, session)
        self.client = KingdeeClient(connection, session)

    @classmethod
    def catalog(cls) -> Catalog:
        return load_catalog(_CATALOG)

    def identity(self) -> str:
        """Host and account set: the same over ports, users and environments."""
        if self.connection.simulator is not None:
            return self.connection.simulated_system
        return f"kingdee:{self._host}:{self._setting('acct_id')}"

    def account(self) -> Account:
        return Account(self._host, f"{self._setting('acct_id')}/{self._setting('username')}")

    async def check(self) -> None:
        """Open a session. With signatures there is no login, so that one small query proves them."""
        await self.client.login.ensure()
        if not self.client.login.by_call:
            try:
                await self.client.probe()
            except (ServiceRefused, PermissionRefused):
                return  # it was Kingdee itself that answered, to a session that it accepts

    async def choices(self, kind: str) -> list[Choice]:
        """The codes of a base data form."""
        return await choices(self.client, kind)

    async def describe_form(self, name: str) -> Form:
        """A form of this account, with its own fields, by QueryBusinessInfo."""
        return await describe_form(self.client, name)

    def source(self, interface: str, request: Mapping[str, Any]) -> Source:
        fetches: dict[str, Fetch] = {
            "executeBillQuery": self.client.execute_bill_query,
            "ExecuteBillQuery": self.client.execute_bill_query,
            "billQuery": self.client.bill_query,
        }
        fetch = fetches.get(interface)
        if fetch is None:
            raise _unknown(interface, fetches)
        return QuerySource(fetch, request, self.catalog().interfaces[interface].fields)

    def lookup(self, interface: str) -> Lookup:
        """Base data under one of its fields, for translation tables."""
        known = {name: one for name, one in self.catalog().interfaces.items() if "lookup" in one.roles}
        if interface not in known:
            raise _unknown(interface, known)
        return BaseDataLookup(self.client.execute_bill_query, known[interface])

    def target(self, interface: str, form: Form | None, options: Mapping[str, Any]) -> Target:
        """A form written through an interface; one that the catalog lacks is given as an open `Form`."""
        if interface not in WRITERS:
            raise _unknown(interface, WRITERS)
        if form is None:
            raise ConfigurationError(
                tr('"{interface}" writes a form: the target needs "form"', interface=interface)
            )
        return BillTarget(self.client, self.catalog().interfaces[interface], form, options)

    @property
    def _host(self) -> str:
        return urlsplit(self._setting("base_url")).hostname or ""

    def _setting(self, name: str) -> str:
        return str(self.connection.settings.get(name) or "")


def _unknown(interface: str, known: Mapping[str, object]) -> ConfigurationError:
    return ConfigurationError(
        tr(
            'kingdee has no interface "{name}" here; known are {names}',
            name=interface,
            names=", ".join(known),
        )
    )
