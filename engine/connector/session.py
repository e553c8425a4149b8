"""One connection's way of calling: its turn, its share of concurrency, one sending, honest failures.

A connector builds requests and reads answers; when and how often they are sent is decided here. Requests are
`Request`s, which are answered by `Reply`s; who prefers httpx hands over its requests, and gets its answers.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload
from urllib.parse import quote, quote_plus, urlsplit

from engine.connector.messages import Reply, Request
from engine.connector.meter import CountingMeter, Meter
from engine.connector.registry import connector_class
from engine.connector.signals import NeverSent, NoAnswer, Renew, Retry, retry_after
from engine.connector.transport import HttpTransport
from engine.errors import CredentialsError, QuotaSpent, Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx
    from tenacity import RetryCallState

    from engine.clock import Clock
    from engine.connector.api import Connector, Gate
    from engine.connector.messages import Replied, Transport
    from engine.connector.settings import Connection

__all__ = [
    "CountingMeter",
    "Meter",
    "NeverSent",
    "NoAnswer",
    "Renew",
    "Retry",
    "Session",
    "connect",
    "retry_after",
]

T = TypeVar("T")

_TRIES = 4
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_SHORTEST_HIDDEN = 6


class _Barred(NeverSent):
    """The system has shut this machine out for a while; trying again now only prolongs it."""


@dataclass(slots=True)
class _Turn:
    """A call's turn, taken ahead of it."""

    session: Session
    interface: str
    used: bool = False


_turn: ContextVar[_Turn | None] = ContextVar("turn", default=None)


class Session:
    """Calls of one connection. `meter` is set after the connector's identity is known."""

    def __init__(
        self, connection: Connection, clock: Clock, transport: Transport | httpx.AsyncBaseTransport
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.meter: Meter = CountingMeter()
        self._transport = _as_transport(transport)
        self._slots = asyncio.Semaphore(connection.limits.concurrency)
        self._hidden: set[str] = set()
        for secret in connection.secrets():
            self.hide(secret)
        self._not_before: dict[str, float] = {}
        self._barred_until = 0.0
        self._barred_for = ""
        self._spent = ""

    # --- calling --------------------------------------------------------------------------------------

    @overload
    async def call(
        self, interface: str | None, request: Request, *, metered: bool = ..., gate: Gate | None = ...
    ) -> Reply: ...

    @overload
    async def call(
        self, interface: str | None, request: httpx.Request, *, metered: bool = ..., gate: Gate | None = ...
    ) -> httpx.Response: ...

    async def call(
        self,
        interface: str | None,
        request: Request | httpx.Request,
        *,
        metered: bool = True,
        gate: Gate | None = None,
    ) -> Reply | httpx.Response:
        """Send a request once, when its turn has come, and give the whole answer, whatever its status.

        `interface` is the name under which it is counted; None for the fetching of tokens and sessions, which
        is not counted and waits for no slot. `gate` is asked directly before the request is handed to the
        network, with no await between; when it says False the request is not sent.

        Raises NeverSent, NoAnswer, QuotaSpent.
        """
        if isinstance(request, Request):
            return await self._call(interface, request, metered, gate)
        from engine.connector.httpx_bridge import as_request, as_response

        plain = await as_request(request)
        return as_response(await self._call(interface, plain, metered, gate), request)

    async def _call(self, interface: str | None, request: Request, metered: bool, gate: Gate | None) -> Reply:
        if self._barred_until:
            self._refuse_when_barred()
        if interface is None:
            return await self._send(request, gate)
        turn = _turn.get()
        if turn is not None and turn.session is self:
            if turn.used or turn.interface != interface:
                await self._reserve(interface, metered)
            turn.used = turn.used or turn.interface == interface
            return await self._send(request, gate)
        async with self._slots:  # before the turn, which a wait for a slot would let grow old
            await self._reserve(interface, metered)
            return await self._send(request, gate)

    @asynccontextmanager
    async def turn(self, interface: str, *, metered: bool = True) -> AsyncIterator[None]:
        """Wait for the turn and the slot of the next call of `interface` ahead of it, so that what is done
        between (claiming a row, committing an intent) is followed by the sending without a wait."""
        self._refuse_when_barred()
        async with self._slots:
            await self._reserve(interface, metered)
            token = _turn.set(_Turn(self, interface))
            try:
                yield
            finally:
                _turn.reset(token)

    @overload
    async def read(
        self,
        interface: str | None,
        make: Callable[[], Awaitable[Request]],
        decode: Callable[[Reply], T],
        *,
        metered: bool = ...,
    ) -> T: ...

    @overload
    async def read(
        self,
        interface: str | None,
        make: Callable[[], Awaitable[httpx.Request]],
        decode: Callable[[httpx.Response], T],
        *,
        metered: bool = ...,
    ) -> T: ...

    async def read(
        self,
        interface: str | None,
        make: Callable[[], Awaitable[Any]],
        decode: Callable[[Any], T],
        *,
        metered: bool = True,
    ) -> T:
        """Make, send and decode a request that changes nothing, again where that may help.

        `decode` returns the value, or raises `Retry`, `Renew`, or an EngineError that is final. At most four
        tries, with growing and jittered waits, at least as long as the system asked. Raises what `decode`
        and `make` raise, and Unreachable when no try gave a usable answer.
        """
        try:
            response = await self.call(interface, await make(), metered=metered)
            return self._decoded(interface, decode, response)  # nearly always all there is
        except Exception as error:
            failed = error  # the other tries stand outside, so that this is not the context of their errors
        return await self._read_again(interface, make, decode, metered, failed)

    async def _read_again(
        self,
        interface: str | None,
        make: Callable[[], Awaitable[Any]],
        decode: Callable[[Any], T],
        metered: bool,
        error: Exception,
    ) -> T:
        """What is left to do when the first try has failed with `error`."""
        renewed = False
        first = [error]

        async def attempt() -> T:
            nonlocal renewed
            while True:
                try:
                    if first:
                        raise first.pop()  # which tenacity is to count
                    response = await self.call(interface, await make(), metered=metered)
                    return self._decoded(interface, decode, response)
                except Renew as lost:
                    if renewed:
                        raise CredentialsError(self.scrub(lost.message)) from None
                    renewed = True

        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop_after_attempt(_TRIES),
            wait=self._wait,
            retry=retry_if_exception(_may_help),
            reraise=True,
        )
        try:
            result: T = await retrying(attempt)
        except Retry as last:
            raise Unreachable(self.scrub(last.message)) from None
        except NoAnswer as last:
            raise Unreachable(last.message) from None
        return result

    async def aclose(self) -> None:
        await self._transport.aclose()

    # --- what the connector learns on the way ---------------------------------------------------------

    def hide(self, secret: str) -> None:
        """Blank this text (a token, a session id) out of what is shown or stored; also as URLs write it.

        A secret of fewer than six characters is left alone: blanking it out would spoil every text.
        """
        if len(secret) >= _SHORTEST_HIDDEN:
            self._hidden.update((secret, quote(secret, safe=""), quote_plus(secret)))

    def scrub(self, text: str) -> str:
        """The text without any secret of this connection."""
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def scrub_all(self, value: Any) -> Any:
        """The JSON value with each text in it scrubbed; for answers that are kept."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {self.scrub(name): self.scrub_all(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.scrub_all(part) for part in value]
        return value

    def pause(self, interface: str, seconds: float) -> None:
        """Begin no call of this interface for so long (a minute at most): the system asked for it. `read`
        does so by itself for a `Retry` that says how long."""
        until = self.clock.monotonic() + min(seconds, _LONGEST_WAIT)
        self._not_before[interface] = max(self._not_before.get(interface, 0.0), until)

    def bar(self, seconds: float, message: str) -> None:
        """Make no calls for so long: the system has shut this machine out."""
        self._barred_until = max(self._barred_until, self.clock.monotonic() + seconds)
        self._barred_for = message

    def quota_spent(self, message: str) -> QuotaSpent:
        """Note that the vendor says that the quota is spent: metered calls end here from now on."""
        self._spent = message
        return QuotaSpent(message)

    # --- within -----------------------------------------------------------------------------------------

    async def _reserve(self, interface: str, metered: bool) -> None:
        if metered and self._spent:
            raise QuotaSpent(self._spent)
        # What the system asked one call to wait for, it asks of all calls of that interface.
        while interface in self._not_before:
            left = self._not_before[interface] - self.clock.monotonic()
            if left <= 0:
                break
            await self.clock.sleep(left)
        await self.meter.reserve(interface, metered=metered)

    def _refuse_when_barred(self) -> None:
        left = self._barred_until - self.clock.monotonic()
        if left > 0:
            raise _Barred(
                tr(
                    "{reason}; no calls for another {seconds} s",
                    reason=self._barred_for,
                    seconds=int(left) + 1,
                )
            )

    async def _send(self, request: Request, gate: Gate | None) -> Reply:
        if gate is not None and not gate():
            raise NeverSent(tr("the claim on these records grew too old while waiting"))
        try:
            return await self._transport.send(request)
        except NeverSent as error:
            host, reason = urlsplit(request.url).hostname, self.scrub(error.message)
            raise NeverSent(
                tr("{host} cannot be reached: {reason}", host=host, reason=reason),
                hint=tr("check the address in connections.yaml, the network, a firewall or proxy between"),
            ) from None
        except NoAnswer as error:
            host, reason = urlsplit(request.url).hostname, self.scrub(error.message)
            raise NoAnswer(tr("{host} gave no whole answer: {reason}", host=host, reason=reason)) from None

    def _decoded(self, interface: str | None, decode: Callable[[Any], T], response: Replied) -> T:
        try:
            return decode(response)
        except Retry as error:
            if error.after is None:
                error.after = retry_after(response, self.clock)
            if error.after and interface is not None:
                self.pause(interface, error.after)
            raise

    def _wait(self, state: RetryCallState) -> float:
        grown = _FIRST_WAIT * 2.0 ** (state.attempt_number - 1) * (0.5 + self.clock.random())
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, Retry) and error.after else 0.0
        return min(max(grown, asked * (1 + 0.1 * self.clock.random())), _LONGEST_WAIT)


def _as_transport(transport: Transport | httpx.AsyncBaseTransport) -> Transport:
    if hasattr(transport, "send"):
        return transport
    from engine.connector.httpx_bridge import Bridge

    return Bridge(transport)


def _may_help(error: BaseException) -> bool:
    return isinstance(error, Retry | NeverSent | NoAnswer) and not isinstance(error, _Barred)


def connect(
    connection: Connection,
    clock: Clock,
    meters: Callable[[Connection, str], Meter],
    transport: Transport | httpx.AsyncBaseTransport | None = None,
) -> Connector:
    """A connector ready to call; its references are looked up here. `meters` gives the meter for a connection
    and its system's identity. Close it with ``await connector.session.aclose()``.

    Raises ConfigurationError, CredentialsError, SchemeError.
    """
    resolved = connection.resolved()
    session = Session(resolved, clock, transport or HttpTransport(resolved.limits))
    made = connector_class(resolved.connector)(resolved, session)
    session.meter = meters(resolved, made.identity())
    return made
