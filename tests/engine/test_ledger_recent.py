"""Which records a form is compared with: those sent or stopped, the latest by listing and by number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.ledger import deliveries, events, records
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.rows import Fault, State

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
FORM = Fault("the form was changed", "form changed")


def keep(
    tx: Connection, number: int, state: State, fault: Fault = NO_FAULT, scheme: str = "claims"
) -> tuple[int, int]:
    """A record that was read, and its delivery in a state: both rows."""
    id = f"id{number}"
    row = records.register(tx, "dingtalk", "approval", [id], NOON)[id]
    records.keep_snapshot(tx, row, {"n": number}, f"{number:04d}", True, NOON)
    deliveries.register(tx, scheme, "kingdee", [row], run="r", at=NOON)
    (found,) = deliveries.find(tx, scheme, "kingdee", record_ids=[row])
    assert deliveries.move(tx, found, state, run="r", at=NOON, fault=fault)
    return row, found.id


def recent(tx: Connection, most: int = 40) -> dict[str, tuple[bool, bool]]:
    found = records.recent(tx, "dingtalk", "approval", "claims", "kingdee", most)
    assert all(each.snapshot == {"n": int(each.source_id[2:])} for each in found)
    return {each.source_id: (each.stopped, each.accepted) for each in found}


def test_sent_and_stopped_ones_alone_are_given(tx: Connection) -> None:
    keep(tx, 1, State.DONE)
    keep(tx, 2, State.DELIVERED)
    keep(tx, 3, State.FAILED, FORM)
    keep(tx, 4, State.FAILED, Fault("no amount", "data"))
    keep(tx, 5, State.SKIPPED)
    keep(tx, 6, State.READY)
    keep(tx, 7, State.DONE, scheme="others")
    row, delivery = keep(tx, 8, State.DONE)
    events.note(tx, row, events.FORM_ACCEPTED, NOON, delivery_id=delivery)
    assert recent(tx) == {
        "id1": (False, False),
        "id2": (False, False),
        "id3": (True, False),
        "id8": (False, True),
    }
    assert events.has(tx, delivery, row, events.FORM_ACCEPTED)
    assert not events.has(tx, delivery, row, "revoked")


def test_the_latest_by_listing_and_by_number(tx: Connection) -> None:
    for number in (9, 8, 7, 3, 4, 5, 2, 1):
        keep(tx, number, State.DONE)
    assert set(recent(tx, 2)) == {"id9", "id8", "id2", "id1"}
