"""What is read, and what is read again: nothing listed is lost, nothing is worked on twice in one run."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import CredentialsError, EngineError, QuotaSpent, Unreachable
from engine.ledger.rows import State


@pytest.fixture(autouse=True)
def _short_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were many more records than the queues hold."""
    monkeypatch.setattr("engine.run.runner._QUEUE", 1)


@pytest.mark.parametrize("at", range(4, 40, 3))
def test_what_a_dead_run_left_is_worked_on_once(bench: Any, at: int) -> None:
    made = bench(records=9)
    assert made.crash(at)
    told = made.run(settle_wait=400)
    assert (told.status, told.error) == ("success", None)
    assert len(made.claims.gets) <= 9 + 4  # those that the dead run had asked for and not written down
    made.assert_one_each(told, 9)


def test_what_could_not_be_read_is_asked_for_once_in_a_run(bench: Any) -> None:
    made = bench(records=4)
    made.claims.page_size = 4
    assert made.crash(4)
    for id in made.claims.records:
        made.claims.get_errors[id] = Unreachable("down")
    made.run()
    assert sorted(made.claims.gets) == ["1", "2", "3", "4"]


def test_a_running_claim_left_unread_is_asked_for_once_in_a_run(bench: Any) -> None:
    made = bench(records=9)
    made.claims.page_size = 9
    for record in made.claims.records.values():
        record["status"] = "RUNNING"
    assert made.crash(4)
    told = made.run()
    assert sorted(made.claims.gets) == sorted(made.claims.records)
    assert told.counts["waiting"] == 9


@pytest.mark.parametrize("hole", [1, 2, 3])
def test_a_span_that_broke_is_listed_by_the_next_run(bench: Any, hole: int) -> None:
    made = bench(records=0)
    made.claims.longest = timedelta(days=4)
    for day in range(10):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))
    made.claims.page_errors[hole] = Unreachable("broken")
    assert made.run().code == 1
    told = made.run()
    assert told.status == "success"
    assert len(made.erp.bills) == 10


@pytest.mark.parametrize("hole", [1, 2, 3])
@pytest.mark.parametrize("died", [True, False])
def test_a_window_that_was_set_back_is_listed_whole(bench: Any, hole: int, died: bool) -> None:
    made = bench(records=0)
    made.claims.longest = timedelta(days=4)
    for day in range(20):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))

    async def from_day_4(process: Any) -> Any:
        return await process.run(start=process.clock.now() - timedelta(days=4))

    async def from_day_20(process: Any) -> Any:
        return await process.run(start=process.clock.now() - timedelta(days=21))

    assert made.play(from_day_4).counts["fetched"] == 4
    made.claims.page_errors[len(made.claims.pages) + hole] = (
        RuntimeError("died") if died else Unreachable("broken")
    )
    if died:
        with pytest.raises(RuntimeError):
            made.play(from_day_20)
    else:
        assert made.play(from_day_20).code == 1
    assert made.play(from_day_20).status == "success"
    assert len(made.erp.bills) == 20
    before = len(made.claims.pages)
    made.play(from_day_20)
    assert len(made.claims.pages) == before + 1  # all is covered: only the overlap is listed again


@pytest.fixture
def much(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a few claims were so many that listing them side by side is worth while."""
    monkeypatch.setattr("engine.run.reading._MUCH", 0)


def test_much_is_listed_side_by_side_and_each_stretch_once(bench: Any, much: None) -> None:
    made = bench(records=0)
    made.claims.longest = timedelta(days=120)
    made.claims.page_size = 1
    made.claims.seconds = 0.05
    for day in range(20):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))

    async def all_of_it(process: Any) -> Any:
        return await process.run(start=process.clock.now() - timedelta(days=21))

    told = made.play(all_of_it)
    assert told.status == "success"
    assert len(made.erp.bills) == 20
    starts = list(dict.fromkeys(span.start for span in made.claims.pages))
    stretches = sorted({(span.start, span.end) for span in made.claims.pages})
    assert len(stretches) == 3  # one to see how much there is, and as many as may be called at a time
    assert all(one[1] == next_[0] for one, next_ in itertools.pairwise(stretches))
    second = next(at for at, span in enumerate(made.claims.pages) if span.start == starts[1])
    assert made.claims.pages[second + 1].start == starts[2]  # both begin at once
    before = len(made.claims.pages)
    made.play(all_of_it)
    assert len(made.claims.pages) == before + 1  # the overlap alone


@pytest.mark.parametrize("honest", [True, False])
def test_more_than_a_listing_gives_is_listed_by_halves(bench: Any, honest: bool) -> None:
    made = bench(records=0)
    made.claims.page_size, made.claims.most, made.claims.honest = 5, 20, honest
    for number in range(1, 61):
        made.claims.add(str(number), age=timedelta(days=3, minutes=7 * number))
    told = made.run()
    assert (told.status, told.counts["fetched"]) == ("success", 60)
    made.assert_one_each(told, 60)
    assert max(Counter(made.claims.pages).values()) == 4  # 20 in all, and on to the halves


def test_little_is_listed_in_one(bench: Any) -> None:
    made = bench(records=0)
    made.claims.longest = timedelta(days=120)
    for day in range(20):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))

    async def all_of_it(process: Any) -> Any:
        return await process.run(start=process.clock.now() - timedelta(days=21))

    made.play(all_of_it)
    assert len({span.start for span in made.claims.pages}) == 2


@pytest.mark.parametrize("hole", range(1, 9))
@pytest.mark.parametrize("how", ["died", "broken", "spent"])
def test_no_hole_of_a_listing_side_by_side_is_forgotten(bench: Any, much: None, hole: int, how: str) -> None:
    made = bench(records=0)
    made.claims.longest = timedelta(days=120)
    for day in range(20):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))
    faults = {"died": RuntimeError("died"), "broken": Unreachable("broken"), "spent": QuotaSpent("spent")}
    made.claims.page_errors[hole] = faults[how]

    async def all_of_it(process: Any) -> Any:
        return await process.run(start=process.clock.now() - timedelta(days=21))

    if how == "died":
        with pytest.raises(RuntimeError):
            made.play(all_of_it)
    else:
        assert made.play(all_of_it).code in (1, 3)
    assert made.play(all_of_it).status == "success"
    assert len(made.erp.bills) == 20


@pytest.mark.parametrize("page", range(2, 9))
@pytest.mark.parametrize("error", [CredentialsError("refused"), EngineError("disk full")])
def test_a_listing_that_ends_the_run_lets_what_is_being_sent_end(
    bench: Any, page: int, error: EngineError
) -> None:
    made = bench(records=9)
    made.claims.page_size = 1
    made.claims.seconds = 0.06
    made.claims.page_errors[page] = error
    told = made.run()
    assert told.code == 2
    assert not [row for row in made.rows().values() if row.state is State.SENDING and not row.stage]
    made.assert_one_each(made.settled(), 9)


def test_a_final_record_of_another_scheme_waits_for_nothing(bench: Any) -> None:
    """The record is read and final; a scheme that meets it later need not wait as for a running one."""
    made = bench(records=1)
    made.claims.records["1"]["status"] = "RUNNING"
    made.run()
    made.run()
    made.claims.records["1"]["status"] = "COMPLETED"
    made.rest(3600)
    made.run()
    assert made.rows()["1"].state is State.DONE
    for at in range(1, 25):
        other = made.load(f"other{at}", made.text.replace("id: claims", f"id: other{at}"))
        made.crash(at, scheme=other)
        told = made.run(scheme=other)
        assert (told.status, told.counts["waiting"], told.counts["fetched"]) == ("success", 0, 1)
