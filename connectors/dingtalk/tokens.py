"""App tokens: one a generation, shared by all tasks, fetched once however many find it lost."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from connectors.dingtalk.errors import Kind, read_answer
from engine import jsontext
from engine.connector.messages import Request
from engine.connector.signals import Retry
from engine.errors import ConfigurationError, CredentialsError, EngineError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.connector.messages import Reply
    from engine.connector.session import Session

__all__ = ["Tokens", "new_token_request", "old_token_request"]

_LONGEST_LIFE = 86_400
_EARLY = 600.0


def old_token_request(base: str, key: str, secret: str) -> Request:
    """``GET /gettoken`` (page obtain-orgapp-token): the parameters are read from the query only."""
    query = urlencode({"appkey": key, "appsecret": secret})
    return Request("GET", f"{base}/gettoken?{query}", {})


def new_token_request(base: str, key: str, secret: str) -> Request:
    """``POST /v1.0/oauth2/accessToken`` (page obtain-the-access-token-of-an-internal-app)."""
    body = jsontext.dumps({"appKey": key, "appSecret": secret}).encode()
    return Request("POST", f"{base}/v1.0/oauth2/accessToken", {"Content-Type": "application/json"}, body)


class Tokens:
    """The token of one API generation. Its life is 7200 s; it is fetched anew ten minutes before its end."""

    def __init__(self, session: Session, request: Callable[[], Request]) -> None:
        self._session = session
        self._request = request
        import asyncio  # slow to load, and commands that only look at files call nobody

        self._lock = asyncio.Lock()
        self._token = ""
        self._until = 0.0
        self._failures = 0
        self._failure: EngineError | None = None

    async def get(self) -> str:
        """A token that should be good. Raises CredentialsError, ConfigurationError, Unreachable."""
        if self._is_good():
            return self._token
        failures = self._failures
        async with self._lock:
            if not self._is_good():
                if self._failure is not None and self._failures != failures:
                    raise self._failure  # of the task that this one has waited for
                await self._fetch()
            return self._token

    def _is_good(self) -> bool:
        return self._token != "" and self._session.clock.monotonic() < self._until

    def drop(self, token: str) -> None:
        """This token was refused. A newer one, fetched meanwhile by another task, stays."""
        if token == self._token:
            self._token = ""

    async def _fetch(self) -> None:
        async def make() -> Request:
            return self._request()

        try:
            token, life = await self._session.read(None, make, self._decode)
        except EngineError as error:
            self._failures += 1
            self._failure = error
            raise
        self._session.hide(token)
        self._until = self._session.clock.monotonic() + life - min(_EARLY, life / 10)
        self._token = token

    def _decode(self, response: Reply) -> tuple[str, float]:
        body, problem = read_answer(response)
        if problem is not None:
            if problem.kind is Kind.BANNED:
                self._session.bar(300.0, problem.message)
            if problem.kind in (Kind.BUSY, Kind.THROTTLED, Kind.BANNED):
                raise Retry(problem.message, problem.after)
            message = self._session.scrub(problem.message)
            if problem.kind is Kind.ADDRESS:
                raise ConfigurationError(message, hint=tr("add this machine's address to the app's list"))
            raise CredentialsError(
                message,
                position=self._session.connection.position,
                hint=tr("look at app_key and app_secret of the connection"),
            )
        token = body.get("access_token") or body.get("accessToken")
        life = body.get("expires_in") or body.get("expireIn") or 7200
        if not isinstance(token, str) or not isinstance(life, int):
            raise Retry(tr("DingTalk gave no token"))
        if not (token.isascii() and token.isprintable()):  # it goes into a header
            raise Retry(tr("DingTalk gave no token"))
        return token, float(min(max(life, 0), _LONGEST_LIFE))
