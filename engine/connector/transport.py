"""The one way onto the wire: aiohttp's client, spoken to directly, and an honest word on whether a request
ever left.

What is slow to load and seldom needed (certificates, proxies, packed answers) is loaded by whoever needs it.
"""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from engine.connector.environments import is_loopback
from engine.connector.messages import Reply, Transport
from engine.connector.signals import NeverSent, NoAnswer
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.connector.limits import Limits
    from engine.connector.messages import Request

__all__ = ["LARGEST_ANSWER", "HttpTransport", "left_nothing", "reason_of"]

LARGEST_ANSWER = 64 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_PIECE = 16 * 1024
_LARGE = 1024 * 1024
"""From here on aiohttp warns of a body that it is given whole."""
_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")
_ALWAYS = {"User-Agent": "integration-engine", "Accept-Encoding": "gzip, deflate"}

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


def left_nothing(error: BaseException | None) -> bool:
    """True when an error of aiohttp's proves that nothing of the request left this machine."""
    return isinstance(error, _NEVER_LEFT)


def reason_of(error: BaseException) -> str:
    """What the network said, in words where they are known; without the query of an address: tokens stand
    there."""
    cause: BaseException | None = error
    seen: set[int] = set()  # a cause may lead back to where it came from
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
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
    """How a host is reached: what aiohttp is told of proxy and certificates, and what the request proves to
    the proxy."""

    told: Mapping[str, Any] = field(default_factory=dict)
    proof: Mapping[str, str] = field(default_factory=dict)


class HttpTransport(Transport):
    """Sends requests as they are: no redirects, no cookies of its own, no repeats, certificates verified.

    A proxy named by the environment is used, but never for this machine itself. A call has `limits.timeout`
    seconds in all; a connection has ten of them to come about, and half of them at most. The whole answer is
    read, up to 64 MB.
    """

    def __init__(self, limits: Limits) -> None:
        connect = min(limits.timeout / 2, _CONNECT_SECONDS)
        self._timeout = aiohttp.ClientTimeout(total=limits.timeout, connect=connect, sock_connect=connect)
        self._client: aiohttp.ClientSession | None = None
        self._ways: dict[tuple[str, str], _Way] = {}

    async def send(self, request: Request) -> Reply:
        if self._client is None:
            self._client = self._new_client()
        url = URL(request.url, encoded=request.url.isascii())
        place = url.scheme, url.raw_host or ""
        way = self._ways.get(place)
        if way is None:
            way = self._ways[place] = _way_to(request.url, *place)
        headers = request.headers
        if way.proof:
            headers = CIMultiDict(headers)
            headers.update(way.proof)
        try:
            async with self._client.request(
                request.method,
                url,
                headers=headers,
                data=_as_data(request.content),
                allow_redirects=False,
                **way.told,
            ) as answer:
                return Reply(answer.status, answer.headers, await _whole(answer))
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise (NeverSent if left_nothing(error) else NoAnswer)(reason_of(error)) from error

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _new_client(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the session holds the connection's concurrency
            keepalive_timeout=5.0,  # shorter than servers': a stale connection makes a write unclear
        )
        client = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_ALWAYS,
            timeout=self._timeout,
        )
        # aiohttp sends a GET again when a kept connection was closed: a call that nobody would have counted.
        client._retry_connection = False
        return client


def _as_data(body: bytes) -> bytes | BytesIO | None:
    """The body as aiohttp wants it: a large one in pieces, so that writing it does not hold up all else."""
    if len(body) > _LARGE:
        return BytesIO(body)
    return body or None


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """The answer's body, read and decompressed."""
    packed = answer.headers.get("Content-Encoding")
    if packed is not None:
        return await _read(_unpacked(answer, packed))
    length = answer.content_length
    if length is not None and length <= LARGEST_ANSWER:
        return await answer.content.read()
    return await _read(answer.content.iter_any())


async def _read(pieces: AsyncIterator[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise NoAnswer(tr("the answer is larger than 64 MB"))
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _unpacked(answer: aiohttp.ClientResponse, packed: str) -> AsyncIterator[bytes]:
    """A packed body, piece by piece, so that a small answer cannot grow without bound."""
    import httpx

    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in answer.content.iter_chunked(_PIECE):
                yield piece

    told = httpx.Response(answer.status, headers={"Content-Encoding": packed}, stream=Pieces())
    try:
        async for piece in told.aiter_bytes():
            yield piece
    except httpx.HTTPError as error:
        raise NoAnswer(reason_of(error)) from error


def _way_to(address: str, scheme: str, host: str) -> _Way:
    """How a host is reached from here."""
    told: dict[str, Any] = {}
    if scheme == "https":
        import httpx

        told["ssl"] = httpx.create_ssl_context()
    proxy = _proxy_for(address, scheme, host)
    return _Way(told) if proxy is None else _by_way_of(proxy, scheme, told)


def _by_way_of(address: str, scheme: str, told: Mapping[str, Any]) -> _Way:
    import httpx

    proxy = httpx.Proxy(address)
    told = {**told, "proxy": str(proxy.url)}
    if proxy.url.scheme == "https":
        told.setdefault("ssl", httpx.create_ssl_context())
    if not proxy.auth:
        return _Way(told)
    token = b64encode(":".join(proxy.auth).encode()).decode()
    proof = {"Proxy-Authorization": f"Basic {token}"}
    # To a proxy of plain HTTP the request itself goes, to another one a request for a tunnel before it.
    if scheme == "http":
        return _Way(told, proof)
    return _Way({**told, "proxy_headers": proof})


def _proxy_for(address: str, scheme: str, host: str) -> str | None:
    if is_loopback(address) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
