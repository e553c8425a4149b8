"""Accounts and sessions: who may call, how they say so, and when they are forgotten (reference §2, §3).

A rejected signature, an unknown user and an expired session all look the same to the caller: MsgCode 1.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.kingdee.simulator.signature import SignedHeaders, login_sign

if TYPE_CHECKING:
    from connectors.kingdee.simulator.settings import SiteSettings
    from engine.connector.simulator import Store

__all__ = ["Account", "Presented", "Session", "Sessions"]

_ACCOUNT, _SESSION = "account", "session"
_USER_ID = 16394


@dataclass(frozen=True, slots=True)
class Account:
    """The one data centre's account, integration user and third-party app."""

    acct_id: str
    username: str
    password: str
    app_id: str
    app_secret: str

    @classmethod
    def mint(cls) -> Account:
        """Fresh credentials; an appId is ``<clientId>_<base64 of 24 bytes>``."""
        hidden = base64.b64encode(secrets.token_bytes(24)).decode()
        return cls(
            acct_id=secrets.token_hex(7),
            username="集成用户",
            password=secrets.token_urlsafe(12),
            app_id=f"{secrets.randbelow(900000) + 100000}_{hidden}",
            app_secret=secrets.token_hex(16),
        )

    @classmethod
    def keep(cls, store: Store, given: Mapping[str, str]) -> None:
        """Write the account once; what the settings give stands over what was minted."""
        known = store.get(_ACCOUNT, "") or asdict(cls.mint())
        store.put(_ACCOUNT, "", {**known, **given})

    @classmethod
    def load(cls, store: Store) -> Account:
        doc = store.get(_ACCOUNT, "")
        assert doc is not None, "the simulator was not seeded"
        return cls(**doc)

    def signs(self, sign: str, timestamp: str, algorithms: tuple[str, ...]) -> bool:
        """Whether LoginBySign's `sign` is right for this account."""
        parts = (self.acct_id, self.username, self.app_id, self.app_secret, timestamp)
        return any(
            secrets.compare_digest(login_sign(parts, algorithm).encode(), sign.encode())
            for algorithm in algorithms
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One session: `id` is KDSVCSessionId, `web_id` the value of the ASP.NET cookie."""

    id: str
    web_id: str
    user: str
    used: str

    @property
    def user_id(self) -> int:
        return _USER_ID


@dataclass(frozen=True, slots=True)
class Presented:
    """The session ids that a request carries: in headers and in cookies."""

    ids: frozenset[str]
    web_id: str

    @classmethod
    def read(cls, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Presented:
        carried = (headers.get("kdservice-sessionid"), headers.get("SID"), cookies.get("kdservice-sessionid"))
        return cls(frozenset(id for id in carried if id), cookies.get("ASP.NET_SessionId", ""))

    @property
    def any(self) -> bool:
        return bool(self.ids or self.web_id)


class Sessions:
    """The sessions of one open transaction."""

    def __init__(self, store: Store, settings: SiteSettings, now: datetime) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    def start(self, user: str, *, kick_off: bool = False) -> Session:
        """A new session; with `kick_off` the user's others end, and idle ones always do."""
        for id, doc in self._store.all(_SESSION):
            if self._is_idle(doc) or (kick_off and doc["user"] == user):
                self._store.delete(_SESSION, id)
        session = Session(
            secrets.token_hex(16), secrets.token_urlsafe(18).lower(), user, self._now.isoformat()
        )
        self._store.put(_SESSION, session.id, asdict(session))
        return session

    def find(self, presented: Presented) -> Session | None:
        """The live session a request carries; all ids it carries must be of this one."""
        if len(presented.ids) > 1:
            return None
        doc = (
            self._store.get(_SESSION, next(iter(presented.ids)))
            if presented.ids
            else self._by_web_id(presented)
        )
        if doc is None:
            return None
        if self._is_idle(doc):
            self._store.delete(_SESSION, doc["id"])
            return None
        if self._idle(doc) > timedelta(seconds=10):  # spares a write for each call
            doc["used"] = self._now.isoformat()
            self._store.put(_SESSION, doc["id"], doc)
        return Session(**doc)

    def end(self, presented: Presented) -> None:
        """Forget the session that a request carries."""
        for id in presented.ids:
            self._store.delete(_SESSION, id)
        doc = self._by_web_id(presented)
        if doc is not None:
            self._store.delete(_SESSION, doc["id"])

    def admits(self, signed: SignedHeaders, account: Account, path: str) -> bool:
        """Whether a signed request's headers are in order."""
        known = (signed.app_id, signed.account, signed.user) == (
            account.app_id,
            account.acct_id,
            account.username,
        )
        if not known or not signed.signed_with(account.app_secret):
            return False
        seconds = signed.seconds()
        if seconds is None:
            return False
        validity = self._settings.link_validity
        if validity is not None and abs(self._now.timestamp() - seconds) > validity.total_seconds():
            return False
        return not self._settings.gateway or signed.passes_gateway(path)

    def _is_idle(self, doc: Mapping[str, Any]) -> bool:
        return self._idle(doc) > self._settings.session_idle

    def _idle(self, doc: Mapping[str, Any]) -> timedelta:
        return self._now - datetime.fromisoformat(doc["used"])

    def _by_web_id(self, presented: Presented) -> dict[str, Any] | None:
        if not presented.web_id:
            return None
        return next((doc for _, doc in self._store.all(_SESSION) if doc["web_id"] == presented.web_id), None)
