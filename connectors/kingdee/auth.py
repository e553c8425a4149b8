"""The four ways to prove who we are, each a small class behind one Protocol.

Body forms are those seen against real servers (reference §2): an object for ValidateUser, the positional
``parameters`` array for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from connectors.kingdee.sign import AppIdentity, login_sign, sdk_headers
from engine.errors import ConfigurationError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.settings import Connection

__all__ = ["WAYS", "LoginCall", "Way", "way_for"]

DEFAULT_LCID = 2052
"""Simplified Chinese: the language of the server's messages."""


@dataclass(frozen=True, slots=True)
class LoginCall:
    """A login to make: the method of AuthService, and its body."""

    method: str
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"LoginCall({self.method!r})"


class Way(Protocol):
    """One way to authenticate. `at` is Unix time in whole seconds."""

    def login(self, at: int) -> LoginCall | None:
        """The call that opens a session; None where each request proves itself."""

    def headers(self, url: str, at: int) -> Mapping[str, str]:
        """What one request to `url` carries beside the session."""


class _LoginWay:
    """What the ways with a login call share: nothing is added to a request."""

    needs: ClassVar[tuple[str, ...]]

    def headers(self, url: str, at: int) -> Mapping[str, str]:
        return {}


class ValidateUser(_LoginWay):
    """User name and password, in plain text: only over https."""

    needs: ClassVar[tuple[str, ...]] = ("acct_id", "username", "password")

    def __init__(self, connection: Connection) -> None:
        self._body = {
            "acctID": _text(connection, "acct_id"),
            "username": _text(connection, "username"),
            "password": connection.secret("password"),
            "lcid": _lcid(connection),
        }

    def login(self, at: int) -> LoginCall:
        return LoginCall("ValidateUser", self._body)


class LoginByAppSecret(_LoginWay):
    """The app's secret instead of a password."""

    needs: ClassVar[tuple[str, ...]] = ("acct_id", "username", "app_id", "app_secret")

    def __init__(self, connection: Connection) -> None:
        self._identity = _identity(connection)

    def login(self, at: int) -> LoginCall:
        who = self._identity
        parameters = [who.acct_id, who.username, who.app_id, who.app_secret, who.lcid]
        return LoginCall("LoginByAppSecret", {"parameters": parameters})


class LoginBySign(_LoginWay):
    """A signature over the app's secret; the secret itself is not sent."""

    needs: ClassVar[tuple[str, ...]] = ("acct_id", "username", "app_id", "app_secret")

    def __init__(self, connection: Connection) -> None:
        self._identity = _identity(connection)

    def login(self, at: int) -> LoginCall:
        who = self._identity
        parameters = [who.acct_id, who.username, who.app_id, at, login_sign(who, at), who.lcid]
        return LoginCall("LoginBySign", {"parameters": parameters})


class Signature:
    """The official SDK's way: no login; every request is signed, and the first answer hands out a session."""

    needs: ClassVar[tuple[str, ...]] = ("acct_id", "username", "app_id", "app_secret")

    def __init__(self, connection: Connection) -> None:
        self._identity = _identity(connection)

    def login(self, at: int) -> LoginCall | None:
        return None

    def headers(self, url: str, at: int) -> Mapping[str, str]:
        return sdk_headers(self._identity, url, at)


WAYS: Mapping[str, type[Signature] | type[LoginBySign] | type[LoginByAppSecret] | type[ValidateUser]] = {
    "signature": Signature,
    "login_by_sign": LoginBySign,
    "login_by_app_secret": LoginByAppSecret,
    "validate_user": ValidateUser,
}


def way_for(connection: Connection) -> Way:
    """The way that the connection's `auth` names. Raises ConfigurationError naming what it lacks."""
    name = str(connection.settings.get("auth") or "signature")
    made = WAYS.get(name)
    if made is None:
        close = nearest(name, WAYS)
        raise ConfigurationError(
            tr('"auth" cannot be "{name}"; known are {names}', name=name, names=", ".join(WAYS)),
            position=connection.position,
            hint=tr('did you mean "{word}"?', word=close) if close else None,
        )
    missing = [key for key in made.needs if not connection.secret(key)]
    if missing:
        raise ConfigurationError(
            tr('"auth: {name}" needs {names}', name=name, names=", ".join(missing)),
            position=connection.position,
        )
    return made(connection)


def _identity(connection: Connection) -> AppIdentity:
    return AppIdentity(
        acct_id=_text(connection, "acct_id"),
        username=_text(connection, "username"),
        app_id=_text(connection, "app_id"),
        app_secret=connection.secret("app_secret"),
        lcid=_lcid(connection),
        org_num=_text(connection, "org_num") or "0",
    )


def _text(connection: Connection, key: str) -> str:
    return connection.secret(key)


def _lcid(connection: Connection) -> int:
    return int(connection.settings.get("lcid") or DEFAULT_LCID)
