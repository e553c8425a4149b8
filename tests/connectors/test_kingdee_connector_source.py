"""Any form as a source: stable pages, nested fields, entry rows gathered, spans, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kingdee import KingdeeConnector
from connectors.kingdee.query import among, both, equals
from connectors.kingdee.source import QuerySource
from engine.connector.api import Page, Span
from engine.errors import ConfigurationError, RecordError

KNOWN = KingdeeConnector.catalog().interfaces["executeBillQuery"].fields


class Table:
    """Rows that a query gives in order, page by page; keeps what was asked."""

    def __init__(self, *rows: list[Any]) -> None:
        self.rows = list(rows)
        self.asked: list[Mapping[str, Any]] = []

    async def fetch(self, data: Mapping[str, Any]) -> list[list[Any]]:
        self.asked.append(data)
        return self.rows[data["StartRow"] : data["StartRow"] + data["Limit"]]


def read(table: Table, request: dict[str, Any], span: Span | None = None) -> list[Page]:
    source = QuerySource(table.fetch, request, KNOWN)

    async def pages() -> list[Page]:
        read = [await source.page(request, span, None)]
        while read[-1].cursor is not None:
            read.append(await source.page(request, span, read[-1].cursor))
        return read

    return asyncio.run(pages())


def records(pages: list[Page]) -> list[Any]:
    return [item.record for page in pages for item in page.items]


REQUEST = {"FormId": "BD_Supplier", "FieldKeys": "FNumber, FName,FGroup.FNumber,FGroup.FName"}


def test_rows_become_nested_records() -> None:
    table = Table(["S1", "甲", "G1", "华东"], ["S2", "乙", None, None])
    (page,) = read(table, REQUEST)
    assert [item.id for item in page.items] == ["S1", "S2"]
    assert page.items[0].record == {
        "FNumber": "S1",
        "FName": "甲",
        "FGroup": {"FNumber": "G1", "FName": "华东"},
    }
    assert table.asked == [
        {
            "FormId": "BD_Supplier",
            "FieldKeys": "FNumber,FName,FGroup.FNumber,FGroup.FName",
            "FilterString": "",
            "OrderString": "FNumber",
            "TopRowCount": 0,
            "StartRow": 0,
            "Limit": 2000,
        }
    ]


def test_pages_go_on_until_a_short_one() -> None:
    table = Table(*([f"S{at}", "x"] for at in range(5)))
    pages = read(table, {"FormId": "BD_Supplier", "FieldKeys": ["FNumber", "FName"], "Limit": 2})
    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert [data["StartRow"] for data in table.asked] == [0, 2, 4]


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    pages = read(Table(["S1"], ["S2"]), {"FormId": "F", "FieldKeys": "FNumber", "Limit": 2})
    assert [len(page.items) for page in pages] == [2, 0]


BILL = {"FormId": "AP_PAYBILL", "FieldKeys": "FID,FBillNo,FCOMMENT,FCOSTID.FNumber"}
ROWS = {"RowKeys": "FCOMMENT,fcostid.fnumber", "RowsName": "明细"}


def test_entry_rows_are_gathered_under_their_bill() -> None:
    table = Table([7, "A", "x", "F1"], [7, "A", "y", "F2"], [8, "B", "z", "F1"])
    assert records(read(table, {**BILL, **ROWS})) == [
        {
            "FID": 7,
            "FBillNo": "A",
            "明细": [
                {"FCOMMENT": "x", "FCOSTID": {"FNumber": "F1"}},
                {"FCOMMENT": "y", "FCOSTID": {"FNumber": "F2"}},
            ],
        },
        {"FID": 8, "FBillNo": "B", "明细": [{"FCOMMENT": "z", "FCOSTID": {"FNumber": "F1"}}]},
    ]


@given(st.lists(st.integers(1, 4), max_size=12), st.integers(5, 9))
def test_a_bill_is_never_cut_by_the_end_of_a_page(sizes: list[int], limit: int) -> None:
    rows = [[bill, f"B{bill}", f"c{row}", "F"] for bill, size in enumerate(sizes) for row in range(size)]
    got = records(read(Table(*rows), {**BILL, **ROWS, "Limit": limit}))
    assert [len(record["明细"]) for record in got] == sizes


def test_a_bill_longer_than_a_page_is_an_error() -> None:
    rows = [[1, "A", "x", "F"] for _ in range(3)]
    with pytest.raises(ConfigurationError, match="more rows"):
        read(Table(*rows), {**BILL, **ROWS, "Limit": 2})


@pytest.mark.parametrize("limit", [2000, 1])
def test_repeated_ids_do_not_vanish(limit: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(Table([7, "A", "x", "F1"], [7, "A", "y", "F2"]), {**BILL, "Limit": limit})
    assert "RowKeys" in str(caught.value)


def test_a_span_is_put_into_the_filter_as_beijing_time() -> None:
    span = Span(datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 2, 16, 0, 0, 999, tzinfo=UTC))
    table = Table()
    read(table, {**BILL, "TimeKey": "FModifyDate", "FilterString": "FBillNo like 'D%' or FID>3"}, span)
    assert table.asked[0]["FilterString"] == (
        "(FBillNo like 'D%' or FID>3) and "
        "FModifyDate>='2026-03-02 00:00:00' and FModifyDate<'2026-03-03 00:00:00'"
    )
    read(table, BILL, span)
    assert table.asked[1]["FilterString"] == ""


def test_only_a_time_key_makes_a_window() -> None:
    assert QuerySource(Table().fetch, BILL, KNOWN).longest_span is None
    with_time = QuerySource(Table().fetch, {**BILL, "TimeKey": "FModifyDate"}, KNOWN)
    assert with_time.longest_span == timedelta(days=120)


def test_one_record_is_got_by_its_id() -> None:
    table = Table([7, "A", "x", "F1"], [7, "A", "y", "F2"])
    record = asyncio.run(QuerySource(table.fetch, {**BILL, **ROWS}, KNOWN).get("7"))
    assert len(record["明细"]) == 2
    assert table.asked[0]["FilterString"] == "FID=7"
    with pytest.raises(RecordError, match="8"):
        asyncio.run(QuerySource(table.fetch, {**BILL, **ROWS}, KNOWN).get("8"))


def test_other_forms_and_fields_are_other_families() -> None:
    requests = [BILL, {**BILL, **ROWS}, {**BILL, "FormId": "AR_RECEIVEBILL"}, {**BILL, "FieldKeys": "FID"}]
    families = {QuerySource(Table().fetch, request, KNOWN).family for request in requests}
    assert len(families) == 4
    assert QuerySource(Table().fetch, {**BILL, "FilterString": "FID>0"}, KNOWN).family in families


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"FormId": ""}, "FormId"),
        ({"FieldKeys": " , "}, "FieldKeys"),
        ({"Limit": 5000}, "2000"),
        ({"Limit": "many"}, "Limit"),
        ({"FilterString": [{"FieldName": "FID"}]}, "FilterString"),
        ({"FieldKey": "FID"}, "FieldKeys"),
        ({"RowKeys": "FNOWHERE"}, "FNOWHERE"),
        ({"RowKeys": "FID"}, "FID"),
        ({"RowKeys": "FCOMMENT", "OrderString": "FDATE,FID"}, "FID"),
        ({"RowKeys": "FCOMMENT", "RowsName": "FBillNo"}, "FBillNo"),
        ({"FieldKeys": "FID,FCOSTID,FCOSTID.FNumber"}, "FCOSTID"),
        ({"FieldKeys": "FID,FCOSTID.FNumber,FCOSTID"}, "FCOSTID"),
        ({"FieldKeys": "FID,FBillNo,FBillNo"}, "FBillNo"),
    ],
)
def test_a_wrong_request_is_told_before_anything_is_asked(changes: dict[str, Any], said: str) -> None:
    table = Table()
    with pytest.raises(ConfigurationError) as caught:
        QuerySource(table.fetch, {**BILL, **changes}, KNOWN)
    assert said in str(caught.value)
    assert not table.asked


def test_an_id_key_beside_the_field_keys_is_asked_for_too() -> None:
    table = Table([7, "x"])
    (page,) = read(table, {"FormId": "F", "FieldKeys": "FName", "IdKey": "FID"})
    assert table.asked[0]["FieldKeys"] == "FID,FName"
    assert page.items[0].id == "7"


def test_values_in_filters_are_quoted() -> None:
    assert equals("FBillNo", "1") == "FBillNo='1'"
    assert equals("FID", "12") == "FID=12"
    assert equals("FID", "1 or 1=1") == "FID='1 or 1=1'"
    assert among("FBillNo", ["x'; --", "y"]) == "FBillNo in ('x''; --','y')"
    assert both("", " a ") == "a"


VERSIONED = {"FormId": "BD_Empinfo", "FieldKeys": "FID,FName,FPostDept.FName", "VersionKey": "FModifyDate"}


def test_with_a_version_key_each_change_is_a_record_of_its_own() -> None:
    table = Table([1000, "张三", "研发", "2025-01-02T09:30:00"], [1001, "李四", None, None])
    (page,) = read(table, VERSIONED)
    assert table.asked[0]["FieldKeys"] == "FID,FName,FPostDept.FName,FModifyDate"
    assert [item.id for item in page.items] == ["1000@2025-01-02T09:30:00", "1001@"]
    assert page.items[0].record == {
        "FID": 1000,
        "FName": "张三",
        "FPostDept": {"FName": "研发"},
        "FModifyDate": "2025-01-02T09:30:00",
        "_version": "1000@2025-01-02T09:30:00",
    }


def test_a_version_goes_with_gathered_rows() -> None:
    rows = [[1000, "张三", "研发", "t1"], [1000, "张三", "财务", "t1"], [1001, "李四", "财务", "t2"]]
    request = {**VERSIONED, "RowKeys": "FPostDept.FName", "Limit": 3}
    pages = read(Table(*rows), request)
    assert [item.id for page in pages for item in page.items] == ["1000@t1", "1001@t2"]
    assert [len(record["rows"]) for record in records(pages)] == [2, 1]
    with pytest.raises(ConfigurationError):
        read(Table(*rows), {**VERSIONED, "RowKeys": "FModifyDate"})


def test_a_version_is_got_while_it_is_the_newest() -> None:
    table = Table([1000, "张三", "研发", "t2"])
    source = QuerySource(table.fetch, VERSIONED, KNOWN)
    assert asyncio.run(source.get("1000@t2"))["_version"] == "1000@t2"
    assert table.asked[0]["FilterString"] == "FID=1000"
    with pytest.raises(RecordError):
        asyncio.run(source.get("1000@t1"))
    assert source.family != QuerySource(table.fetch, {**VERSIONED, "VersionKey": ""}, KNOWN).family
