"""钉钉: approvals as records from either API generation, comments and notifications, the address book."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from connectors.dingtalk.approvals import Approvals, NewApprovals, NewWire, OldApprovals, OldWire
from connectors.dingtalk.choices import choices
from connectors.dingtalk.lookups import LOOKUPS, AddressBook
from connectors.dingtalk.source import ApprovalSource
from connectors.dingtalk.targets import (
    NEW_COMMENT,
    NOTIFICATION,
    OLD_COMMENT,
    CommentTarget,
    NotificationTarget,
)
from connectors.dingtalk.tokens import Tokens, new_token_request, old_token_request
from engine.clock import SHANGHAI
from engine.connector.api import Account, Choice, Connector, Lookup, Source, Target
from engine.connector.catalog_file import load_catalog
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.catalog import Catalog, Form
    from engine.connector.session import Session
    from engine.connector.settings import Connection

__all__ = ["DingtalkConnector"]

_OLD_HOST = "oapi.dingtalk.com"
_NEW_BASE = "https://api.dingtalk.com"
_NUMBER = re.compile(r"20[0-9]{19}")
_INSTANCE = re.compile(r"[0-9A-Za-z_-]{22}[0-9]{4}([0-9]{10})")


class DingtalkConnector(Connector):
    """One app of one organisation. Settings: base_url, api_base_url, app_key, app_secret, history_days."""

    name: ClassVar[str] = "dingtalk"
    simulator: ClassVar[str | None] = "connectors.dingtalk.simulator:DingTalkSimulator"
    usual_rate: ClassVar[Decimal | None] = Decimal(19)  # 20 a second, less one for the edges of a second

    def __init__(self, connection: Connection, session: Session) -> None:
        super().__init__(connection, session)
        old_base = str(connection.settings.get("base_url", "")).rstrip("/")
        new_base = str(connection.settings.get("api_base_url") or _api_base(old_base)).rstrip("/")
        key, secret = connection.secret("app_key"), connection.secret("app_secret")
        old_tokens = Tokens(session, partial(old_token_request, old_base, key, secret))
        new_tokens = Tokens(session, partial(new_token_request, new_base, key, secret))
        self._old = OldWire(session, old_tokens, old_base)
        self._new = NewWire(session, new_tokens, new_base)
        self._approvals: dict[str, Approvals] = {
            "topapi/processinstance/get": OldApprovals(self._old),
            OLD_COMMENT: OldApprovals(self._old),
            "v1.0/workflow/processInstances": NewApprovals(self._new),
            NEW_COMMENT: NewApprovals(self._new),
        }

    @classmethod
    def catalog(cls) -> Catalog:
        return load_catalog(Path(__file__).with_name("catalog.yaml"))

    @classmethod
    def creation_time(cls, name: str) -> datetime | None:
        """A number begins with the Beijing minute, an instance's id ends with the second of its making.

        Neither is documented; both hold in every number and id seen (``202405081021000178717``).
        """
        try:
            if _NUMBER.fullmatch(name):
                return datetime.strptime(name[:12], "%Y%m%d%H%M").replace(tzinfo=SHANGHAI)
            if found := _INSTANCE.fullmatch(name):
                return datetime.fromtimestamp(int(found[1]), SHANGHAI)
        except ValueError:
            return None
        return None

    def identity(self) -> str:
        """The app key's hash; a simulator goes by its connection's name."""
        if self.connection.simulator is not None:
            return self.connection.simulated_system
        return "dingtalk:" + sha256(self.connection.secret("app_key").encode()).hexdigest()[:16]

    def account(self) -> Account:
        key = self.connection.secret("app_key")
        shown = f"{key[:6]}…" if len(key) > 12 else f"{key[:2]}…"
        return Account(urlsplit(self._old.base).netloc, f"app {shown}")

    async def check(self) -> None:
        """Fetch a token of each generation that the connection names an address for."""
        await self._old.tokens.get()
        if self.connection.settings.get("api_base_url"):
            await self._new.tokens.get()

    async def choices(self, kind: str) -> list[Choice]:
        """`templates` or `departments`."""
        return await choices(self._old, kind)

    def source(self, interface: str, request: Mapping[str, Any]) -> Source:
        days = int(self.connection.settings.get("history_days", 365))
        return ApprovalSource(self._known(interface, "source"), timedelta(days=days), self._new)

    def lookup(self, interface: str) -> Lookup:
        if interface not in LOOKUPS:
            raise self._unknown(interface, "lookup")
        return AddressBook(self._old, interface)

    def target(self, interface: str, form: Form | None, options: Mapping[str, Any]) -> Target:
        if interface == NOTIFICATION:
            return NotificationTarget(self._old)
        return CommentTarget(self._known(interface, "target"), interface)

    def _known(self, interface: str, role: str) -> Approvals:
        declared = self.catalog().interfaces.get(interface)
        if declared is None or role not in declared.roles or interface not in self._approvals:
            raise self._unknown(interface, role)
        return self._approvals[interface]

    def _unknown(self, interface: str, role: str) -> ConfigurationError:
        known = [name for name, found in self.catalog().interfaces.items() if role in found.roles]
        return ConfigurationError(
            tr(
                'DingTalk has no interface "{name}" of the role {role}; known are {names}',
                name=interface,
                role=role,
                names=", ".join(known),
            )
        )


def _api_base(old_base: str) -> str:
    """The new API's address where only the old one's is given; a stand-in usually serves both."""
    return _NEW_BASE if urlsplit(old_base).hostname == _OLD_HOST else old_base
