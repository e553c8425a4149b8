"""The contract checks find what breaks the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine.connector.api import Accepted, Existing, Gate, Item, NotSent, Outgoing, Page
from engine.connector.contract import (
    ContractError,
    check_declaration,
    check_lookup,
    check_source,
    check_target,
)
from engine.connector.registry import connector_class, connector_names
from engine.errors import FailureClass, RecordError


class Shelf:
    """A source that keeps the contract, until told to break it."""

    gets_each = True
    longest_span = None
    most_items: int | None = None

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.calls = 0

    async def page(self, request: Mapping[str, Any], span: object, cursor: Any) -> Page:
        self.calls += 1
        if self.fault == "endless":
            return Page((Item("a"),), self.calls)
        if cursor is None:
            return Page((Item("a"),), 1)
        return Page((Item(f"b{self.calls}" if self.fault == "shifting" else "b"),))

    async def get(self, id: str) -> dict[str, Any]:
        if (id not in ("a", "b") and self.fault == "") or (id == "no-such-id" and self.fault != "lenient"):
            raise RecordError("gone")
        self.calls += 1
        return {"id": id, "when": self.calls if self.fault == "unsteady" else 0, "tuple": self._extra()}

    def _extra(self) -> Any:
        return (1,) if self.fault == "not json" else [1]


def test_a_good_source_passes() -> None:
    assert list(asyncio.run(check_source(Shelf(), {}, None))) == ["a", "b"]


@pytest.mark.parametrize("fault", ["endless", "shifting", "lenient", "unsteady", "not json"])
def test_a_bad_source_is_found_out(fault: str) -> None:
    with pytest.raises(ContractError):
        asyncio.run(check_source(Shelf(fault), {}, None))


class Book:
    """A lookup, likewise."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    async def look_up(self, key: str) -> Mapping[str, Any] | None:
        wanted = key if self.fault == "untrimmed" else key.strip()
        return {"name": "x"} if wanted == "known" or self.fault == "anything" else None


def test_lookups() -> None:
    asyncio.run(check_lookup(Book(), "known", "unknown"))
    for fault in ("untrimmed", "anything"):
        with pytest.raises(ContractError):
            asyncio.run(check_lookup(Book(fault), "known", "unknown"))


class Drawer:
    """A target, likewise."""

    stages = ("save",)
    asking = "first"
    largest_batch = 5

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.kept: dict[str, Mapping[str, Any]] = {}

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        facts: dict[str, Any] = {"amount": "2" if self.fault == "differs" else "1"}
        return {key: [Existing("1", key, "save", facts)] for key in keys if key in self.kept}

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Any]:
        if self.fault != "no gate" and not gate():
            return [NotSent("", FailureClass.TRANSIENT) for _ in documents]
        if self.fault != "loses":
            self.kept |= {document.key: document.payload for document in documents}
        ordered = reversed(documents) if self.fault == "disorder" else documents
        return [Accepted("1", one.key, key=one.key) for one in ordered]

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Any]:
        return []

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        return "always" if self.fault == "invents" else payload.get(key_field)

    def facts(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"amount": "1"}

    def amount(self, payload: Mapping[str, Any]) -> None:
        return None


def test_a_good_target_passes() -> None:
    asyncio.run(check_target(Drawer(), [{"no": "1"}, {"no": "2"}], "no"))


@pytest.mark.parametrize("fault", ["differs", "no gate", "loses", "disorder", "invents"])
def test_a_bad_target_is_found_out(fault: str) -> None:
    with pytest.raises(ContractError):
        asyncio.run(check_target(Drawer(fault), [{"no": "1"}, {"no": "2"}], "no"))


@pytest.mark.parametrize("name", connector_names())
def test_every_connector_here_declares_itself_well(name: str) -> None:
    check_declaration(connector_class(name))
