"""Faults that a simulator can be told to show, each with a rate from 0 (never) to 1 (always).

The generic ones are played here, around any simulator's handlers:

| fault        | log-in | read | write | what happens |
|--------------|--------|------|-------|--------------|
| slow         | yes    | yes  | yes   | the answer takes some seconds more |
| drop_before  | yes    | yes  | yes   | the connection is dropped, nothing was done |
| error_before | yes    | yes  | yes   | HTTP 5xx, nothing was done |
| throttle     | –      | yes  | yes   | refused as one call too many, nothing was done |
| expired      | –      | yes  | yes   | the token or session is forgotten just before the call |
| late_commit  | –      | –    | yes   | the connection is dropped, the effect comes about some time later |
| drop_after   | –      | –    | yes   | done, then the connection is dropped |
| error_after  | –      | –    | yes   | done, then HTTP 5xx |
| empty        | yes    | yes  | yes   | done, then HTTP 200 with an empty body |
| html         | yes    | yes  | yes   | done, then HTTP 200 with an HTML page |

`audit_fails` and `unique_number` (on unless switched off) are played by the simulators they concern.
"""

from __future__ import annotations

import asyncio
import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.connector.simulator.base import Simulator
    from engine.connector.simulator.state import Store

__all__ = ["DEFAULT_RATES", "GENERIC", "KIND", "Call", "draw", "middleware", "rates"]

KIND = "fault"

GENERIC: dict[str, str] = {
    "slow": "the answer takes some seconds more",
    "drop_before": "the connection is dropped before anything is done",
    "error_before": "a 5xx answer, and nothing is done",
    "throttle": "refused as one call too many",
    "expired": "the token or session is forgotten just before a call",
    "late_commit": "a write's connection is dropped, and it takes effect a little later",
    "drop_after": "a write takes effect, then its connection is dropped",
    "error_after": "a write takes effect, then a 5xx answer",
    "empty": "an empty answer; a write has taken effect",
    "html": "an HTML page as answer; a write has taken effect",
}

DEFAULT_RATES = {"unique_number": 1.0}

_PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Call(StrEnum):
    """What a request is, as far as faults care."""

    LOGIN = "login"
    READ = "read"
    WRITE = "write"


def rates(store: Store, connection: str) -> dict[str, float]:
    """The rates in force for a connection: those set for it, else those set for all, else the defaults."""
    stored = {key: float(doc["rate"]) for key, doc in store.within("").all(KIND)}
    own = f"{connection}."
    ours = {key.removeprefix(own): rate for key, rate in stored.items() if key.startswith(own)}
    return {**DEFAULT_RATES, **stored, **ours}


def draw(store: Store, connection: str, name: str, chance: float) -> bool:
    """Whether a fault of this rate shows this time: a seeded stream, so that a run can be repeated."""
    turn = store.within(connection).next_number(f"fault/{name}")
    digest = hashlib.sha256(f"{connection}:{name}:{turn}".encode()).digest()
    return int.from_bytes(digest[:8]) < chance * 2**64


def middleware(simulator: Simulator) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The generic faults around all handlers of a simulator."""

    @web.middleware
    async def play(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        simulator.prepare()
        await request.read()
        call = simulator.call(request)
        shown = simulator.chance()
        early = await _before(simulator, request, call, shown)
        if early is not None:
            return early
        if call is Call.WRITE and shown("late_commit"):
            simulator.later(handler, request)
            return _drop(request)
        answer = await handler(request)
        return _after(simulator, request, call, shown) or answer

    return play


async def _before(
    simulator: Simulator, request: web.Request, call: Call, shown: Callable[[str], bool]
) -> web.StreamResponse | None:
    if shown("slow"):
        await asyncio.sleep(simulator.slow_seconds)
    if shown("drop_before"):
        return _drop(request)
    if shown("error_before"):
        return simulator.server_error(request)
    if call is not Call.LOGIN:
        if shown("throttle"):
            return simulator.throttled(request)
        if shown("expired"):
            simulator.expire(request)
    return None


def _after(
    simulator: Simulator, request: web.Request, call: Call, shown: Callable[[str], bool]
) -> web.StreamResponse | None:
    if call is Call.WRITE:
        if shown("drop_after"):
            return _drop(request)
        if shown("error_after"):
            return simulator.server_error(request)
    if shown("empty"):
        return web.Response(body=b"", content_type="application/json")
    if shown("html"):
        return web.Response(text=_PAGE, content_type="text/html")
    return None


def _drop(request: web.Request) -> web.StreamResponse:
    """Cut the line; what is returned then goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
