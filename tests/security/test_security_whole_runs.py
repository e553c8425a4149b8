"""Whole runs between real servers that answer badly: none lost, none twice, nothing unexplained."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hostile.spoiling import Spoiler

SEEDS = range(int(os.environ.get("SEEDS", "12")))
OPEN = {"failed", "unknown"}
INSIDE = re.compile(r"Traceback|engine itself|0x[0-9a-f]{8}|object at ")

pytestmark = pytest.mark.usefixtures("hurried")


def _told(world: Any, *arguments: str) -> Any:
    """Run a command: whatever the systems said, it ends with words, a known code and counts that add up."""
    result = world.engine(*arguments, "--json")
    assert result.code in (0, 1, 2, 3), result
    assert not INSIDE.search(result.out + result.err), result
    if "counts" in result.json:
        assert result.counts
    elif "error" in result.json:
        assert result.json["error"]["message"], result.out
    return result.json


def _explained(world: Any, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["state"] not in OPEN or (row["reason"] and row["class"]), row
        assert len(row["reason"] or "") < 2100, row
        assert _told(world, "why", row["number"] or row["id"])


@pytest.mark.parametrize("seed", SEEDS)
def test_bad_answers_lose_nothing_and_pay_once(spoilt: Any, seed: int) -> None:
    spoilt.spoil = spoiler = Spoiler(seed)
    spoilt.dingtalk.page = 4
    claims = spoilt.claims(10)

    for _ in range(2):
        _told(spoilt, "run", "expense_to_paybill")
        _explained(spoilt, spoilt.listed())
    assert spoiler.spoilt
    spoiler.rest()
    _told(spoilt, "run", "expense_to_paybill")
    _explained(spoilt, rows := spoilt.listed())
    assert {row["id"] for row in rows} == {claim.id for claim in claims}

    # what the messages advise
    for row in rows:
        if row["class"] == "conflict":
            _told(spoilt, "records", "retry", "expense_to_paybill", row["id"])
    _told(spoilt, "records", "retry", "expense_to_paybill", "--failed", "--refetch")
    _told(spoilt, "run", "expense_to_paybill")
    rows = spoilt.listed()
    assert {row["state"] for row in rows} <= {"done", "delivered", "skipped"}, rows
    paid = spoilt.kingdee.totals()
    assert not [number for number, count in spoilt.kingdee.numbers().items() if count > 1]
    for claim in claims:
        row = next(row for row in rows if row["id"] == claim.id)
        total = next(part["value"] for part in claim.components if part.get("name") == "总金额")
        assert row["state"] == "skipped" or paid["DD" + claim.number] == Decimal(total)


# --- listings without an end ----------------------------------------------------------------------------


def _listing(world: Any, page: Any) -> None:
    """Let `page` make the n-th page of each listing."""
    count = 0

    def spoil(system: str, path: str, response: Any) -> Any:
        nonlocal count
        if not path.endswith("listids"):
            return response
        count += 1
        return web.json_response({"errcode": 0, "result": page(count)})

    world.spoil = spoil


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (lambda n: {"list": ["A"], "next_cursor": 7}, "circle"),
        (lambda n: {"list": ["A"], "next_cursor": n % 3 + 1}, "circle"),
        (lambda n: {"list": ["A", "B"], "next_cursor": n}, "named nothing new"),
        (lambda n: {"list": [], "next_cursor": n}, "named nothing new"),
        (lambda n: {"list": ["A"], "next_cursor": "9" * 5000 + str(n)}, "cursor"),
    ],
    ids=["the same cursor", "cursors in a circle", "the same ids", "empty pages", "a giant cursor"],
)
def test_a_listing_without_an_end_is_broken_off(spoilt: Any, page: Any, told: str) -> None:
    claims = spoilt.claims(2)
    _listing(spoilt, page)
    for command in (("run", "expense_to_paybill"), ("reconcile", "expense_to_paybill", "--since", "-9d")):
        before = len(spoilt.dingtalk.calls("listids"))
        result = spoilt.engine(*command, "--json")
        assert result.code in (1, 2, 3)
        assert told in result.out + result.err
        assert len(spoilt.dingtalk.calls("listids")) - before <= 20

    spoilt.spoil = lambda system, path, response: response
    _told(spoilt, "run", "expense_to_paybill")
    assert {claim.id for claim in claims} <= {row["id"] for row in spoilt.listed("--state", "done")}


def test_an_id_that_comes_often_is_one_record(spoilt: Any) -> None:
    claim = spoilt.claim("100.00")
    _listing(spoilt, lambda n: {"list": [claim.id] * 5, **({"next_cursor": 5} if n == 1 else {})})
    assert spoilt.run().few() == {"fetched": 1, "delivered": 1}
    assert len(spoilt.dingtalk.calls("get")) == 1


# --- look-ups -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [["E0031"], {"a": 1}, None, "", "E-junk"])
def test_a_lookup_that_gives_no_value_is_not_kept(spoilt: Any, value: Any) -> None:
    claim = spoilt.claim("100.00")

    def spoil(system: str, path: str, response: Any) -> Any:
        if not path.endswith("user/get"):
            return response
        return web.json_response({"errcode": 0, "result": {"userid": claim.userid, "job_number": value}})

    spoilt.spoil = spoil
    assert spoilt.run().few() == {"fetched": 1, "failed": 1}
    spoilt.spoil = lambda system, path, response: response
    more = ("--refetch",) if value == "E-junk" else ()
    again = spoilt.engine("records", "retry", "expense_to_paybill", claim.id, *more, "--json")
    assert again.few() == {"fetched": 1, "delivered": 1}


def test_a_strange_code_is_no_verdict(spoilt: Any) -> None:
    """A comment may have been written: an answer that nobody can read is not taken for a refusal."""
    claim = spoilt.claim("100.00")
    strange = iter([[None], {"a": 1}, "{{ 7*7 }}", 10**40, False, "x" * 100_000])

    def spoil(system: str, path: str, response: Any) -> Any:
        body = json.loads(response.body)
        if path.endswith("comment/add") and (code := next(strange, 0)) != 0:
            return web.json_response({**body, "errcode": code})
        return response

    spoilt.spoil = spoil
    for _ in range(8):
        spoilt.run("--settle-wait", "3")
    assert [row["state"] for row in spoilt.listed()] == ["done"]
    assert len(claim.comments) == 1
