"""The same ledger on PostgreSQL; left out where no server can be started."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from engine.ledger import deliveries, events, leases, lookups, records, runs, story, windows
from engine.ledger.backup import check, status
from engine.ledger.budgets import count, read_budget, take_slots
from engine.ledger.faults import (
    LedgerBrokenError,
    LedgerBusyError,
    LedgerFullError,
    LedgerUnreachableError,
    LedgerUnwritableError,
)
from engine.ledger.forget import forget_systems
from engine.ledger.open import HEAD, open_ledger, upgrade, version
from engine.ledger.prune import prune
from engine.ledger.rows import Fault, State
from engine.ledger.sql import insert_missing, make_engine
from engine.ledger.tables import budgets
from engine.ledger.windows import SpanState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(postgresql_server: Any) -> Iterator[str]:
    name = postgresql_server.make()
    made: str = postgresql_server.url(name)
    upgrade(made)
    yield made
    postgresql_server.drop(name)


@pytest.fixture
def tx(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()
    engine.dispose()


def row(interface: str) -> dict[str, Any]:
    return {"system": "s", "interface": interface, "period": "p", "calls": 1, "metered": True}


def test_a_url_may_be_written_as_other_programs_write_it(url: str) -> None:
    for driver in ("postgres:", "postgresql:"):
        assert upgrade(url.replace("postgresql+psycopg:", driver)) == (HEAD, HEAD)
    assert version(url) == HEAD


def test_rows_that_are_there_are_kept_and_counted_right(tx: Connection) -> None:
    keys = ("system", "interface", "period")
    assert insert_missing(tx, budgets, [row("a"), row("b")], keys) == 2
    assert insert_missing(tx, budgets, [row("a"), row("c")], keys) == 1
    assert insert_missing(tx, budgets, [row("a")], keys) == 0


def test_every_book_is_kept_alike(tx: Connection) -> None:
    assert leases.acquire(tx, "n", "a", NOON, 30) == 1
    assert leases.acquire(tx, "n", "b", NOON, 30) is None
    leases.release(tx, "n", "a", 1)
    assert leases.acquire(tx, "n", "b", NOON, 30) == 2
    for amount in ("1.10", "1.20"):
        lookups.put(tx, "s", "i", "k", {"rate": Decimal(amount)}, NOON)
    assert lookups.get(tx, "s", "i", "k", NOON) == {"rate": Decimal("1.20")}
    end = NOON + timedelta(days=5)
    assert windows.advance(tx, "k", {"scheme": "付款"}, NOON, end, NOON) == end
    windows.note_span(tx, "k", NOON, end, SpanState.LISTED, run="r", at=NOON)
    assert windows.covered_from(tx, "k") == NOON
    runs.start(tx, "r", scheme="s", scheme_hash="h", environment="e", command="run", at=NOON)
    runs.finish(tx, "r", "success", {"amount": Decimal("1.50")}, NOON)
    assert [run.result for run in runs.list_runs(tx)] == [{"amount": Decimal("1.50")}]
    count(tx, "s", "get", 5, "2026-11-24", metered=True)
    assert read_budget(tx, "s", NOON, per_month=10, per_day=None).left == 5
    second = timedelta(seconds=1)
    assert take_slots(tx, "s", "get", 2, NOON, second) == NOON
    found = status(tx)
    assert (found.runs, found.version) == (1, HEAD)
    assert found.size > 10_000


def test_deliveries_go_their_way_alike(tx: Connection) -> None:
    rows = records.register(tx, "d", "f", ["1", "2", "1"], NOON)
    assert records.register(tx, "d", "f", ["2"], NOON) == {"2": rows["2"]}
    records.keep_snapshot(tx, rows["1"], {"报销金额": "1.10"}, "2026-1", True, NOON)
    ids = list(rows.values())
    assert deliveries.register(tx, "s", "k", ids, run="r", at=NOON) == set(ids)
    assert deliveries.register(tx, "s", "k", ids, run="r", at=NOON) == set()
    first, second = deliveries.in_states(tx, "s", "k", [State.WAITING], with_snapshot=True)
    assert first.snapshot == {"报销金额": "1.10"}
    sent = {"form": "F", "key": "DD1", "amount": Decimal("1.10"), "payload": {"A": Decimal("1.10")}}
    assert deliveries.move(tx, first, State.SENDING, run="r", at=NOON, event="sent", **sent)
    assert not deliveries.move(tx, first, State.DELIVERED, run="r", at=NOON)
    (first,) = deliveries.find(tx, "s", "k", names=["2026-1"])
    assert (first.state, first.amount, first.payload) == (State.SENDING, Decimal("1.10"), sent["payload"])
    assert set(deliveries.keys_taken(tx, "k", "F", ["DD1", "DD2"])) == {"DD1"}
    assert deliveries.move(tx, first, State.DELIVERED, run="r", at=NOON, delivered_run="r")
    fault = Fault("no such payee", failure="data", field="F", line=3)
    assert deliveries.move(tx, second, State.FAILED, run="r", at=NOON, fault=fault)
    assert deliveries.tally(tx, "s", "k", run="r") == {
        ("delivered", None, True, False, True): 1,
        ("failed", "data", False, False, False): 1,
    }
    assert deliveries.finish_called_back(tx, "s", "k", at=NOON) == 1
    assert [found.state for found in story.under_all_schemes(tx, "DD1")] == [State.DONE]
    assert [event.kind for event in events.of_record(tx, rows["1"])] == ["sent"]
    assert prune(tx, NOON + timedelta(days=1)).events == 1
    assert forget_systems(tx, ["d"]) == 2


def test_one_bad_job_leaves_the_others_of_its_commit(url: str) -> None:
    def add(tx: Connection) -> None:
        tx.execute(insert(budgets).values(**row("once")))

    def find(tx: Connection) -> list[str]:
        return list(tx.scalars(select(budgets.c.interface)))

    async def play() -> tuple[list[Any], list[str]]:
        port = open_ledger(url)
        outcomes = await asyncio.gather(*(port.do(add) for _ in range(3)), return_exceptions=True)
        found = await port.do(find)
        await port.aclose()
        return outcomes, found

    outcomes, found = asyncio.run(play())
    assert [type(outcome) for outcome in outcomes] == [type(None), IntegrityError, IntegrityError]
    assert found == ["once"]


def test_reading_then_writing_is_safe_between_processes(url: str) -> None:
    """Everyone adds one to what he has read: no addition may be lost."""

    def add_one(tx: Connection) -> None:
        calls = tx.scalar(select(budgets.c.calls).where(budgets.c.interface == "shared")) or 0
        insert_missing(tx, budgets, [row("shared")], ("system", "interface", "period"))
        tx.execute(budgets.update().where(budgets.c.interface == "shared").values(calls=calls + 1))

    async def play() -> int:
        ports = [open_ledger(url) for _ in range(3)]
        await asyncio.gather(*(port.do(add_one) for port in ports for _ in range(30)))
        found = await ports[0].do(
            lambda tx: tx.scalars(select(budgets.c.calls).where(budgets.c.interface == "shared")).one()
        )
        for port in ports:
            await port.aclose()
        return found

    assert asyncio.run(play()) == 90


@pytest.mark.parametrize("after", [0, 1])
def test_a_connection_that_breaks_fails_its_commit_in_plain_words_and_no_other(url: str, after: int) -> None:
    """Whatever shared the transaction is lost with it; the next one has a connection of its own."""

    def add(name: str) -> Callable[[Connection], None]:
        return lambda tx: tx.execute(insert(budgets).values(**row(name))) and None

    def break_(tx: Connection) -> None:
        tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    def find(tx: Connection) -> list[str]:
        return list(tx.scalars(select(budgets.c.interface).where(budgets.c.interface.like("break%"))))

    async def play() -> tuple[list[Any], list[str]]:
        port = open_ledger(url)
        started, release = threading.Event(), threading.Event()
        holder = asyncio.ensure_future(port.do(lambda tx: started.set() or release.wait(10)))
        await asyncio.to_thread(started.wait)
        jobs = [add(f"break{after}{n}") for n in range(after)] + [break_, add("break")]
        tasks = [asyncio.ensure_future(port.do(job)) for job in jobs]
        await asyncio.sleep(0)
        release.set()
        await holder
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        found = await port.do(find)
        await port.aclose()
        return outcomes, found

    outcomes, found = asyncio.run(play())
    assert [type(outcome) for outcome in outcomes] == [LedgerUnreachableError] * (after + 2)
    assert found == []


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("53100", LedgerFullError),
        ("25006", LedgerUnwritableError),
        ("40P01", LedgerBusyError),
        ("57P01", LedgerUnreachableError),
        ("XX001", LedgerBrokenError),
    ],
)
def test_what_a_server_refuses_is_told_in_plain_words(url: str, state: str, told: type[Exception]) -> None:
    async def play() -> None:
        port = open_ledger(url)
        raising = text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        with pytest.raises(told):
            await port.do(lambda tx: tx.execute(raising))
        assert await port.do(lambda tx: tx.scalar(text("SHOW synchronous_commit"))) == "on"
        await port.aclose()

    asyncio.run(play())


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(LedgerUnreachableError, match="does not answer") as caught:
        open_ledger("postgresql://fin:hunter2@127.0.0.1:1/ledger")
    assert "hunter2" not in str(caught.value)
    assert check("postgresql://fin:hunter2@127.0.0.1:1/ledger") == []
