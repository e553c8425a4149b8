"""What the policies of a life ask of the ledger and keep there, on both kinds of database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.errors import FailureClass
from engine.ledger import contents, deliveries, events, lookups, records
from engine.ledger.forget import forget_systems
from engine.ledger.prune import prune
from engine.ledger.rows import Fault, State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.ledger.rows import Delivery

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def delivered(tx: Connection) -> list[Delivery]:
    """Four deliveries, delivered one, two, three and four days ago; the last has no document of its own."""
    rows = records.register(tx, "d", "f", ["1", "2", "3", "4"], NOW)
    deliveries.register(tx, "s", "k", list(rows.values()), run="r", at=NOW)
    for days, each in enumerate(deliveries.find(tx, "s", "k"), 1):
        own = {"key": f"K{each.id}", "form": "F", "target_id": f"T{each.id}"} if days < 4 else {}
        deliveries.move(tx, each, State.DONE, run="r", at=NOW, delivered_at=NOW - days * DAY, **own)
    return deliveries.find(tx, "s", "k")


def test_a_content_names_the_delivery_that_was_readied_last(tx: Connection) -> None:
    assert contents.get(tx, "k", "s", "abc") is None
    contents.put(tx, "k", "s", "abc", 7, NOW)
    contents.put(tx, "k", "s", "abc", 9, NOW + DAY)
    assert contents.get(tx, "k", "s", "abc") == 9
    assert contents.get(tx, "k", "other", "abc") is None
    assert contents.get(tx, "other", "s", "abc") is None


def test_contents_are_not_forgotten_by_age_but_with_their_system(tx: Connection) -> None:
    contents.put(tx, "k", "s", "abc", 7, NOW - 900 * DAY)
    lookups.put(tx, "k", "users", "u", {"a": "1"}, NOW - 900 * DAY)
    assert prune(tx, NOW).lookups == 1
    assert contents.get(tx, "k", "s", "abc") == 7
    forget_systems(tx, ["k"])
    assert contents.get(tx, "k", "s", "abc") is None


def test_what_was_delivered_in_a_stretch(tx: Connection, delivered: list[Delivery]) -> None:
    first, second, third, _ = delivered
    found = deliveries.delivered_between(tx, "s", "k", NOW - 3 * DAY, NOW - 2 * DAY)
    assert [each.id for each in found] == [second.id, third.id]
    assert [each.id for each in deliveries.delivered_between(tx, "s", "k", NOW - 9 * DAY, NOW, limit=1)] == [
        first.id
    ]
    after = deliveries.delivered_between(tx, "s", "k", NOW - 9 * DAY, NOW, after=first.id)
    assert [each.id for each in after] == [second.id, third.id]
    assert deliveries.delivered_between(tx, "s", "other", NOW - 9 * DAY, NOW) == []


def test_alerts_are_delivered_records_with_a_fault(tx: Connection, delivered: list[Delivery]) -> None:
    one, other = delivered[0], delivered[1]
    fault = Fault("gone", FailureClass.BILL_CHANGED)
    deliveries.move(tx, one, State.DONE, run="r", at=NOW, fault=fault, event="alert", detail={"sign": "x"})
    deliveries.move(tx, other, State.DONE, run="r", at=NOW, fault=Fault("delivered elsewhere"))
    assert [each.id for each in deliveries.alerts(tx, "s", "k")] == [one.id]
    assert [each.id for each in deliveries.alerts(tx, "s", None, failure="bill changed")] == [one.id]
    assert deliveries.alerts(tx, "s", "k", failure="data") == []
    events.note(tx, other.record_id, "mapped", NOW)
    prune(tx, NOW + 900 * DAY)
    assert [event.kind for event in events.of_record(tx, one.record_id)] == ["alert"]
    assert events.of_record(tx, other.record_id) == []
