"""The session against servers that refuse, drop, stall and lie."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from engine.connector import transport
from engine.connector.limits import Limits
from engine.connector.messages import Reply, Request
from engine.connector.session import (
    CountingMeter,
    NeverSent,
    NoAnswer,
    Renew,
    Retry,
    Session,
    retry_after,
)
from engine.connector.settings import Connection, Secret
from engine.connector.transport import HttpTransport, reason_of
from engine.errors import CredentialsError, Position, QuotaSpent, Unreachable


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are matched as the code writes them."""
    monkeypatch.setenv("ENGINE_LANG", "en")


class FakeClock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2024, 5, 8, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"


def make_session(wire: httpx.AsyncBaseTransport | None = None, **limits: Any) -> Session:
    connection = Connection(
        name="there",
        connector="dingtalk",
        settings={"app_secret": Secret("canary-secret")},
        limits=Limits(**{"timeout": 2.0, **limits}),
        environment="test",
        position=Position("connections.yaml"),
    )
    return Session(connection, FakeClock(), wire or HttpTransport(connection.limits))


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(handler: Handler) -> Any:
    """A server that speaks whatever the handler writes."""
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await handler(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client went away
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await asyncio.sleep(0.01)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return head


def answer(body: bytes = b"{}", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), extra, body)


async def call_once(handler: Handler, **limits: Any) -> httpx.Response:
    session = make_session(**limits)
    async with raw_server(handler) as base:
        try:
            return await session.call("x", httpx.Request("POST", f"{base}/x", json={"a": 1}))
        finally:
            await session.aclose()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_refused_connection_never_sent_anything() -> None:
    async def main() -> None:
        session = make_session()
        for address, words in (
            (f"http://127.0.0.1:{free_port()}/", "127.0.0.1 cannot be reached: nothing listens at"),
            ("http://no-such-host.invalid/", "no-such-host.invalid cannot be reached: no such host"),
        ):
            with pytest.raises(NeverSent) as caught:
                await session.call("x", httpx.Request("POST", address))
            assert caught.value.message.startswith(words)
            assert "check the address in connections.yaml" in (caught.value.hint or "")
        await session.aclose()

    asyncio.run(main())


async def _drop_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.close()


async def _reset_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.transport.abort()


async def _half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()


async def _no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    await writer.drain()
    writer.close()


async def _bad_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(answer(b"not gzip", b"Content-Encoding: gzip\r\n"))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    "handler", [_drop_after_request, _reset_after_request, _half_an_answer, _no_http, _bad_gzip]
)
def test_a_request_that_left_without_a_whole_answer_is_unclear(handler: Handler) -> None:
    with pytest.raises(NoAnswer):
        asyncio.run(call_once(handler))


def test_a_stall_is_unclear() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        writer.close()

    with pytest.raises(NoAnswer):
        asyncio.run(call_once(stall, timeout=0.1))


def test_a_trickle_is_cut_off_by_the_whole_timeout() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    with pytest.raises(NoAnswer):
        asyncio.run(call_once(trickle, timeout=0.15))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_stale_kept_connection_is_unclear_and_not_repeated_unseen(method: str) -> None:
    requests = 0

    async def once_then_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            try:
                await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            requests += 1
            if requests == 2:
                writer.close()
                return
            writer.write(answer())
            await writer.drain()

    async def main() -> None:
        session = make_session()
        async with raw_server(once_then_hang_up) as base:
            await session.call("x", httpx.Request(method, base))
            with pytest.raises(NoAnswer):
                await session.call("x", httpx.Request(method, base))
            await session.aclose()

    asyncio.run(main())
    assert requests == 2


def test_an_answer_is_whole_decompressed_and_redirects_are_not_followed() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        body = gzip.compress("已付款".encode())
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: /other\r\nSet-Cookie: a=1\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    response = asyncio.run(call_once(redirect))
    assert (response.status_code, response.text) == (302, "已付款")


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer(b"ok"))
        await writer.drain()
        writer.close()

    assert asyncio.run(call_once(serve)).text == "ok"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://erp.example/k3cloud/", "http://proxy.example:3128"),
        ("https://oapi.dingtalk.com/gettoken", "http://proxy.example:3129"),
        ("http://inside.example/", None),
        ("http://127.0.0.1:80/", None),
        ("http://localhost/", None),
    ],
)
def test_proxies(url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("http_proxy", "http://proxy.example:3128"),
        ("https_proxy", "http://proxy.example:3129"),
        ("no_proxy", "inside.example"),
    ):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(name, value)
    assert transport._proxy_for(url, httpx.URL(url).scheme, httpx.URL(url).host) == proxy


def test_a_small_request_goes_out_whole_and_its_reply_comes_back_whole() -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await read_request(reader))
            writer.write(answer("好".encode(), b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nX-Much: 5\r\n"))
            await writer.drain()

    async def scenario() -> Reply:
        session = make_session()
        async with raw_server(serve) as base:
            request = Request("POST", f"{base}/a?b=%2F+c", {"Content-Type": "application/json"}, b"{}")
            reply = await session.call("x", request)
            await session.call("x", Request("GET", f"{base}/单", {"User-Agent": "mine"}))
            await session.aclose()
            return reply

    reply = asyncio.run(scenario())
    assert (reply.status_code, reply.content, reply.text) == (200, "好".encode(), "好")
    assert (reply.headers["x-much"], reply.headers.getall("Set-Cookie")) == ("5", ["a=1", "b=2"])
    first, *lines = heads[0].decode().lower().strip().split("\r\n")
    assert first == "post /a?b=%2f+c http/1.1"
    names = sorted(line.partition(":")[0] for line in lines)
    assert names == ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]
    assert "user-agent: integration-engine" in lines
    assert "user-agent: mine" in heads[1].decode().lower()
    assert heads[1].startswith(b"GET /%E5%8D%95 HTTP/1.1")


def test_an_answer_beyond_all_measure_is_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1000)

    async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        body = gzip.compress(b" " * 100_000)
        writer.write(answer(body, b"Content-Encoding: gzip\r\n"))
        await writer.drain()
        writer.close()

    with pytest.raises(NoAnswer, match="64 MB"):
        asyncio.run(call_once(bomb))


# --- reads ----------------------------------------------------------------------------------------------


class Script(httpx.AsyncBaseTransport):
    """Answers one after the other; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, httpx.Response) else httpx.Response(200, text=str(found))


def decode(response: httpx.Response) -> str:
    if response.text == "busy":
        raise Retry("busy canary-secret")
    if response.text == "lost":
        raise Renew("token lost")
    return response.text


async def make() -> httpx.Request:
    return httpx.Request("GET", "http://127.0.0.1:1/")


def read(*answers: Any) -> tuple[str, Session, Script]:
    script = Script(*answers)
    session = make_session(script)
    return asyncio.run(session.read("x", make, decode)), session, script


def test_a_read_is_tried_again_with_growing_jittered_waits() -> None:
    value, session, _ = read("busy", httpx.ReadError("gone"), httpx.ConnectError("no"), "good")
    assert value == "good"
    assert session.clock.slept == [0.5, 1.0, 2.0]  # type: ignore[attr-defined]
    assert session.meter.calls == {"x": 4}  # type: ignore[attr-defined]


def test_a_read_waits_as_long_as_the_system_asks() -> None:
    _, session, _ = read(httpx.Response(503, text="busy", headers={"Retry-After": "7"}), "good")
    assert session.clock.slept[0] >= 7  # type: ignore[attr-defined]


def test_what_one_call_was_asked_to_wait_for_holds_for_all_of_the_interface() -> None:
    async def main() -> None:
        busy = httpx.Response(429, text="busy", headers={"Retry-After": "7"})
        session = make_session(Script(busy, "good", "good"))
        assert await session.read("x", make, decode) == "good"
        session._not_before["x"] = session.clock.monotonic() + 3
        await session.call("x", await make())
        assert session.clock.slept[-1] == 3  # type: ignore[attr-defined]

    asyncio.run(main())


def test_a_read_gives_up_after_four_tries_and_says_no_secret() -> None:
    with pytest.raises(Unreachable) as caught:
        read("busy", "busy", "busy", "busy", "never asked")
    assert "canary-secret" not in str(caught.value)


def test_a_lost_token_is_renewed_once() -> None:
    value, session, _ = read("lost", "good")
    assert value == "good"
    assert session.clock.slept == []  # type: ignore[attr-defined]
    with pytest.raises(CredentialsError):
        read("lost", "lost")


def test_a_bar_ends_calls_at_once_and_is_lifted_in_time() -> None:
    async def main() -> None:
        session = make_session(Script("good"))
        session.bar(300, "banned")
        with pytest.raises(Unreachable, match="banned"):
            await session.read("x", make, decode)
        assert session.clock.slept == []  # type: ignore[attr-defined]
        session.clock.time += 301  # type: ignore[attr-defined]
        assert await session.read("x", make, decode) == "good"

    asyncio.run(main())


def test_a_spent_quota_stops_metered_calls_only() -> None:
    async def main() -> None:
        session = make_session(Script("good"))
        session.quota_spent("spent")
        with pytest.raises(QuotaSpent):
            await session.read("x", make, decode)
        assert await session.read("x", make, decode, metered=False) == "good"

    asyncio.run(main())


# --- turns ----------------------------------------------------------------------------------------------


def test_a_turn_taken_ahead_is_used_by_the_next_call_and_counts_once() -> None:
    async def main() -> None:
        session = make_session(Script("a", "b", "c"), concurrency=1)
        async with session.turn("save"):
            await session.call(None, await make())
            await session.call("save", await make())
            await session.call("save", await make())
        assert isinstance(session.meter, CountingMeter)
        assert session.meter.calls == {"save": 2}

    asyncio.run(main())


def test_the_gate_keeps_a_stale_claim_from_being_sent() -> None:
    async def main() -> None:
        script = Script()
        session = make_session(script)
        with pytest.raises(NeverSent):
            await session.call("save", await make(), gate=lambda: False)
        assert script.requests == []

    asyncio.run(main())


def test_concurrency_is_held() -> None:
    running, most = 0, 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal running, most
            running += 1
            most = max(most, running)
            for _ in range(5):
                await asyncio.sleep(0)
            running -= 1
            return httpx.Response(200)

    async def main() -> None:
        session = make_session(Slow(), concurrency=3)
        await asyncio.gather(*[session.call("x", await make()) for _ in range(10)])

    asyncio.run(main())
    assert most == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 5.0), ("", None), ("soon", None), ("Wed, 08 May 2024 00:00:30 GMT", 30.0), ("-1", None)],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    response = httpx.Response(503, headers={"Retry-After": header} if header else {})
    assert retry_after(response, FakeClock()) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "cannot connect to http://127.0.0.1:1/x?access_token=t0ken&size=20",
        "canary-secret and t0ken",
        "GET http://h/gettoken?appkey=a&appsecret=canary-secret failed",
    ],
)
def test_nothing_secret_is_said_of_a_failure(text: str) -> None:
    async def main() -> None:
        session = make_session(Script(httpx.ReadError(text)))
        session.hide("t0ken")
        session.hide("t0ken/+=")
        assert session.scrub("t0ken%2F%2B%3D") == session.scrub("t0ken/+=")
        with pytest.raises(NoAnswer) as caught:
            await session.call("x", await make())
        assert "canary" not in str(caught.value)
        assert "access_token=t0ken" not in str(caught.value)

    asyncio.run(main())


def test_kept_answers_are_scrubbed_through_and_through() -> None:
    async def main() -> None:
        session = make_session(Script())
        kept = session.scrub_all({"a": ["canary-secret", 1, {"canary-secret": None}]})
        assert kept == {"a": ["***", 1, {"***": None}]}

    asyncio.run(main())


def test_an_address_goes_out_as_it_was_written() -> None:
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(answer())
        await writer.drain()

    async def scenario() -> None:
        session = make_session()
        async with raw_server(handler) as base:
            url = f"{base}/k3cloud/a%2Fb.kdsvc?access_token=a%2Bb%3D&q=%E9%92%89+x"
            request = httpx.Request(
                "GET", url, headers=[("X-Two", "1"), ("X-Two", "2"), ("Cookie", "a=b; c=d")]
            )
            await session.call("x", request)
            await session.aclose()

    asyncio.run(scenario())
    first, *lines = heads[0].decode().split("\r\n")
    assert first == "GET /k3cloud/a%2Fb.kdsvc?access_token=a%2Bb%3D&q=%E9%92%89+x HTTP/1.1"
    lowered = [line.lower() for line in lines]
    assert "x-two: 1" in lowered
    assert "x-two: 2" in lowered
    assert "cookie: a=b; c=d" in lowered
    assert len([line for line in lowered if line.startswith("host:")]) == 1


def test_a_packed_answer_grows_no_further_than_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1_000_000)
    packed = gzip.compress(b"\0" * 50_000_000)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer(packed, b"Content-Encoding: gzip\r\n"))
        await writer.drain()

    with pytest.raises(NoAnswer, match="larger than 64 MB"):
        asyncio.run(call_once(handler))


def test_a_proxy_gets_the_request_and_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(answer(b'{"by": "proxy"}'))
        await writer.drain()

    async def scenario() -> httpx.Response:
        async with raw_server(proxy) as base:
            monkeypatch.setenv("http_proxy", base.replace("//", "//me:s%2Fcret@"))
            monkeypatch.setenv("no_proxy", "")
            session = make_session()
            try:
                return await session.call("x", httpx.Request("POST", "http://erp.example/x", json={}))
            finally:
                await session.aclose()

    assert asyncio.run(scenario()).json() == {"by": "proxy"}
    assert heads[0].startswith(b"POST http://erp.example/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cy9jcmV0" in heads[0]


def test_a_proxy_that_is_not_there_never_sent_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        session = make_session()
        try:
            await session.call("x", httpx.Request("POST", "http://erp.example/x", json={}))
        finally:
            await session.aclose()

    with pytest.raises(NeverSent):
        asyncio.run(scenario())


def test_an_error_whose_causes_run_in_a_circle_is_told_of_all_the_same() -> None:
    first, second = OSError("it broke"), OSError("at the other end")
    first.__context__, second.__context__ = second, first
    assert reason_of(first) == "it broke"
