"""Pruning drops old stories that are closed, and never what the promises stand on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from engine.ledger import events, lookups, runs
from engine.ledger.budgets import count
from engine.ledger.port import InlineLedger
from engine.ledger.prune import Pruned, prune, prune_in_parts, would_prune
from engine.ledger.sql import make_engine
from engine.ledger.tables import budgets, deliveries, records

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=400)
LIMIT = NOW - timedelta(days=365)


def delivery(tx: Connection, name: str, state: str) -> None:
    record = tx.execute(
        insert(records).values(system="d", family="f", source_id=name, first_seen=OLD)
    ).inserted_primary_key[0]
    made = tx.execute(
        insert(deliveries).values(
            scheme="s", target_system="k", record_id=record, state=state, created_at=OLD, updated_at=OLD
        )
    ).inserted_primary_key[0]
    events.note(tx, record, name, OLD, delivery_id=made)
    events.note(tx, record, name, NOW, delivery_id=made)


def test_only_what_is_old_and_closed_goes(tx: Connection) -> None:
    for state in ("done", "skipped", "delivered", "failed", "unknown", "waiting"):
        delivery(tx, state, state)
    for id, at in (("old", OLD), ("new", NOW)):
        runs.start(tx, id, scheme="s", scheme_hash="h", environment="e", command="run", at=at)
        runs.finish(tx, id, "success", {}, at)
        lookups.put(tx, "d", "i", id, "x", at)
    runs.start(tx, "died", scheme="s", scheme_hash="h", environment="e", command="run", at=OLD)
    for day in ("2025-10-20", "2026-11-01", "2026-11-24"):
        count(tx, "d", "get", 1, day, metered=True)

    assert prune(tx, LIMIT) == Pruned(events=2, runs=1, lookups=1, budgets=1)
    assert prune(tx, LIMIT) == Pruned(0, 0, 0, 0)
    assert tx.scalar(select(func.count()).select_from(records)) == 6
    assert tx.scalar(select(func.count()).select_from(deliveries)) == 6
    assert {run.id for run in runs.list_runs(tx)} == {"new", "died"}
    kept = set(tx.scalars(select(budgets.c.period)))
    assert kept == {"2025-10", "2026-11", "2026-11-01", "2026-11-24"}


def test_the_days_of_the_running_month_stay_for_the_forecast(tx: Connection) -> None:
    for day in ("2026-10-31", "2026-11-01"):
        count(tx, "d", "get", 1, day, metered=True)
    assert prune(tx, NOW).budgets == 1


def test_what_was_sent_and_read_goes_when_all_is_done(tx: Connection) -> None:
    for name, state in (("done", "done"), ("failed", "failed"), ("skipped", "skipped"), ("shared", "done")):
        delivery(tx, name, state)
    tx.execute(update(records).values(snapshot={"title": "x"}, final=True, number="N"))
    tx.execute(update(deliveries).values(payload={"FBillNo": "K"}, key=deliveries.c.id, form="F", amount=1))
    shared = tx.scalars(select(records.c.id).where(records.c.source_id == "shared")).one()
    row = {"record_id": shared, "state": "unknown", "created_at": OLD, "updated_at": OLD}
    tx.execute(insert(deliveries).values(scheme="other", target_system="k", **row))

    told = would_prune(tx, LIMIT)
    assert (told.payloads, told.snapshots) == (2, 1)
    assert tx.scalar(select(func.count()).where(deliveries.c.payload.is_(None))) == 1  # the one without any

    assert prune(tx, LIMIT) == told
    assert prune(tx, LIMIT) == Pruned(0, 0, 0, 0)
    kept = select(records.c.source_id).where(records.c.snapshot.is_not(None))
    assert set(tx.scalars(kept)) == {"failed", "skipped", "shared"}
    keys = tx.execute(select(deliveries.c.key, deliveries.c.amount).where(deliveries.c.scheme == "s")).all()
    assert all(key and amount == 1 for key, amount in keys)
    assert set(tx.scalars(select(records.c.number))) == {"N"}


def test_callbacks_and_what_was_done_lately_keep_their_records(tx: Connection) -> None:
    for name in ("told", "lately"):
        delivery(tx, name, "done")
    told = records.c.source_id == "told"
    tx.execute(update(records).where(told).values(system="callback:s@k", family="delivered:w"))
    tx.execute(update(records).values(snapshot={"title": "x"}, final=True))
    lately = select(records.c.id).where(records.c.source_id == "lately").scalar_subquery()
    tx.execute(update(deliveries).where(deliveries.c.record_id == lately).values(updated_at=NOW))
    assert prune(tx, LIMIT).snapshots == 0


def test_in_parts_the_same_goes_as_at_once(url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as tx:
        for number in range(25):
            delivery(tx, f"r{number}", "done" if number % 3 else "failed")
        tx.execute(update(records).values(snapshot={"title": "x"}, final=True))
        tx.execute(update(deliveries).values(payload={"FBillNo": "K"}))
        told = would_prune(tx, LIMIT)
    assert told.payloads == told.snapshots == 16
    ledger = InlineLedger(engine)
    assert asyncio.run(prune_in_parts(ledger, LIMIT, rows=4)) == told
    assert asyncio.run(prune_in_parts(ledger, LIMIT, rows=4)) == Pruned(0, 0, 0, 0)
    asyncio.run(ledger.aclose())
