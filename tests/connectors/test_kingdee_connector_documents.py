"""Listing bills for a comparison: against the simulator, and against answers made up for the purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.kingdee import KingdeeConnector
from connectors.kingdee.documents import Documents
from connectors.kingdee.forms import BillForm
from connectors.kingdee.query import LARGEST_PAGE
from connectors.kingdee.reading import ServiceRefused
from engine.clock import SHANGHAI
from engine.connector.api import Listed
from engine.errors import Unreachable

FORM = BillForm(KingdeeConnector.catalog().forms["AP_PAYBILL"])
STAGES = {"A": "save", "D": "save", "B": "submit", "C": "audit"}
SINCE = datetime(2026, 11, 1, tzinfo=SHANGHAI)
UNTIL = datetime(2026, 12, 1, tzinfo=SHANGHAI)


class FakeClient:
    """Answers queries from a list of bills: {FID, FBillNo, rows: [amounts], …}."""

    def __init__(self, bills: Sequence[Mapping[str, Any]], *, lacking: frozenset[str] = frozenset()) -> None:
        self.bills = list(bills)
        self.lacking = lacking
        self.asked: list[dict[str, Any]] = []
        self.between: Callable[[], None] = lambda: None

    async def execute_bill_query(self, data: Mapping[str, Any]) -> list[list[Any]]:
        self.asked.append(dict(data))
        keys = str(data["FieldKeys"]).split(",")
        for key in keys:
            if key in self.lacking:
                raise ServiceRefused(f"元数据中标识为{key.split('.')[0]}的字段不存在", 9)
        by_row = "FPAYTOTALAMOUNTFOR" in keys
        rows = []
        for bill in sorted(self.bills, key=lambda each: int(each["FID"])):
            if not _within(str(data["FilterString"]), int(bill["FID"])):
                continue
            rows += [
                [amount if key == "FPAYTOTALAMOUNTFOR" else bill.get(key) for key in keys]
                for amount in (bill["rows"] if by_row else [None])
            ]
        self.between()
        return rows[: int(data["Limit"])]


def _within(filter: str, id: int) -> bool:
    for part in filter.replace("(", " ").replace(")", " ").split(" and "):
        text = part.strip()
        if text.startswith("FID>="):
            if id < int(text[5:]):
                return False
        elif text.startswith("FID>"):
            if id <= int(text[4:]):
                return False
        elif text.startswith("FID<=") and id > int(text[5:]):
            return False
    return True


def bill(id: int, *amounts: str, **more: Any) -> dict[str, Any]:
    return {
        "FID": id,
        "FBillNo": f"DD{id}",
        "FDocumentStatus": "C",
        "FDATE": "2026-11-20T00:00:00",
        "FPAYORGID.FNumber": "100",
        "FCONTACTUNIT.FNumber": "E0031",
        "FCancelStatus": "A",
        "FModifyDate": "2026-11-20T18:29:20",
        "rows": [Decimal(amount) for amount in amounts],
        **more,
    }


def listed(client: FakeClient) -> list[Listed]:
    async def work() -> list[Listed]:
        documents = Documents(client, FORM, STAGES)  # type: ignore[arg-type]
        return [one async for one in documents.listed(SINCE, UNTIL, "FBillNo")]

    return asyncio.run(work())


def test_a_bill_with_all_that_is_compared() -> None:
    (one,) = listed(FakeClient([bill(7, "0.10", "0.20")]))
    assert (one.existing.id, one.existing.number, one.key, one.existing.stage) == ("7", "DD7", "DD7", "audit")
    assert one.existing.facts == {"organisation": "100", "payee": "E0031", "amount": Decimal("0.30")}
    assert (one.day, one.cancelled) == (date(2026, 11, 20), False)
    assert one.changed == datetime(2026, 11, 20, 18, 29, 20, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("more", "stage", "cancelled"),
    [
        ({"FDocumentStatus": "D"}, "save", False),
        ({"FDocumentStatus": "Z"}, "", False),
        ({"FCancelStatus": "B"}, "audit", True),
    ],
)
def test_status(more: dict[str, Any], stage: str, cancelled: bool) -> None:
    (one,) = listed(FakeClient([bill(7, "1", **more)]))
    assert (one.existing.stage, one.cancelled) == (stage, cancelled)


def test_dates_count_by_the_day() -> None:
    client = FakeClient([])
    assert listed(client) == []
    assert client.asked[0]["FilterString"] == "FDATE>='2026-11-01' and FDATE<'2026-12-01 00:00:00'"
    assert client.asked[0]["OrderString"] == "FID"
    assert len(client.asked) == 1, "no bills, no amounts"


def test_pages_go_by_id_so_that_nothing_is_lost_or_doubled() -> None:
    bills = [bill(id, "1.00") for id in range(1, 2 * LARGEST_PAGE + 11)]
    client = FakeClient(bills)
    once = iter([True])

    def delete_an_early_one() -> None:
        if next(once, False):
            client.bills = client.bills[1:]

    client.between = delete_an_early_one
    found = listed(client)
    ids = [int(one.existing.id) for one in found]
    assert ids == list(range(1, 2 * LARGEST_PAGE + 11))
    assert sum(one.existing.facts.get("amount", Decimal(0)) for one in found[1:]) == 2 * LARGEST_PAGE + 9
    assert len(client.asked) == 7


def test_the_rows_of_a_bill_are_summed_across_answers() -> None:
    half = LARGEST_PAGE // 2
    found = listed(
        FakeClient([bill(1, *["0.01"] * half), bill(2, *["0.02"] * half), bill(3, *["0.03"] * half)])
    )
    assert [one.existing.facts["amount"] for one in found] == [
        half * Decimal("0.01"),
        half * Decimal("0.02"),
        half * Decimal("0.03"),
    ]


def test_a_bill_too_long_for_an_answer_has_no_amount_and_hides_no_other() -> None:
    found = listed(FakeClient([bill(1, "1"), bill(2, *["1"] * (LARGEST_PAGE + 5)), bill(3, "3")]))
    assert [one.existing.facts.get("amount") for one in found] == [Decimal(1), None, Decimal(3)]


@pytest.mark.parametrize(
    "lacking",
    [{"FCancelStatus"}, {"FModifyDate", "FCancelStatus"}, {"FCONTACTUNIT.FNumber"}, {"FPAYTOTALAMOUNTFOR"}],
)
def test_a_field_that_a_site_lacks_is_told_without(lacking: set[str]) -> None:
    (one,) = listed(FakeClient([bill(1, "1")], lacking=frozenset(lacking)))
    assert one.existing.number == "DD1"
    assert ("payee" in one.existing.facts) == ("FCONTACTUNIT.FNumber" not in lacking)
    assert ("amount" in one.existing.facts) == ("FPAYTOTALAMOUNTFOR" not in lacking)


def test_a_field_that_must_be_there_is_an_error() -> None:
    with pytest.raises(ServiceRefused):
        listed(FakeClient([bill(1, "1")], lacking=frozenset({"FDATE"})))


@pytest.mark.parametrize("id", ["", None, "x"])
def test_a_bill_without_id_is_no_answer(id: Any) -> None:
    client = FakeClient([])

    async def answer(data: Mapping[str, Any]) -> list[list[Any]]:
        return [[id, "DD1", "C", "2026-11-20", "100", "E1", "A", None]]

    client.execute_bill_query = answer  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        listed(client)


def test_keys_are_asked_for_by_the_hundred() -> None:
    client = FakeClient([bill(5, "2.00")])

    async def work() -> list[Listed]:
        documents = Documents(client, FORM, STAGES)  # type: ignore[arg-type]
        return [one async for one in documents.found("FBillNo", [f"DD{n}" for n in range(250)])]

    asyncio.run(work())
    filters = [data["FilterString"] for data in client.asked if "FDATE" in str(data["FieldKeys"])]
    assert [text.count("'DD") for text in filters] == [100, 100, 50]


@pytest.mark.parametrize(
    ("payload", "day"),
    [
        ({"FDATE": "2026-11-20"}, date(2026, 11, 20)),
        ({"fdate": "2026-11-20 08:00:00"}, date(2026, 11, 20)),
        ({"FDATE": date(2026, 11, 20)}, date(2026, 11, 20)),
        ({"FDATE": datetime(2026, 11, 20, 23, tzinfo=SHANGHAI)}, date(2026, 11, 20)),
        ({}, None),
        ({"FDATE": "soon"}, None),
    ],
)
def test_the_date_of_a_payload(payload: dict[str, Any], day: date | None) -> None:
    assert Documents(FakeClient([]), FORM, STAGES).day_of(payload) == day  # type: ignore[arg-type]


def test_the_bill_target_can_be_listed() -> None:
    from connectors.dingtalk.targets import CommentTarget
    from connectors.kingdee.target import BillTarget

    assert all(hasattr(BillTarget, name) for name in ("list_documents", "find_documents", "day_of"))
    assert not any(hasattr(CommentTarget, name) for name in ("list_documents", "find_documents"))
