"""httpx's requests, answers and transports at a session: for connectors and tests that are written with them.

Loaded when one of them comes along, and not before: the engine's own calls do without.
"""

from __future__ import annotations

import aiohttp
import httpx
from multidict import CIMultiDict, CIMultiDictProxy

from engine.connector.messages import Reply, Request, Transport
from engine.connector.signals import NeverSent, NoAnswer
from engine.connector.transport import left_nothing, reason_of

__all__ = ["Bridge", "as_request", "as_response"]

_OF_THE_WIRE = frozenset(("content-encoding", "content-length", "transfer-encoding"))
_ADDED = frozenset(("host", "content-length"))
"""Headers that httpx works out from the rest, as whatever sends the request does."""
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Bridge(Transport):
    """Sends requests through one of httpx's transports."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Reply:
        sent = httpx.Request(
            request.method,
            request.url,
            headers=list(CIMultiDict(request.headers).items()),
            content=request.content or None,
        )
        try:
            answer = await self._transport.handle_async_request(sent)
            body = await answer.aread()
        except httpx.HTTPError as error:
            raise (NeverSent if _never_left(error) else NoAnswer)(reason_of(error)) from error
        headers = CIMultiDict(answer.headers.multi_items())
        return Reply(answer.status_code, CIMultiDictProxy(headers), body)

    async def aclose(self) -> None:
        await self._transport.aclose()


async def as_request(request: httpx.Request) -> Request:
    """The same request, for any transport."""
    headers = CIMultiDict(
        (name, value) for name, value in request.headers.multi_items() if name.lower() not in _ADDED
    )
    return Request(request.method, str(request.url), headers, await request.aread())


def as_response(reply: Reply, request: httpx.Request) -> httpx.Response:
    """An answer as httpx has it."""
    headers = [(name, value) for name, value in reply.headers.items() if name.lower() not in _OF_THE_WIRE]
    return httpx.Response(reply.status_code, headers=headers, content=reply.content, request=request)


def _never_left(error: httpx.HTTPError) -> bool:
    """Where aiohttp is the cause it knows better: a server that hung up may have acted, a connection that was
    never made has not."""
    cause = error.__cause__
    return left_nothing(cause) if isinstance(cause, aiohttp.ClientError) else isinstance(error, _NEVER_LEFT)
