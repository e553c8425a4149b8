"""The invented requests of the four further forms: what they are like, and that their sums are right."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.company import load_company
from connectors.dingtalk.simulator import instances
from connectors.dingtalk.simulator.requests import Kind, make_request
from connectors.dingtalk.simulator.templates import FORMS, REQUESTS

START = datetime(2026, 5, 20, 3, 30, 0, 1, tzinfo=UTC)
NOW = instances.to_ms(START)


def requests(kind: Kind) -> list[dict[str, Any]]:
    return [make_request(kind, number, 1, START) for number in range(kind.count)]


def value(request: dict[str, Any], label: str) -> str:
    return next(str(one.get("value") or "") for one in request["form"] if one.get("name") == label)


def rows(request: dict[str, Any]) -> list[dict[str, str]]:
    table = next(one for one in request["form"] if "rows" in one)
    return [{cell["label"]: cell["value"] for cell in row} for row in table["rows"]]


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", "") or "0")


def test_there_are_six_forms_with_codes_of_their_own() -> None:
    assert list(FORMS) == [
        "PROC-EXPENSE-SANDBOX",
        "PROC-LOAN-SANDBOX",
        "PROC-TRAVEL-SANDBOX",
        "PROC-SUPPLIER-PAYMENT-SANDBOX",
        "PROC-PURCHASE-SANDBOX",
        "PROC-RECEIPT-SANDBOX",
    ]


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.word)
def test_the_same_seed_makes_the_same_requests(kind: Kind) -> None:
    assert requests(kind) == requests(kind)
    assert make_request(kind, 3, 1, START) != make_request(kind, 3, 2, START)
    assert len({one["business_id"] for one in requests(kind)}) == kind.count


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.word)
def test_most_are_agreed_and_one_is_still_running(kind: Kind) -> None:
    made = requests(kind)
    assert Counter(instances.status(one, NOW) for one in made) == {
        "COMPLETED": 10,
        "TERMINATED": 1,
        "RUNNING": 1,
    }
    assert Counter(instances.result(one, NOW) for one in made) == {"agree": 9, "refuse": 1, "": 2}
    assert all(0 < NOW - one["created"] < 41 * 86_400_000 for one in made)
    assert all(one["finished"] > one["created"] for one in made)


@pytest.mark.parametrize(
    ("word", "total", "amount"),
    [
        ("travel", "报销合计", "金额(元)"),
        ("supplier payment", "付款总额", "付款金额(元)"),
        ("receipt", "到款金额", "认领金额(元)"),
    ],
)
def test_totals_are_the_sums_of_their_rows(word: str, total: str, amount: str) -> None:
    kind = next(one for one in REQUESTS if one.word == word)
    for request in requests(kind):
        assert number(value(request, total)) == sum(number(row[amount]) for row in rows(request)) > 0


def test_what_is_paid_for_a_trip_is_what_the_loan_leaves() -> None:
    made = requests(next(one for one in REQUESTS if one.word == "travel"))
    offsets = []
    for request in made:
        total, offset, paid = (
            number(value(request, name)) for name in ("报销合计", "冲借款金额", "实付金额")
        )
        assert total - offset == paid >= 0
        offsets.append("none" if not offset else "whole" if offset == total else "part")
    assert Counter(offsets) == {"none": 8, "whole": 1, "part": 3}


def test_a_purchase_knows_its_materials() -> None:
    known = {one.name: one for one in load_company().materials}
    for request in requests(next(one for one in REQUESTS if one.word == "purchase")):
        lines = rows(request)
        assert all(known[row["物料名称"]].unit == row["单位"] for row in lines)
        worth = sum(number(row["数量"]) * number(row["参考单价(元)"]) for row in lines)
        assert number(value(request, "采购总额")) == worth
