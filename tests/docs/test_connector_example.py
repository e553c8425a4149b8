"""The connector of docs/examples does what the guide says."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.clock import SystemClock
from engine.connector.api import Accepted, Duplicate, NotSent, Outgoing, Refused, Span, Unclear
from engine.connector.limits import Limits
from engine.connector.session import Session
from engine.connector.settings import Connection, Secret
from engine.errors import CredentialsError, Position, Unreachable

SHOP = Path(__file__).parents[2] / "docs/examples/shop/shop.py"
DOCUMENT = Outgoing("R-1", {"reference": "R-1", "order": "7", "total": Decimal("12.30")})
SPAN = Span(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))


class HastyClock(SystemClock):
    """A clock that lets nobody wait."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def connector(answer: Callable[[httpx.Request], httpx.Response]) -> Any:
    spec = importlib.util.spec_from_file_location("shop_example", SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    connection = Connection(
        name="shop",
        connector="shop",
        settings={"base_url": "http://127.0.0.1:1/", "api_key": Secret("canary-key")},
        limits=Limits(),
        environment="test",
        position=Position("connections.yaml"),
    )
    session = Session(connection, HastyClock(), httpx.MockTransport(answer))
    return module.ShopConnector(connection, session)


def test_a_page_holds_whole_orders_and_the_next_cursor() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Api-Key"] == "canary-key"
        assert request.url.params["from"] == "2024-05-01T00:00:00+00:00"
        return httpx.Response(200, json={"orders": [{"id": 7, "total": 12.30}], "next": "abc"})

    page = asyncio.run(connector(answer).source("orders", {}).page({"state": "paid"}, SPAN, None))
    assert [item.id for item in page.items] == ["7"]
    assert page.items[0].record == {"id": 7, "total": Decimal("12.3")}
    assert page.cursor == "abc"


@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (httpx.Response(401), CredentialsError),
        (httpx.Response(503), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
    ],
)
def test_reading_says_what_can_be_done(response: httpx.Response, raised: type[Exception]) -> None:
    with pytest.raises(raised) as error:
        asyncio.run(connector(lambda _: response).check())
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(201, json={"id": 9, "reference": "R-1"}), Accepted),
        (httpx.Response(201, text="cut off"), Unclear),
        (httpx.Response(409, text="known"), Duplicate),
        (httpx.Response(422, text="no such order"), Refused),
        (httpx.Response(500), Unclear),
        (httpx.ReadTimeout("late"), Unclear),
        (httpx.ConnectError("refused"), NotSent),
    ],
    ids=str,
)
def test_an_invoice_is_answered_for_honestly_and_sent_once(response: Any, expected: type[object]) -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.content)
        if isinstance(response, Exception):
            raise response
        return response  # type: ignore[no-any-return]

    target = connector(answer).target("invoices", None, {})
    assert [type(one) for one in asyncio.run(target.send([DOCUMENT], lambda: True))] == [expected]
    assert calls == [b'{"reference":"R-1","order":"7","total":12.30}']


def test_an_old_claim_sends_nothing() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    target = connector(answer).target("invoices", None, {})
    assert [type(one) for one in asyncio.run(target.send([DOCUMENT], lambda: False))] == [NotSent]


def test_the_target_is_asked_for_all_keys_at_once() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["reference"] == "R-1,R-2"
        found = {"id": "9", "reference": "R-1", "order": "7", "total": 12.30}
        return httpx.Response(200, json={"invoices": [found]})

    target = connector(answer).target("invoices", None, {})
    hits = asyncio.run(target.find("reference", ["R-1", "R-2"]))
    assert list(hits) == ["R-1"]
    assert hits["R-1"][0].facts == target.facts(DOCUMENT.payload)


def test_the_catalog_can_be_read() -> None:
    catalog = connector(lambda _: httpx.Response(200)).catalog()
    assert catalog.interfaces["orders"].roles == ("source",)
    assert catalog.interfaces["invoices"].keys == ("reference",)
