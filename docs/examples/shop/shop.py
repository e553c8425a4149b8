"""A whole connector for an imaginary shop: its orders are a source, its invoices a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from engine import jsontext
from engine.connector.api import (
    Accepted,
    Account,
    Answer,
    Connector,
    Duplicate,
    Existing,
    Gate,
    Item,
    NotSent,
    Outgoing,
    Page,
    Refused,
    Source,
    Span,
    Target,
    Unclear,
)
from engine.connector.catalog import Catalog, Form
from engine.connector.catalog_file import load_catalog
from engine.connector.session import NeverSent, NoAnswer, Retry
from engine.errors import CredentialsError, FailureClass, RecordError, Unreachable


class ShopConnector(Connector):
    """One shop, reached with an API key."""

    name = "shop"

    @classmethod
    def catalog(cls) -> Catalog:
        return load_catalog(Path(__file__).with_name("catalog.yaml"))

    def identity(self) -> str:
        return f"shop:{httpx.URL(str(self.connection.settings['base_url'])).host}"

    def account(self) -> Account:
        return Account(host=str(self.connection.settings["base_url"]), account="")

    async def check(self) -> None:
        await self.read("orders", "GET", "/orders", params={"limit": "1"})

    def source(self, interface: str, request: Mapping[str, Any]) -> Source:
        return Orders(self, request)

    def target(self, interface: str, form: Form | None, options: Mapping[str, Any]) -> Target:
        return Invoices(self)

    def request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        """A request with the key on it; the secret is revealed here and nowhere else."""
        url = str(self.connection.settings["base_url"]).rstrip("/") + path
        return httpx.Request(method, url, headers={"X-Api-Key": self.connection.secret("api_key")}, **parts)

    async def read(self, interface: str, method: str, path: str, **parts: Any) -> Any:
        """The decoded answer of a call that changes nothing; the session waits, counts and tries again."""

        async def make() -> httpx.Request:
            return self.request(method, path, **parts)

        return await self.session.read(interface, make, decode)


def decode(response: httpx.Response) -> Any:
    """The answer's JSON; says which answers are worth another try and which are final."""
    if response.status_code == 401:
        raise CredentialsError("the shop refused the key", hint="look at api_key in connections.yaml")
    if response.status_code == 429 or response.status_code >= 500:
        raise Retry(f"the shop answered {response.status_code}")
    if response.status_code == 404:
        raise RecordError("the shop has no such order", failure=FailureClass.DATA)
    try:
        return jsontext.loads(response.content)
    except ValueError:
        raise Unreachable("the shop's answer is no JSON") from None


class Orders:
    """A listing that already holds the whole records."""

    family = ""
    gets_each = False
    longest_span: timedelta | None = None
    most_items: int | None = None

    def __init__(self, shop: ShopConnector, request: Mapping[str, Any]) -> None:
        self._shop = shop
        self._request = request

    async def page(self, request: Mapping[str, Any], span: Span | None, cursor: Any) -> Page:
        asked = {**request, "after": str(cursor or 0)}
        if span is not None:
            asked |= {"from": span.start.isoformat(), "to": span.end.isoformat()}
        answer = await self._shop.read("orders", "GET", "/orders", params=asked)
        items = tuple(Item(str(order["id"]), order) for order in answer["orders"])
        return Page(items, answer.get("next"))

    async def get(self, id: str) -> dict[str, Any]:
        order: dict[str, Any] = await self._shop.read("orders", "GET", f"/orders/{id}")
        return order


class Invoices:
    """One invoice a call; the shop keeps `reference` unique and can be asked for it."""

    stages: tuple[str, ...] = ("save",)
    asking = "first"
    largest_batch = 1

    def __init__(self, shop: ShopConnector) -> None:
        self._shop = shop

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        found = await self._shop.read("invoices", "GET", "/invoices", params={key_field: ",".join(keys)})
        hits: dict[str, list[Existing]] = {}
        for one in found["invoices"]:
            facts = self.facts(one)
            hits.setdefault(one[key_field], []).append(Existing(one["id"], one[key_field], "save", facts))
        return hits

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._shop.session.turn("invoices")

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        return [await self._send(document, gate) for document in documents]

    async def _send(self, document: Outgoing, gate: Gate) -> Answer:
        request = self._shop.request("POST", "/invoices", content=jsontext.dumps(document.payload))
        try:
            response = await self._shop.session.call("invoices", request, gate=gate)
        except NeverSent as error:
            return NotSent(error.message, FailureClass.TRANSIENT)
        except NoAnswer as error:
            return Unclear(error.message)
        return _ANSWERS.get(response.status_code, _unclear)(response)

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        return [Accepted(one.id, one.number) for one in documents]

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        return payload.get(key_field) or None

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        return {"order": str(payload["order"]), "amount": Decimal(str(payload["total"]))}

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        return Decimal(str(payload["total"]))


def _created(response: httpx.Response) -> Answer:
    try:
        answer = jsontext.loads(response.content)
        return Accepted(str(answer["id"]), answer["reference"], answer)
    except (ValueError, KeyError, TypeError):
        return _unclear(response)


def _duplicate(response: httpx.Response) -> Answer:
    return Duplicate(response.text)


def _refused(response: httpx.Response) -> Answer:
    return Refused(response.text, FailureClass.DATA)


def _unclear(response: httpx.Response) -> Answer:
    return Unclear(f"the shop answered {response.status_code}", response.text)


_ANSWERS: dict[int, Callable[[httpx.Response], Answer]] = {201: _created, 409: _duplicate, 422: _refused}
