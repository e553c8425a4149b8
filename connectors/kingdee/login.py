"""The one session that all calls of a connection share: opened once, renewed once when it is lost."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connectors.kingdee.answers import Unreadable, read_body, read_status
from engine import jsontext
from engine.connector.messages import Request
from engine.connector.signals import Retry
from engine.errors import ConfigurationError, CredentialsError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.kingdee.auth import LoginCall, Way
    from engine.connector.messages import Replied, Reply
    from engine.connector.session import Session

__all__ = ["Login", "post", "refuse_missing_service", "service_url"]

_SERVICES = "Kingdee.BOS.WebApi.ServicesStub."
_SESSION_COOKIE = "kdservice-sessionid"
_SESSION_COOKIES = (_SESSION_COOKIE, "ASP.NET_SessionId")
_GOOD = (1, -5)
"""``LoginResultType``: 1 is success; -5 too, with a form that only a person at a screen would see."""

_REASONS = {
    0: "wrong user name or password",
    -1: "login failed",
    -2: "the password does not meet the policy",
    -3: "the password has expired",
}


def service_url(base_url: str, service: str, method: str) -> str:
    """The address of a service call: ``{base}Kingdee.BOS.….{service}.{method}.common.kdsvc``; the base as
    configured, with its last slash put back where it is missing."""
    base = base_url if base_url.endswith("/") else f"{base_url}/"
    return f"{base}{_SERVICES}{service}.{method}.common.kdsvc"


def post(url: str, body: Any, headers: Mapping[str, str]) -> Request:
    """A POST of JSON in the order of the body's keys (Kingdee applies a bill's fields in that order)."""
    fixed = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Charset": "utf-8"}
    return Request("POST", url, {**fixed, **headers}, jsontext.dumps(body).encode())


def refuse_missing_service(error: Unreadable, url: str) -> None:
    """Raise ConfigurationError when there is no Kingdee at this address: trying again would not help."""
    if error.status == 404:
        host = urlsplit(url).hostname
        raise ConfigurationError(
            tr('"{host}" has no Kingdee WebAPI under the configured base_url (HTTP 404)', host=host),
            hint=tr("base_url usually ends with /k3cloud/"),
        )


class Login:
    """Session id and cookies, kept by hand, with a generation so that only one task renews a lost session.

    A session belongs to the generation in which it was opened; who finds it lost says which one that was,
    and only the first to say so drops it. Refused credentials are remembered: asking again could lock the
    account.
    """

    def __init__(self, session: Session, base_url: str, way: Way) -> None:
        self._session = session
        self._base_url = base_url
        self._way = way
        import asyncio  # slow to load, and commands that only look at files call nobody

        self._lock = asyncio.Lock()
        self._generation = 1
        self._logged_in = False
        self._session_id = ""
        self._cookies: dict[str, str] = {}
        self._refused: CredentialsError | None = None
        self.proven = False
        """True once the server has let this connection in."""

    @property
    def by_call(self) -> bool:
        """True when a session is opened by a login call, False when each request proves itself."""
        return self._way.login(self._now()) is not None

    def scrub(self, text: str) -> str:
        """The text without any secret of this connection, the session's id among them."""
        return self._session.scrub(text)

    async def ensure(self) -> int:
        """Log in unless that was done, and give the session's generation.

        Raises CredentialsError with the server's own words, ConfigurationError, Unreachable.
        """
        async with self._lock:
            call = self._way.login(self._now())
            if call is not None and not self._logged_in:
                await self._open(call)
            return self._generation

    def headers(self, url: str) -> dict[str, str]:
        """What proves a request to `url`: signature, session id, cookies."""
        headers = dict(self._way.headers(url, self._now()))
        if self._session_id:
            headers[_SESSION_COOKIE] = self._session_id
        if self._cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            headers["Cookie"] = f"Theme=standard; {pairs}"
        return headers

    def learn(self, generation: int, response: Reply) -> None:
        """Take over the cookies of an answer that was let in, unless its session was dropped meanwhile."""
        self.proven = True
        if generation == self._generation and _SESSION_COOKIE in self._take_cookies(response):
            self._keep_id(self._cookies[_SESSION_COOKIE])

    def drop(self, generation: int) -> None:
        """Forget session id and cookies, both, so that the next call opens a session; once a generation."""
        if generation == self._generation:
            self._generation += 1
            self._logged_in = False
            self._session_id = ""
            self._cookies.clear()

    # --- within -----------------------------------------------------------------------------------------

    async def _open(self, call: LoginCall) -> None:
        if self._refused is not None:
            raise self._refused
        url = service_url(self._base_url, "AuthService", call.method)

        async def make() -> Request:
            return post(url, call.body, {})

        try:
            await self._session.read(None, make, lambda response: self._opened(response, url))
        except CredentialsError as error:
            self._refused = error
            raise
        self._logged_in = True

    def _opened(self, response: Reply, url: str) -> None:
        body = _read_login(response, url)
        kind = _integer(body.get("LoginResultType"))
        if kind is None:
            status = read_status(body)
            if status is None or status.success:
                raise Retry(tr("Kingdee's answer to the login is not of the documented shape"))
            raise self._refusal(status.message)
        if kind not in _GOOD:
            reason = str(body.get("Message") or "").strip() or tr(_REASONS.get(kind, "login failed"))
            raise self._refusal(reason)
        self._take_cookies(response)
        self._keep_id(_header_text(body.get("KDSVCSessionId") or self._cookies.get(_SESSION_COOKIE, "")))
        self.proven = True

    def _refusal(self, reason: str) -> CredentialsError:
        return CredentialsError(
            tr("Kingdee refused the login: {reason}", reason=self.scrub(reason)[:500]),
            position=self._session.connection.position,
            hint=tr("look at acct_id, username and password or app_secret of the connection"),
        )

    def _keep_id(self, session_id: str) -> None:
        self._session_id = session_id
        self._session.hide(session_id)

    def _take_cookies(self, response: Reply) -> set[str]:
        """Keep the cookies that an answer sets, forget those that it empties; the names of those kept."""
        kept: set[str] = set()
        for line in response.headers.getall("set-cookie", ()):
            for name, value in _cookies(line):
                if not (value.isascii() and value.isprintable()):
                    continue
                if value:
                    self._cookies[name] = value
                    self._session.hide(value if name in _SESSION_COOKIES else "")
                    kept.add(name)
                else:
                    self._cookies.pop(name, None)
        return kept

    def _now(self) -> int:
        return int(self._session.clock.now().timestamp())


def _header_text(value: Any) -> str:
    """What can stand in a header: a system's answer must not write headers of its own."""
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        raise Retry(tr("Kingdee's answer to the login is not of the documented shape"))
    return text


def _cookies(line: str) -> list[tuple[str, str]]:
    try:
        return [(name, morsel.value) for name, morsel in SimpleCookie(line).items()]
    except CookieError:
        return []


def _read_login(response: Replied, url: str) -> Mapping[str, Any]:
    try:
        body = read_body(response)
    except Unreadable as error:
        refuse_missing_service(error, url)
        raise Retry(tr("Kingdee's login gave {reason}", reason=error.message)) from None
    if not isinstance(body, dict):
        raise Retry(tr("Kingdee's answer to the login is not of the documented shape"))
    return body


def _integer(value: Any) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(str(value))
    except ValueError:
        return None
