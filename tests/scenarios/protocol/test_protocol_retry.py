"""What a retry uses: each state by itself, and what it may never do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.connector.api import Accepted, Refused, Unclear
from engine.errors import FailureClass, Unreachable, UsageError
from engine.ledger.rows import State
from engine.run.retry import Selection

OURS = {"FBillNo": "DDN1", "FCONTACTUNIT": "E1", "FAMOUNT": Decimal("10.50")}
THEIRS = OURS | {"FAMOUNT": Decimal(9)}
REFUSED = Refused("no", FailureClass.DATA)


def one(**options: Any) -> Selection:
    return Selection(names=["1"], **options)


def skip(made: Any) -> None:
    made.play(lambda process: process.skip("1"))


def test_waiting_is_read_again(bench: Any) -> None:
    made = bench(records=1)
    made.claims.records["1"]["status"] = "RUNNING"
    made.run()
    made.run()
    made.claims.records["1"]["status"] = "COMPLETED"
    told = made.run(again=one())
    assert (told.counts["delivered"], len(made.claims.gets)) == (1, 3)


def test_refused_is_mapped_again_from_its_snapshot(bench: Any) -> None:
    made = bench(records=1)
    made.erp.answers = {"send": [REFUSED]}
    made.run()
    made.claims.records["1"]["payee"] = "E2"
    changed = made.load("claims", made.text.replace('"$.payee"', '"{{ payee }}!"'))
    told = made.run(again=one(), scheme=changed)
    assert told.status == "success"
    assert (made.erp.bills[0].payload["FCONTACTUNIT"], len(made.claims.gets)) == ("E1!", 1)


def test_refetch_reads_again(bench: Any) -> None:
    made = bench(records=1)
    made.erp.answers = {"send": [REFUSED]}
    made.run()
    made.claims.records["1"]["payee"] = "E2"
    made.run(again=one(refetch=True))
    assert (made.erp.bills[0].payload["FCONTACTUNIT"], len(made.claims.gets)) == ("E2", 2)


@pytest.mark.parametrize("fault", ["never", "lost", "late"])
@pytest.mark.parametrize("changes", [True, False])
def test_unknown_is_asked_for_and_sent_byte_for_byte(bench: Any, fault: str, changes: bool) -> None:
    made = bench(records=1)
    made.erp.faults = {2: fault}
    made.run(settle_wait=0)
    made.claims.records["1"]["payee"] = "E2"
    changed = (
        made.load("claims", made.text.replace('"DD{{ number }}"', '"X{{ number }}"')) if changes else None
    )
    told = made.run(again=one(refetch=True), scheme=changed)
    assert told.status == "success"
    assert {payload["FCONTACTUNIT"] for _, payload in made.erp.sent} == {"E1"}
    made.assert_one_each(told, 1)


@pytest.mark.parametrize(("stage", "reached"), [("submit", "save"), ("audit", "submit")])
@pytest.mark.parametrize("skipped", [True, False])
def test_a_saved_bill_goes_on_from_its_stage(bench: Any, stage: str, reached: str, skipped: bool) -> None:
    made = bench(records=1)
    made.erp.answers = {stage: [Refused("closed", FailureClass.CONFIGURATION)]}
    made.run()
    assert (made.rows()["1"].state, made.rows()["1"].stage) == (State.FAILED, reached)
    made.erp.answers = {}
    if skipped:
        skip(made)
        assert made.run().code == 0
    changed = made.load("claims", made.text.replace('"$.payee"', "E9"))
    told = made.run(again=one(skipped=skipped), scheme=changed)
    assert made.erp.sends() == 1
    made.assert_one_each(told, 1)


def test_delivered_is_never_sent_again_unless_its_bill_is_gone(bench: Any) -> None:
    made = bench(records=1)
    made.run()
    with pytest.raises(UsageError):
        made.run(again=one())
    told = made.run(again=one(again=True))
    assert (told.counts["already"], len(made.erp.bills)) == (1, 1)
    made.erp.bills.clear()
    told = made.run(again=one(again=True))
    made.assert_one_each(told, 1)


def test_skipped_stays_skipped_until_told(bench: Any) -> None:
    made = bench(records=1)
    made.claims.records["1"]["status"] = "TERMINATED"
    made.run()
    changed = made.load("claims", made.text.replace("status == 'COMPLETED'", "true"))
    assert made.run(scheme=changed).counts["skipped"] == 1
    with pytest.raises(UsageError):
        made.run(again=one(), scheme=changed)
    assert made.run(again=one(skipped=True), scheme=changed).counts["delivered"] == 1


@pytest.mark.parametrize("fault", ["late", "lost", "never"])
def test_unknown_that_was_set_aside_is_asked_for_before_it_is_sent(bench: Any, fault: str) -> None:
    made = bench(records=1)
    made.erp.faults = {2: fault}
    made.run(settle_wait=0)
    skip(made)
    told = made.run()
    assert (told.status, told.counts["skipped"]) == ("success", 1)
    told = made.run(again=one(skipped=True))
    made.assert_one_each(told, 1)


@pytest.mark.parametrize("fault", ["late", "lost", "never"])
def test_an_unclear_comment_that_was_set_aside_is_looked_for(bench: Any, fault: str) -> None:
    made = bench(records=1, callbacks=True)
    made.notes.faults = {1: fault}
    made.run(settle_wait=0)
    told = made.told["told"]

    async def set_aside(process: Any) -> None:
        process.lane = process._lane(told)
        await process.skip("1")

    assert made.rows("told")["1"].state is State.UNKNOWN
    made.play(set_aside)
    assert made.run(scheme=told, again=one(skipped=True)).status == "success"
    made.assert_one_each(made.run(), 1)


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_what_was_set_aside_while_unknown_is_not_paid_by_another_scheme(bench: Any, fault: str) -> None:
    made = bench(records=1)
    made.erp.faults = {2: fault}
    made.run(settle_wait=0)
    skip(made)
    other = made.load("other", made.text.replace("id: claims", "id: other"))
    for _ in range(3):
        made.run(scheme=other)
        made.rest(30)
    made.erp.finish()
    assert made.erp.keys() == ["DDN1"]


def test_what_is_being_sent_cannot_be_set_aside(bench: Any) -> None:
    made = bench(records=1)
    at = 1
    while True:
        assert made.crash(at)
        row = made.rows().get("1")
        if row is not None and row.state is State.SENDING:
            break
        at += 1
    with pytest.raises(UsageError):
        skip(made)


def test_a_conflict_that_was_never_ours_is_compared_whole(bench: Any) -> None:
    """What the target does not tell cannot be equal; and what is taken over then is not 'delivered'."""
    made = bench(records=1, callbacks=True)
    made.erp.save("DDN1", THEIRS)
    made.notes.save("1:paid as DDN1", {})
    assert made.run().code == 2
    assert made.run(again=one()).code == 2
    made.erp.bills[0].payload = OURS
    told = made.run(again=one())
    assert (told.counts["already"], told.counts["delivered"]) == (1, 0)
    made.assert_one_each(told, 1)


def test_a_vanished_bill_is_made_anew_only_on_order(bench: Any) -> None:
    made = bench(records=1)
    made.erp.answers = {"submit": [Unclear("?")] * 3}
    made.run(settle_wait=0)
    made.erp.bills.clear()
    made.erp.answers = {}
    assert made.run().code == 2
    assert made.run(again=one()).code == 2
    assert made.erp.keys() == []
    made.assert_one_each(made.run(again=one(again=True)), 1)


def test_another_number_is_told_as_such(bench: Any) -> None:
    made = bench(records=1)
    made.erp.answers = {"send": [Accepted("9", "FKD1", key="FKD1")]}
    made.run()
    made.run(again=one())
    assert "FKD1" in made.rows()["1"].fault.reason
    assert "DDN1" in made.rows()["1"].fault.reason


def test_transient_failures_are_retried_unasked_and_others_are_not(bench: Any) -> None:
    made = bench(records=2)
    made.claims.get_errors["1"] = Unreachable("down")
    made.claims.records["2"]["amount"] = "a lot"
    told = made.run()
    assert (told.counts["failed"], told.attention, told.code) == (2, 2, 1)
    made.claims.get_errors.clear()
    made.claims.records["2"]["amount"] = "1"
    told = made.run()
    assert (told.counts["delivered"], told.counts["failed"], told.attention, told.code) == (1, 1, 1, 1)
    made.assert_one_each(made.run(again=Selection(failed=True, refetch=True)), 2)
