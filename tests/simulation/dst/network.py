"""The network between an engine process and a system: delivers, loses, doubles, is late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random

import httpx

from dst.history import History
from dst.loop import SimLoop
from dst.storm import Storm

__all__ = ["Answer", "Call", "Host", "Network", "SimTransport"]

_SETTLED = 75.0
"""No request to DingTalk lives longer: the settle time of comments is 80 s or more."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrives. `writes` is True when handling it may change the system."""

    path: str
    query: dict[str, str]
    headers: httpx.Headers
    content: bytes
    writes: bool
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system says: status, body, headers."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


Handling = Generator[float, None, Answer]
"""A request at work in a system: yields the seconds until its next effect, returns its answer."""


class Host:
    """A system behind the network."""

    name: str

    def describe(self, request: httpx.Request) -> Call:
        """The request as a call."""
        raise NotImplementedError

    def handle(self, call: Call) -> Handling:
        """Handle a call; effects happen as the generator runs."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Network:
    """What every connection of a history shares. `longest_life` bounds how late a request can still act."""

    loop: SimLoop
    history: History
    storm: Storm
    random: Random
    longest_life: float


class SimTransport(httpx.AsyncBaseTransport):
    """One connection of one process. The client waits `timeout` seconds for an answer."""

    def __init__(self, network: Network, host: Host, timeout: float) -> None:
        self._net = network
        self._host = host
        self._timeout = timeout

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        net, storm = self._net, self._net.storm
        call = self._host.describe(request)
        name = f"{self._host.name} {call.path}"
        net.history.note("→ {}", name)
        if storm.strikes("connection refused"):
            net.history.fault("connection refused", "{}", name)
            raise httpx.ConnectError("refused", request=request)
        future: asyncio.Future[Answer] = net.loop.create_future()
        self._send(call, name, future)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await future
        except TimeoutError as error:
            net.history.note("← {}: no answer in {:g} s", name, self._timeout)
            raise httpx.ReadTimeout("no answer", request=request) from error
        except ConnectionResetError as error:
            net.history.note("← {}: the connection broke", name)
            raise httpx.ReadError("reset", request=request) from error
        net.history.note("← {}: {}", name, answer.status)
        return httpx.Response(
            answer.status, headers=list(answer.headers), content=answer.content, request=request
        )

    async def aclose(self) -> None:
        """There is nothing to close."""

    # --- on the way -----------------------------------------------------------------------------------

    def _send(self, call: Call, name: str, future: asyncio.Future[Answer]) -> None:
        net, storm = self._net, self._net.storm
        there = net.random.uniform(0.005, 0.15)
        if storm.strikes("request lost"):
            net.history.fault("request lost", "{}", name)
            return
        if storm.strikes("late commit"):
            # Comments are kept apart by settling alone, whatever the bills' numbers are.
            longest = min(net.longest_life, _SETTLED) if name.startswith("dingtalk") else net.longest_life
            there = net.random.uniform(self._timeout * 0.8, longest)
            net.history.fault("late commit", "{} arrives after {:.1f} s", name, there)
        back = self._way_back(name, future)
        if storm.strikes("connection reset"):
            cut = net.random.uniform(0.0, there * 2)
            net.history.fault("connection reset", "{}", name)
            net.loop.outside(cut, _break, future)
        net.loop.outside(there, self._arrive, call, name, back)
        if call.repeatable and storm.strikes("request doubled"):
            net.history.fault("request doubled", "{}", name)
            net.loop.outside(there + net.random.uniform(0.0, 2.0), self._arrive, call, name, back)

    def _way_back(self, name: str, future: asyncio.Future[Answer]) -> Callable[[Answer], None]:
        net, storm = self._net, self._net.storm

        def back(answer: Answer) -> None:
            if storm.strikes("answer lost"):
                net.history.fault("answer lost", "{}", name)
                return
            delay = net.random.uniform(0.005, 0.15)
            if storm.strikes("slow answer"):
                delay = net.random.uniform(1.0, self._timeout * 1.2)
                net.history.fault("slow answer", "{} after {:.1f} s", name, delay)
            net.loop.outside(delay, _give, future, self._spoilt(name, answer))

        return back

    def _spoilt(self, name: str, answer: Answer) -> Answer:
        """What a proxy makes of an answer."""
        net, storm = self._net, self._net.storm
        if storm.strikes("5xx after"):
            net.history.fault("5xx after", "{}", name)
            return Answer(net.random.choice((500, 502, 504)), b"<html>Bad Gateway</html>")
        if storm.strikes("html page"):
            net.history.fault("html page", "{}", name)
            return Answer(200, b"<!DOCTYPE html><html>please log in</html>")
        if storm.strikes("empty body"):
            net.history.fault("empty body", "{}", name)
            return Answer(200, b"")
        return answer

    def _arrive(self, call: Call, name: str, back: Callable[[Answer], None]) -> None:
        net = self._net
        if net.storm.strikes("5xx before"):
            net.history.fault("5xx before", "{}", name)
            back(Answer(net.random.choice((500, 502, 503)), b"<html>busy</html>"))
            return
        self._work(self._host.handle(call), back)

    def _work(self, handling: Handling, back: Callable[[Answer], None]) -> None:
        try:
            pause = next(handling)
        except StopIteration as done:
            back(done.value)
            return
        self._net.loop.outside(pause, self._work, handling, back)


def _give(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _break(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_exception(ConnectionResetError())
