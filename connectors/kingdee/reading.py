"""One read of Kingdee: its requests, and which answers are final, worth another try, or worth a new login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.kingdee.answers import Code, Status, Unreadable, read_body, read_status
from connectors.kingdee.login import post, refuse_missing_service
from engine.connector.signals import Renew, Retry
from engine.errors import ConfigurationError, CredentialsError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.kingdee.login import Login
    from engine.connector.messages import Reply, Request

__all__ = ["PermissionRefused", "Reading", "ServiceRefused", "is_shut_out"]

_WORTH_RETRYING = frozenset({Code.EXCEPTION, Code.DATABASE, Code.LOCKED, Code.CALL_LIMIT})


_REFUSALS = {
    True: "Kingdee does not accept the session: {message}",
    False: "Kingdee does not accept the signature (a wrong app_id, app_secret, username or acct_id, "
    "or a clock that is off, all sound the same): {message}",
}
"""By whether sessions are opened by a login call."""


class ServiceRefused(ConfigurationError):
    """Kingdee refused to read what was asked; `code` is its ``MsgCode``."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class PermissionRefused(CredentialsError):
    """The user is let in, but may not do what was asked."""


class Reading:
    """What `Session.read` asks for: `make` gives a request, `answer` reads what came back."""

    def __init__(self, login: Login, method: str, url: str, body: Mapping[str, Any]) -> None:
        self._login = login
        self._method = method
        self._url = url
        self._body = body
        self._generation = 0
        self._losses = 0

    async def make(self) -> Request:
        """The next request, under the session that is open then."""
        self._generation = await self._login.ensure()
        return post(self._url, self._body, self._login.headers(self._url))

    def answer(self, response: Reply) -> Any:
        """The parsed body of a good answer. Raises Retry, Renew, or what is final."""
        body = self._readable(response)
        status = read_status(body)
        if status is not None and status.session_lost:
            raise self._lost(tr(_REFUSALS[self._login.by_call], message=status.message))
        if status is not None and not status.success:
            raise self._refusal(status)
        self._login.learn(self._generation, response)
        return body

    def _readable(self, response: Reply) -> Any:
        try:
            return read_body(response)
        except Unreadable as error:
            refuse_missing_service(error, self._url)
            reason = tr("Kingdee's {method} gave {reason}", method=self._method, reason=error.message)
            if error.status in (401, 403):
                raise self._lost(reason) from None
            if is_shut_out(error):
                self._login.drop(self._generation)
            raise Retry(reason) from None

    def _lost(self, message: str) -> Renew | Retry:
        """Once is a session's fate. Again, for a user who was let in before, it is trouble and no refusal."""
        self._losses += 1
        self._login.drop(self._generation)
        return Retry(message) if self._losses > 1 and self._login.proven else Renew(message)

    def _refusal(self, status: Status) -> Exception:
        message = tr("Kingdee refused: {message}", message=self._login.scrub(status.message)[:1000])
        if status.code == Code.NO_PERMISSION:
            return PermissionRefused(message)
        if status.code in _WORTH_RETRYING:
            return Retry(message)
        return ServiceRefused(message, status.code)


def is_shut_out(error: Unreadable) -> bool:
    """Custom services answer 403, and proxies with a login page, where the session is gone."""
    return error.html or error.status in (301, 302, 303, 307, 401, 403)
