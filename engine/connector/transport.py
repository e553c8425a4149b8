"""The one way onto the wire: httpx's requests over aiohttp, and an honest word on whether one ever left.

httpx's own pool slows down with every connection; what carries its requests here is aiohttp's client,
spoken to directly.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from engine.connector.environments import is_loopback
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.connector.limits import Limits

__all__ = ["LARGEST_ANSWER", "HttpTransport", "never_left", "reason_of"]

LARGEST_ANSWER = 64 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_PIECE = 16 * 1024
_LARGE = 1024 * 1024
"""From here on aiohttp warns of a body that it is given whole."""
_OF_THE_WIRE = frozenset((b"content-encoding", b"content-length", b"transfer-encoding"))
_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")

_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
"""aiohttp's errors from before a request's first byte."""


def never_left(error: BaseException) -> bool:
    """True when an error proves that nothing of the request left this machine.

    Where aiohttp is the cause, it says so itself: a server that hung up may have acted, a connection that was
    never made has not.
    """
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, _NEVER_LEFT)
    return isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )


def reason_of(error: httpx.HTTPError) -> str:
    """What the network said, in words where they are known; without the query of an address: tokens stand
    there."""
    cause: BaseException | None = error
    while cause is not None:
        below = getattr(cause, "os_error", None) or cause.__cause__ or cause.__context__
        match cause:
            case socket.gaierror():
                return tr("no such host")
            case ConnectionRefusedError():
                return tr("nothing listens at this address and port")
            case ssl.SSLCertVerificationError():
                return tr("its certificate is not trusted ({reason})", reason=cause.verify_message)
            case TimeoutError():
                return tr("no answer in time")
        cause = below
    text = _QUERY.sub("?…", str(error))
    return text or type(error.__cause__ or error).__name__


@dataclass(frozen=True, slots=True)
class _Way:
    """How a host is reached: what aiohttp is told of a proxy, and what the request proves to it."""

    told: Mapping[str, Any] = field(default_factory=dict)
    proof: Mapping[str, str] = field(default_factory=dict)


class HttpTransport(httpx.AsyncBaseTransport):
    """Sends requests as they are: no redirects, no cookies of its own, no repeats, certificates verified.

    A proxy named by the environment is used, but never for this machine itself. A connection has ten seconds
    to come about, and then request and answer have `limits.timeout` seconds in all. The whole answer is read,
    up to 64 MB.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.timeout
        self._connect = min(limits.timeout, _CONNECT_SECONDS)
        self._timeout = aiohttp.ClientTimeout(
            connect=self._connect, sock_connect=self._connect, sock_read=self._seconds
        )
        self._client: aiohttp.ClientSession | None = None
        self._ways: dict[tuple[str, str], _Way] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._client is None:
            self._client = _new_client()
        body = await request.aread()
        way = self._way(request.url)
        headers = CIMultiDict(request.headers.multi_items())
        headers.update(way.proof)
        headers["Accept-Encoding"] = "gzip, deflate"
        try:
            async with (
                asyncio.timeout(self._connect + self._seconds),
                self._client.request(
                    request.method,
                    URL(str(request.url), encoded=True),
                    headers=headers,
                    data=_as_data(body),
                    allow_redirects=False,
                    timeout=self._timeout,
                    **way.told,
                ) as answer,
            ):
                return await _whole(answer, request)
        except (aiohttp.ServerTimeoutError, TimeoutError) as error:
            if isinstance(error, _NEVER_LEFT):
                raise httpx.ConnectTimeout(str(error), request=request) from error
            raise httpx.ReadTimeout(f"no answer within {self._seconds:g} s", request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            kind = httpx.ConnectError if isinstance(error, _NEVER_LEFT) else httpx.ReadError
            raise kind(str(error) or type(error).__name__, request=request) from error

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _way(self, url: httpx.URL) -> _Way:
        """The way to this host; looked up once."""
        place = url.scheme, url.host
        if place not in self._ways:
            self._ways[place] = _by_way_of(_proxy_for(url), url.scheme)
        return self._ways[place]


def _as_data(body: bytes) -> bytes | BytesIO | None:
    """The body as aiohttp wants it: a large one in pieces, so that writing it does not hold up all else."""
    if len(body) > _LARGE:
        return BytesIO(body)
    return body or None


def _new_client() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,  # the session holds the connection's concurrency
        ssl=httpx.create_ssl_context(),
        keepalive_timeout=5.0,  # shorter than servers': a stale connection makes a write unclear
    )
    client = aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    )
    # aiohttp sends a GET again when a kept connection was closed: a call that nobody would have counted.
    client._retry_connection = False
    return client


async def _whole(answer: aiohttp.ClientResponse, request: httpx.Request) -> httpx.Response:
    """The answer with its body read and decompressed."""
    headers = [(name, value) for name, value in answer.raw_headers if name.lower() not in _OF_THE_WIRE]
    packed = answer.headers.get("Content-Encoding")
    if packed is None:
        body = await _read(answer.content.iter_any(), request)
    else:
        # httpx unpacks piece by piece, so that a small answer cannot grow without bound
        told = httpx.Response(answer.status, headers={"Content-Encoding": packed}, stream=_Pieces(answer))
        body = await _read(told.aiter_bytes(), request)
    return httpx.Response(answer.status, headers=headers, content=body, request=request)


async def _read(pieces: AsyncIterator[bytes], request: httpx.Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise httpx.ReadError("the answer is larger than 64 MB", request=request)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Pieces(httpx.AsyncByteStream):
    """A body as it comes off the wire, in pieces of at most 16 KB."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.content.iter_chunked(_PIECE):
            yield piece


def _by_way_of(address: str | None, scheme: str) -> _Way:
    if address is None:
        return _Way()
    proxy = httpx.Proxy(address)
    if not proxy.auth:
        return _Way({"proxy": str(proxy.url)})
    token = b64encode(":".join(proxy.auth).encode()).decode()
    proof = {"Proxy-Authorization": f"Basic {token}"}
    # To a proxy of plain HTTP the request itself goes, to another one a request for a tunnel before it.
    if scheme == "http":
        return _Way({"proxy": str(proxy.url)}, proof)
    return _Way({"proxy": str(proxy.url), "proxy_headers": proof})


def _proxy_for(url: httpx.URL) -> str | None:
    if is_loopback(str(url)) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
