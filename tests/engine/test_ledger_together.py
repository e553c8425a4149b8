"""Writes that go to the database together are as if each had gone alone: in order, and all or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine.ledger import deliveries, events, records
from engine.ledger.deliveries import Stale
from engine.ledger.open import open_ledger
from engine.ledger.port import LedgerPort, Transaction
from engine.ledger.rows import Delivery, State
from engine.ledger.tables import deliveries as stored
from engine.ledger.together import together

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
IDS = ["a1", "a2", "a3"]


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerPort:
    return open_ledger(f"sqlite:///{tmp_path}/ledger.db", inline=True)


def listed(tx: Transaction) -> list[Delivery]:
    rows = records.register(tx, "system", "family", IDS, NOON)
    deliveries.register(tx, "scheme", "target", list(rows.values()), run="r", at=NOON)
    return standing(tx)


def standing(tx: Transaction) -> list[Delivery]:
    return deliveries.find(tx, "scheme", "target", names=IDS, with_snapshot=True)


def test_what_waits_is_written_at_the_end(ledger: LedgerPort) -> None:
    def work(tx: Transaction) -> None:
        found = listed(tx)
        with together(tx):
            for each in found:
                records.keep_snapshot(tx, each.record_id, {"of": each.source_id}, each.source_id, True, NOON)
                assert deliveries.move(tx, each, State.READY, run="r", at=NOON, event="mapped")
            assert tx.scalar(select(func.count()).where(stored.c.state == State.READY)) == 0
        after = standing(tx)
        assert {each.state for each in after} == {State.READY}
        assert [each.snapshot for each in after] == [{"of": each.source_id} for each in found]
        assert [each.asked for each in after] == [1, 1, 1]

    asyncio.run(ledger.do(work))


def test_who_reads_sees_what_waited(ledger: LedgerPort) -> None:
    def work(tx: Transaction) -> None:
        first, second, _ = listed(tx)
        with together(tx):
            records.keep_snapshot(tx, first.record_id, {"a": 1}, "N", True, NOON)
            deliveries.move(tx, first, State.READY, run="r", at=NOON, event="mapped")
            assert deliveries.by_ids(tx, [first.id])[0].state is State.READY
            assert records.snapshot(tx, first.record_id) == {"a": 1}
            deliveries.move(tx, second, State.READY, run="r", at=NOON, event="mapped")
            assert [event.kind for event in events.of_record(tx, second.record_id)] == ["mapped"]

    asyncio.run(ledger.do(work))


def test_moves_of_one_delivery_follow_each_other(ledger: LedgerPort) -> None:
    def work(tx: Transaction) -> None:
        first, second, _ = listed(tx)
        with together(tx):
            deliveries.move(tx, first, State.SENDING, run="r", at=NOON, event="adopted", key="K1")
            deliveries.move(tx, second, State.DONE, run="r", at=NOON, event="delivered", stage="audit")
            sending = replace(first, state=State.SENDING)
            deliveries.move(tx, sending, State.DONE, run="r", at=NOON, event="delivered", stage="audit")
            deliveries.move(tx, second, State.SENDING, run="r", at=NOON, event="adopted", key="K2")

    with pytest.raises(Stale, match="a2"):  # it is done, not waiting, by its second move
        asyncio.run(ledger.do(work))


def test_one_that_was_overtaken_undoes_all(ledger: LedgerPort) -> None:
    found = asyncio.run(ledger.do(listed))

    def work(tx: Transaction) -> None:
        with together(tx):
            for each in (found[0], replace(found[1], fence=7), found[2]):
                deliveries.move(tx, each, State.READY, run="r", at=NOON, event="mapped")

    with pytest.raises(Stale, match="a2"):
        asyncio.run(ledger.do(work))
    assert {each.state for each in asyncio.run(ledger.do(standing))} == {State.WAITING}
    assert asyncio.run(ledger.do(lambda tx: events.of_record(tx, found[0].record_id))) == []


def test_an_error_within_leaves_nothing_waiting(ledger: LedgerPort) -> None:
    found = asyncio.run(ledger.do(listed))

    def breaks(tx: Transaction) -> None:
        with together(tx):
            deliveries.move(tx, found[0], State.READY, run="r", at=NOON)
            raise RuntimeError("on the way")

    def after(tx: Transaction) -> list[Delivery]:
        with together(tx), together(tx):
            deliveries.move(tx, found[1], State.READY, run="r", at=NOON)
        return standing(tx)

    with pytest.raises(RuntimeError, match="on the way"):
        asyncio.run(ledger.do(breaks))
    states = [each.state for each in asyncio.run(ledger.do(after))]
    assert states == [State.WAITING, State.READY, State.WAITING]


def test_events_of_a_record_stay_in_order(ledger: LedgerPort) -> None:
    def work(tx: Transaction) -> list[str]:
        first, second, _ = listed(tx)
        with together(tx):
            for kind in ("sending", "stage", "delivered"):
                events.note(tx, first.record_id, kind, NOON, delivery_id=first.id)
                events.note(tx, second.record_id, kind, NOON, delivery_id=second.id)
        return [event.kind for event in events.of_record(tx, first.record_id)]

    assert asyncio.run(ledger.do(work)) == ["sending", "stage", "delivered"]
