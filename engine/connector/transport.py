"""The one way onto the wire: httpx's requests over aiohttp, and an honest word on whether one ever left."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from engine.connector.environments import is_loopback
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.limits import Limits

__all__ = ["LARGEST_ANSWER", "HttpTransport", "never_left", "reason_of"]

LARGEST_ANSWER = 64 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")

_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)
"""aiohttp's errors from before a request's first byte."""


def never_left(error: BaseException) -> bool:
    """True when an error proves that nothing of the request left this machine.

    httpx-aiohttp (0.2) reports a server that hung up, after it may have acted, as `httpx.ConnectTimeout`, as
    it does a connection that was never made; only the cause tells them apart.
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


class HttpTransport(httpx.AsyncBaseTransport):
    """Sends requests as they are: no redirects, no cookies of its own, no repeats, certificates verified.

    A proxy named by the environment is used, but never for this machine itself. A connection has ten seconds
    to come about, and then request and answer have `limits.timeout` seconds in all. The whole answer is read,
    up to 64 MB.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_proxy: dict[str | None, AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transport(request.url)
        seconds = self._limits.timeout
        connect = min(seconds, _CONNECT_SECONDS)
        request.extensions = {
            **request.extensions,
            "timeout": {"connect": connect, "read": seconds, "write": seconds, "pool": connect},
        }
        request.headers["Accept-Encoding"] = "gzip, deflate"
        try:
            async with asyncio.timeout(connect + seconds):
                response = await transport.handle_async_request(request)
                try:
                    return await _whole(response, request)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no answer within {seconds:g} s", request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(type(error).__name__, request=request) from error

    async def aclose(self) -> None:
        for transport in self._by_proxy.values():
            await transport.aclose()
        self._by_proxy.clear()

    def _transport(self, url: httpx.URL) -> AiohttpTransport:
        proxy = _proxy_for(url)
        if proxy not in self._by_proxy:
            context = httpx.create_ssl_context()
            self._by_proxy[proxy] = AiohttpTransport(
                verify=context,
                proxy=httpx.Proxy(proxy) if proxy else None,
                client=lambda: self._client(context),
            )
        return self._by_proxy[proxy]

    def _client(self, context: object) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the session holds the connection's concurrency
            ssl=context,  # type: ignore[arg-type]
            keepalive_timeout=5.0,  # shorter than servers': a stale connection makes a write unclear
        )
        client = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        # aiohttp sends a GET again when a kept connection was closed: a call that nobody would have counted.
        client._retry_connection = False
        return client


async def _whole(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    """The answer with its body read and decompressed."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise httpx.ReadError("the answer is larger than 64 MB", request=request)
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)


def _proxy_for(url: httpx.URL) -> str | None:
    if is_loopback(str(url)) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
