"""Sources that list whole records, schemes that share records, and calls that run out on the way."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest

from engine.connector.api import Refused
from engine.errors import FailureClass, QuotaSpent
from engine.ledger.rows import State
from engine.run.retry import Selection

MOST_STEPS = 260


def whole(bench: Any, **options: Any) -> Any:
    made = bench(**options)
    made.gets_each = False
    return made


def test_whole_records_are_known_by_their_numbers(bench: Any) -> None:
    made = whole(bench, records=2)
    told = made.run()
    made.assert_one_each(told, 2)
    assert {row.number for row in made.rows().values()} == {"N1", "N2"}
    assert made.claims.gets == []
    assert made.run().counts["already"] == 2


@pytest.mark.parametrize("at", range(2, 60, 3))
def test_whole_records_survive_death(bench: Any, at: int) -> None:
    made = whole(bench)
    made.crash(at)
    made.assert_one_each(made.settled())


@pytest.mark.parametrize("days", [0, 3])
@pytest.mark.parametrize("queue", [1, 200])
def test_a_whole_record_that_was_not_final_is_looked_at_again(
    bench: Any, days: int, queue: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the overlap the listing brings it; later it is got by its id."""
    monkeypatch.setattr("engine.run.runner._QUEUE", queue)
    made = whole(bench, records=4)
    for record in made.claims.records.values():
        record["status"] = "RUNNING"
    assert made.run().counts["waiting"] == 4
    made.rest(days * 86400 + 3600)
    made.run()
    for record in made.claims.records.values():
        record["status"] = "COMPLETED"
    made.rest(86400 if days else 3600)
    told = made.run()
    made.assert_one_each(told, 4)


def test_a_second_scheme_pays_nothing_twice_and_costs_no_get(bench: Any) -> None:
    made = bench(records=3)
    made.run()
    other = made.load("other", made.text.replace("id: claims", "id: other"))
    told = made.run(scheme=other)
    assert (told.status, told.counts["already"], len(made.claims.gets)) == ("success", 3, 3)
    made.assert_one_each(made.run(), 3)


@pytest.mark.parametrize("at", range(20, 70, 5))
def test_a_second_scheme_takes_nothing_over_that_is_under_way(bench: Any, at: int) -> None:
    made = bench(records=3)
    made.crash(at)
    other = made.load("other", made.text.replace("id: claims", "id: other"))
    made.run(scheme=other)
    made.rest(60)
    made.settled()
    told = made.settled(scheme=other)
    assert (told.status, told.counts["already"] + told.counts["delivered"]) == ("success", 3)
    made.erp.finish()
    assert made.erp.keys() == ["DDN1", "DDN2", "DDN3"]


@pytest.mark.parametrize(("first", "pause"), [(1, 0.2), (2, 0.6), (3, 100.0)])
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_two_schemes_want_the_same_keys_at_the_same_moment(
    bench: Any, unique: bool, first: int, pause: float
) -> None:
    """One is held up at each of its steps, while the other takes a key, sends it, or is done with it: the key
    is left to who has it, and neither run ends with an error."""
    fate_of = sys.modules["protocol_harness"].Fate
    for at in range(first, MOST_STEPS, 3):
        made = bench(f"at{at}", unique=unique, records=2)
        other = made.load("other", made.text.replace("id: claims", "id: other"))
        fate = fate_of(pause_at=at, pause=pause)

        async def both(process: Any, scheme: Any = other) -> Any:
            return await asyncio.gather(process.run(), process.twin().run(scheme=scheme))

        for told in made.play(both, fate=fate):
            assert told.error is None, (at, told)
            assert told.counts["failed"] == told.counts["unknown"] == 0, (at, told)
        for scheme in (made.scheme, other):
            told = made.settled(scheme=scheme)
            assert (told.status, told.counts["already"]) == ("success", 2), (at, told)
        assert [bill.reached for bill in made.erp.bills] == [["save", "submit", "audit"]] * 2
        assert made.erp.keys() == ["DDN1", "DDN2"]
        assert made.erp.sends() == 2
        if len(fate.steps) < at:
            break
    else:
        pytest.fail("the run has more steps than are tried")


def test_two_records_of_one_key_are_one_bill_and_one_failure(bench: Any) -> None:
    made = bench(records=1)
    made.claims.add("2", number="N1")
    told = made.run()
    assert (told.counts["delivered"], told.counts["failed"], len(made.erp.bills)) == (1, 1, 1)
    assert made.run().attention == 1


@pytest.mark.parametrize("left", range(1, 14))
def test_a_quota_that_ends_on_the_way(bench: Any, left: int) -> None:
    """Wherever the calls run out, the run is partial with exit 1, and the next one goes on."""
    calls = []

    def limited(ask: Any) -> Any:
        async def ask_if_left(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) > left:
                raise QuotaSpent("spent")
            return await ask(*arguments)

        return ask_if_left

    made = bench(records=9)

    async def run(process: Any) -> Any:
        for name in ("page", "get"):
            setattr(process.lane.source, name, limited(getattr(process.lane.source, name)))
        return await process.run()

    told = made.play(run)
    sum_of = dict(told.counts)
    assert sum_of.pop("fetched") == sum(sum_of.values())
    assert (told.status, told.code) == (("success", 0) if len(calls) <= left else ("partial", 1))
    assert told.counts["failed"] == 0
    made.assert_one_each(made.settled(), 9)


def test_the_answer_of_a_refusal_is_kept(bench: Any) -> None:
    from engine.ledger import events

    made = bench(records=1)
    made.erp.answers = {"send": [Refused("no", FailureClass.DATA, answer={"MsgCode": 11})]}
    made.run()

    record = made.rows()["1"].record_id

    async def story(process: Any) -> Any:
        return await process.ledger.do(lambda tx: events.of_record(tx, record))

    kinds = {event.kind: event.detail for event in made.play(story)}
    assert kinds["refused"]["answer"] == {"MsgCode": 11}


def test_a_scheme_whose_form_changed_still_settles_what_it_sent(bench: Any) -> None:
    made = bench(records=1)
    made.erp.faults = {2: "never"}
    made.run(settle_wait=0)
    changed = made.load("claims", made.text.replace("form: AP_PAYBILL", "form: AP_OTHER"))
    made.assert_one_each(made.settled(scheme=changed), 1)


def test_a_limit_reads_no_more_and_moves_no_watermark(bench: Any) -> None:
    made = bench(records=5)
    told = made.run(limit=2)
    assert (told.counts["fetched"], told.counts["delivered"]) == (2, 2)
    made.assert_one_each(made.run())


def test_since_moves_no_watermark(bench: Any) -> None:
    made = bench(records=0)
    for day in range(5):
        made.claims.add(f"d{day}", age=timedelta(days=day, hours=1))

    async def since(process: Any) -> Any:
        return await process.run(since=process.clock.now() - timedelta(days=2))

    assert made.play(since).counts["delivered"] == 2
    assert made.run().counts["fetched"] == 5
    assert len(made.erp.bills) == 5


def test_retrying_all_that_failed_leaves_the_rest_alone(bench: Any) -> None:
    made = bench(records=3)
    made.claims.records["2"]["amount"] = "a lot"
    made.run()
    made.claims.records["2"]["amount"] = "3"
    pages = len(made.claims.pages)
    told = made.run(again=Selection(failed=True, refetch=True))
    assert (told.counts["fetched"], told.counts["delivered"], len(made.claims.pages)) == (1, 1, pages)
    assert {row.state for row in made.rows().values()} == {State.DONE}
