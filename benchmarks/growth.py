"""How the ledger behaves as it grows: what a run writes and asks, with so many records in it before.

    python -m benchmarks.growth [--records N]… [--folder DIR] [--json]

Fills a ledger of SQLite by SQL, with small snapshots, then measures through the engine's own port. Time is
the processor's, of both threads; the disk is waited for, but not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.targets import Target
from engine.ledger import deliveries, demand, events, records, story
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.open import open_ledger, upgrade
from engine.ledger.port import LedgerPort, Transaction
from engine.ledger.prune import would_prune
from engine.ledger.rows import Delivery, State
from engine.ledger.together import together

SOURCE, FAMILY, SCHEME, TARGET, FORM = (
    "dingtalk:1",
    "approval",
    "expense_to_paybill",
    "kingdee:1",
    "AP_PAYBILL",
)
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
PAGE = 20
PAGES = 100
SIZES = [10_000, 100_000, 1_000_000]
FLAT = 1.5
"""So many times what it takes with few records, a piece of work may take with many."""
_CHUNK = 50_000
_DAY = 86_400_000_000
_RECORDS = """
INSERT INTO records (id, system, family, source_id, number, snapshot, final, first_seen, last_asked, asked)
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
SELECT i, :source, :family, lower(hex(randomblob(16))), printf('2026%012d', i), '{"n": 1}', 1, :at, :at, 1
FROM n
"""
_DELIVERIES = """
INSERT INTO deliveries (id, scheme, target_system, record_id, part, state, form, key, payload, stage,
  target_id, target_number, amount, adopted, attempts, fence, touched_run, delivered_run, delivered_at,
  created_at, updated_at)
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
SELECT i, :scheme, :target, i, '', 'done', :form, printf('DD2026%012d', i), '{"n": 1}', 'audit', i,
  printf('DD2026%012d', i), '1.00', 0, 1, 1, 'run' || (i / 1000), 'run' || (i / 1000), :at, :at, :at FROM n
"""
_EVENTS = """
INSERT INTO events (record_id, delivery_id, run, at, kind, detail)
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
SELECT i, i, 'run' || (i / 1000), :at, kind, '{}' FROM n, (SELECT 'listed' AS kind UNION ALL SELECT 'mapped'
  UNION ALL SELECT 'sending' UNION ALL SELECT 'delivered')
"""


def fill(path: Path, number: int) -> None:
    """Bring a ledger to so many records; what is there stays, so that it can be gone on with."""
    upgrade(f"sqlite:///{path}")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-200000")
    names = {"source": SOURCE, "family": FAMILY, "scheme": SCHEME, "target": TARGET, "form": FORM}
    (there,) = database.execute("SELECT coalesce(max(id), 0) FROM records").fetchone()
    at = int(NOW.timestamp()) * 1_000_000 - 400 * _DAY
    for first in range(there + 1, number + 1, _CHUNK):
        values = {**names, "first": first, "last": min(first + _CHUNK - 1, number), "at": at + first * 1000}
        database.execute("BEGIN")
        for statement in (_RECORDS, _DELIVERIES, _EVENTS):
            database.execute(statement, values)
        database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


async def measure(path: Path) -> dict[str, float]:
    """Microseconds of processor time for each thing that a run does."""
    port = open_ledger(f"sqlite:///{path}")
    found: dict[str, float] = {}
    try:
        names = await port.do(lambda tx: story.names(tx, 50))
        for name, per, works in _works(names):
            began, done = time.process_time(), 0
            for work in works:
                await port.do(work)
                done += per
            found[name] = (time.process_time() - began) / done * 1e6
    finally:
        await port.aclose()
    return found


Works = Iterator[tuple[str, int, Iterator[Callable[[Transaction], Any]]]]


def _works(names: list[str]) -> Works:
    made: list[Delivery] = []
    stamp = f"{time.time_ns():x}"

    def put(page: int) -> Callable[[Transaction], None]:
        ids = [f"{(page * PAGE + place) * 2654435761 % 2**32:08x}{stamp}" for place in range(PAGE)]

        def work(tx: Transaction) -> None:
            rows = list(records.register(tx, SOURCE, FAMILY, ids, NOW).values())
            deliveries.register(tx, SCHEME, TARGET, rows, run=stamp, at=NOW)
            fresh = deliveries.find(tx, SCHEME, TARGET, record_ids=rows)
            events.note_all(tx, [(each.record_id, each.id) for each in fresh], "listed", NOW, run=stamp)
            made.extend(fresh)

        return work

    def move(page: int, to: State, **values: Any) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            with together(tx):
                for place in range(page * PAGE, (page + 1) * PAGE):
                    _moved(tx, made, place, to, stamp, values)

        return work

    keys = [f"DD{name}" for name in names[:PAGE]]
    yield "put a new page", PAGE, (put(page) for page in range(PAGES))
    yield "verdict", PAGE, (move(page, State.READY) for page in range(PAGES))
    yield "intent", PAGE, (move(page, State.SENDING, form=FORM) for page in range(PAGES))
    yield "outcome", PAGE, (move(page, State.DONE, stage="audit") for page in range(PAGES))
    yield (
        "look up by key",
        PAGE,
        (lambda tx: deliveries.keys_taken(tx, TARGET, FORM, keys) for _ in range(PAGES)),
    )
    yield "look up by id", 1, (lambda tx: records.by_name(tx, SOURCE, FAMILY, names[0]) for _ in range(PAGES))
    yield "why", 1, (lambda tx, name=name: _why(tx, name) for name in names)  # type: ignore[misc]
    yield (
        "records sent last",
        1,
        (lambda tx: records.recent(tx, SOURCE, FAMILY, SCHEME, TARGET, 40) for _ in range(5)),
    )
    yield "what an earlier run left", 1, (_left for _ in range(5))
    yield "what stands", 1, (lambda tx: deliveries.standing(tx, SCHEME, TARGET) for _ in range(5))
    yield (
        "what this run did",
        1,
        (lambda tx: deliveries.tally(tx, SCHEME, TARGET, run=stamp) for _ in range(2)),
    )
    yield "demand", 1, (lambda tx: demand.read_demand(tx, SCHEME, TARGET, SOURCE, NOW) for _ in range(2))


def _moved(
    tx: Transaction, made: list[Delivery], place: int, to: State, run: str, values: dict[str, Any]
) -> None:
    delivery = made[place]
    if to is State.READY:
        snapshot = {"n": place}
        records.keep_snapshot(tx, delivery.record_id, snapshot, f"2027{run[-8:]}{place:06d}", True, NOW)
    if to is State.SENDING:
        key = f"DD2027{run[-8:]}{place:06d}"
        values = {**values, "key": key, "payload": {"n": place}, "fence": delivery.fence + 1}
    deliveries.move(tx, delivery, to, run=run, at=NOW, fault=NO_FAULT, event=str(to), **values)
    made[place] = delivery.but(state=to, **values)


def _why(tx: Transaction, name: str) -> None:
    for delivery in story.under_all_schemes(tx, name):
        events.of_record(tx, delivery.record_id)


def _left(tx: Transaction) -> None:
    for state, failure in ((State.WAITING, None), (State.READY, None), (State.FAILED, "transient")):
        deliveries.in_states(tx, SCHEME, TARGET, [state], failure=failure, untouched_by="r", limit=100)
    deliveries.in_states(tx, SCHEME, TARGET, [State.UNKNOWN, State.SENDING], limit=100)


def report(sizes: list[int], folder: Path, *, pruned: bool = False) -> list[dict[str, Any]]:
    """What it costs at each size, the smallest first: one ledger that grows."""
    found: list[dict[str, Any]] = []
    path = folder / "growth.db"
    for number in sorted(sizes):
        fill(path, number)
        measured = asyncio.run(measure(path))
        found.append({"records": number, "megabytes": path.stat().st_size / 1e6, "microseconds": measured})
        print(f"{number:,} records", file=sys.stderr, flush=True)
        if pruned:
            asyncio.run(_try_prune(path))
    return found


async def _try_prune(path: Path) -> None:
    port: LedgerPort = open_ledger(f"sqlite:///{path}")
    began = time.process_time()
    gone = await port.do(lambda tx: would_prune(tx, NOW - timedelta(days=365)))
    print(f"prune: {gone}, {time.process_time() - began:.1f} s", file=sys.stderr)
    await port.aclose()


def table(found: list[dict[str, Any]]) -> str:
    """Microseconds by size."""
    sizes = [f"{each['records']:>12,}" for each in found]
    lines = [f"{'µs of processor time, records before':40}" + "".join(sizes)]
    lines += [
        f"{name:40}" + "".join(f"{each['microseconds'][name]:12.0f}" for each in found)
        for name in found[0]["microseconds"]
    ]
    lines.append(f"{'the file, MB':40}" + "".join(f"{each['megabytes']:12.0f}" for each in found))
    return "\n".join(lines)


def section() -> tuple[str, list[Target]]:
    """What the page of performance says of it."""
    with tempfile.TemporaryDirectory() as spare:
        found = report(SIZES, Path(spare))
    few, many = found[0], found[-1]
    text = (
        f"## The ledger as it grows\n\nSQLite; processor time of one piece of work, both threads.\n\n"
        f"```text\n{table(found)}\n```\n"
    )
    return text, [
        Target(
            f"{name}, with {many['records']:,} records before, of that with {few['records']:,}",
            many["microseconds"][name] / few["microseconds"][name] * 100,
            FLAT * 100,
            " %",
        )
        for name in ("put a new page", "outcome", "look up by key", "why")
    ]


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--records", type=int, nargs="+", default=SIZES)
    reader.add_argument("--folder", type=Path, help="where the ledger is kept, to be gone on with")
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        found = report(given.records, given.folder or Path(spare))
    print(json.dumps(found) if given.json else table(found))


if __name__ == "__main__":
    main()
