"""What reconciliation asks of the ledger and keeps there, on both kinds of database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.ledger import comparing, deliveries, events, records
from engine.ledger.prune import prune
from engine.ledger.rows import State

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=500)


@pytest.fixture
def rows(tx: Connection) -> dict[str, int]:
    made = records.register(tx, "d", "f", ["1", "2", "3"], NOW)
    records.keep_snapshot(tx, made["1"], {"总金额": "1.10"}, "N1", True, NOW)
    records.keep_snapshot(tx, made["2"], {"总金额": "2.20"}, "N2", False, NOW)
    return made


def test_what_is_known_of_records(tx: Connection, rows: dict[str, int]) -> None:
    found = comparing.known(tx, "d", "f", ["1", "2", "9"])
    assert {id: (one.row, one.number, one.final) for id, one in found.items()} == {
        "1": (rows["1"], "N1", True),
        "2": (rows["2"], "N2", False),
    }
    assert found["1"].snapshot == {"总金额": "1.10"}
    assert comparing.known(tx, "other", "f", ["1"]) == {}
    assert sorted(comparing.ids(tx, "d", "f")) == [("1", True, True), ("2", False, True), ("3", False, False)]


def test_the_last_event_of_each_kind_and_delivery(tx: Connection, rows: dict[str, int]) -> None:
    deliveries.register(tx, "s", "k", [rows["1"]], run="r", at=NOW)
    (delivery,) = deliveries.find(tx, "s", "k", record_ids=[rows["1"]])
    for kind, text in (("difference", "a"), ("difference", "b"), ("handled", "c"), ("mapped", "d")):
        events.note(tx, rows["1"], kind, NOW, delivery_id=delivery.id, text=text)
    events.note(tx, rows["1"], "difference", NOW, text="of no delivery")
    found = comparing.latest(tx, [*rows.values()], ["difference", "handled"])
    assert {row: [event.detail["text"] for event in some] for row, some in found.items()} == {
        rows["1"]: ["b", "c", "of no delivery"]
    }
    assert comparing.latest(tx, [], ["difference"]) == {}
    many = list(range(10**6, 10**6 + 1200))
    assert comparing.latest(tx, [*many, rows["1"]], ["handled"]).keys() == {rows["1"]}


def test_events_by_the_name_of_their_record(tx: Connection, rows: dict[str, int]) -> None:
    events.note(tx, rows["1"], "difference", NOW, text="first")
    events.note(tx, rows["1"], "difference", NOW, text="second")
    for name in ("1", "N1"):
        assert [event.detail["text"] for _, event in comparing.named(tx, name, "difference")] == [
            "first",
            "second",
        ]
    assert comparing.named(tx, "N2", "difference") == []


def test_who_holds_a_document(tx: Connection, rows: dict[str, int]) -> None:
    deliveries.register(tx, "s", "k", list(rows.values()), run="r", at=NOW)
    first, *_ = deliveries.find(tx, "s", "k", record_ids=[rows["1"]])
    deliveries.move(tx, first, State.DONE, run="r", at=NOW, form="F", target_id="100001")
    assert comparing.holders(tx, "k", "F", "100001") == [first.id]
    assert comparing.holders(tx, "k", "G", "100001") == []
    assert comparing.holders(tx, "other", "F", "100001") == []


def test_what_a_human_decided_outlives_pruning(tx: Connection, rows: dict[str, int]) -> None:
    for kind in ("listed", "difference", "handled", "adopted by hand", "set aside"):
        events.note(tx, rows["1"], kind, NOW)
    prune(tx, LATER)
    assert [event.kind for event in events.of_record(tx, rows["1"])] == [
        "handled",
        "adopted by hand",
        "set aside",
    ]
