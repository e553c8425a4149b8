"""What each answer makes of a document, and what stops the sending."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.connector.api import Accepted, Duplicate, NotSent, Refused, Unclear
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    FailureClass,
    QuotaSpent,
    Unreachable,
)
from engine.ledger.rows import State

CONFLICTING = {"FBillNo": "DDN1", "FCONTACTUNIT": "somebody else", "FAMOUNT": Decimal(1)}


def answering(made: Any, **scripted: list[Any]) -> Any:
    """Run with a target that gives these answers to its first calls of each kind."""
    made.erp.answers = scripted
    told = made.run()
    made.erp.answers = {}
    return told


# --- each answer at each stage ----------------------------------------------------------------------------

STATES = [
    ("send", Refused("no", FailureClass.DATA), State.FAILED, "", "data"),
    ("send", Refused("no code", FailureClass.BASE_DATA_MISSING), State.FAILED, "", "base data missing"),
    ("send", Accepted("9", "OTHER", key="OTHER"), State.UNKNOWN, "", "conflict"),
    ("submit", Refused("no", FailureClass.DATA), State.FAILED, "save", "data"),
    ("submit", Refused("closed", FailureClass.CONFIGURATION), State.FAILED, "save", "configuration"),
    ("audit", Refused("closed", FailureClass.CONFIGURATION), State.FAILED, "submit", "configuration"),
]


@pytest.mark.parametrize(("stage", "answer", "state", "reached", "failure"), STATES)
def test_a_clear_answer_is_final(
    bench: Any, stage: str, answer: Any, state: State, reached: str, failure: str
) -> None:
    made = bench(records=1)
    told = answering(made, **{stage: [answer]})
    row = made.rows()["1"]
    assert (row.state, row.stage, row.fault.failure) == (state, reached, failure)
    assert (told.attention, told.code) == (1, 2 if failure == "conflict" else 1)
    calls = list(made.erp.calls)
    again = made.run()
    assert again.attention == 1  # never forgotten, and not tried again unasked
    assert again.code == told.code
    assert made.erp.calls == calls


@pytest.mark.parametrize("stage", ["send", "submit", "audit"])
@pytest.mark.parametrize(
    "answer",
    [Unclear("?"), NotSent("down", FailureClass.TRANSIENT), Duplicate("already")],
    ids=["unclear", "unsent", "duplicate"],
)
@pytest.mark.parametrize("times", [1, 3])
def test_any_other_answer_is_asked_about(bench: Any, stage: str, answer: Any, times: int) -> None:
    made = bench(records=1)
    answering(made, **{stage: [answer] * times})
    made.assert_one_each(made.settled(), 1)


@pytest.mark.parametrize(
    ("failure", "code", "error"),
    [
        (FailureClass.LIMIT, 1, QuotaSpent),
        (FailureClass.CREDENTIALS, 2, CredentialsError),
        (FailureClass.CONFIGURATION, 2, ConfigurationError),
        (FailureClass.TRANSIENT, 3, Unreachable),
    ],
)
@pytest.mark.parametrize("stage", ["send", "submit", "audit"])
def test_what_never_left_tells_why(
    bench: Any, failure: FailureClass, code: int, error: type, stage: str
) -> None:
    made = bench(records=5)
    told = answering(made, **{stage: [NotSent("not now", failure)] * 40})
    if stage == "send" or failure is not FailureClass.TRANSIENT:
        assert (told.code, type(told.error)) == (code, error)
    else:
        assert told.code == 1
    assert told.counts["failed"] == 0
    assert len(made.erp.calls) < 40
    made.assert_one_each(made.settled())


@pytest.mark.parametrize("error", [QuotaSpent("spent"), CredentialsError("refused"), Unreachable("down")])
@pytest.mark.parametrize("call", range(4))
def test_a_question_that_fails_is_no_none(bench: Any, error: Any, call: int) -> None:
    made = bench()
    made.erp.faults = {3: "late", 4: "lost", 6: "lost"}

    async def failing(process: Any) -> Any:
        find = process.target.find
        calls = []

        async def sometimes(key_field: str, keys: Any) -> Any:
            calls.append(keys)
            if len(calls) > call:
                raise error
            return await find(key_field, keys)

        process.target.find = sometimes
        return await process.run()

    told = made.play(failing)
    assert told.code == error.exit_code
    assert told.counts["failed"] == 0
    made.assert_one_each(made.settled())


# --- conflicts ------------------------------------------------------------------------------------------


def test_a_conflict_stops_the_rest_of_its_batch(bench: Any) -> None:
    made = bench(records=2)
    made.erp.save("DDN1", CONFLICTING)
    told = made.run()
    assert (told.status, told.code, told.counts["unknown"]) == ("failed", 2, 1)
    assert made.erp.sent == []
    made.run()
    assert made.erp.sent == []


def test_a_bill_under_another_number_is_never_sent_again(bench: Any) -> None:
    """Its number came back as another one: it is there, though not under our key."""
    made = bench(records=1)
    answering(made, send=[Accepted("9", "FKD00001", key="FKD00001")])
    sent = made.erp.sends()
    told = made.run(again=sys_selection(names=["1"]))
    assert (told.counts["unknown"], told.code) == (1, 2)
    assert made.erp.sends() == sent


def sys_selection(**options: Any) -> Any:
    from engine.run.retry import Selection

    return Selection(**options)


def test_a_conflict_mended_in_the_target_is_taken_up_again(bench: Any) -> None:
    made = bench(records=2)
    made.erp.save("DDN1", CONFLICTING)
    assert made.run().code == 2
    made.erp.bills.clear()  # the other one was deleted
    made.run(again=sys_selection(names=["1"]))
    made.assert_one_each(made.settled(), 2)


def test_two_bills_under_a_key_are_a_conflict(bench: Any) -> None:
    made = bench(records=1)
    made.erp.faults = {2: "lost"}
    made.run(settle_wait=0)
    made.erp.save("DDN1", made.erp.bills[0].payload)
    told = made.run(settle_wait=60)
    assert (told.code, made.rows()["1"].fault.failure) == (2, "conflict")


def test_a_bill_deleted_on_its_way_is_not_made_again(bench: Any) -> None:
    made = bench(records=1)
    made.erp.answers = {"submit": [Unclear("?")] * 3}
    made.run(settle_wait=0)
    made.erp.bills.clear()
    told = made.run()
    assert (told.code, made.rows()["1"].fault.failure, made.erp.keys()) == (2, "conflict", [])


# --- guard ----------------------------------------------------------------------------------------------

GUARDED = "  guard: {documents: 3, amount: '1000', of: FAMOUNT}\n"


def test_the_guard_counts_each_document_once(bench: Any) -> None:
    """What never left and is sent anew has not been counted twice."""
    harness_scheme = guarded()
    made = bench(records=2, scheme=harness_scheme)
    made.erp.faults = {2: "unsent", 4: "unsent"}
    told = made.run()
    made.assert_one_each(told, 2)


def test_the_guard_stops_the_rest(bench: Any) -> None:
    made = bench(records=5, scheme=guarded())
    told = made.run()
    assert (told.status, told.code) == ("partial", 1)
    assert len(made.erp.bills) == 3
    assert (told.counts["delivered"], told.counts["pending"]) == (3, 2)
    made.assert_one_each(made.run())


def guarded() -> str:
    import sys

    scheme: str = sys.modules["protocol_harness"].SCHEME
    return scheme.replace("  mapping:\n", GUARDED + "  mapping:\n")


# --- no hammering ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [NotSent("busy", FailureClass.TRANSIENT), Duplicate("exists, they say")])
def test_a_target_that_never_takes_it_is_not_hammered(bench: Any, answer: Any) -> None:
    """An unclear one that is settled and cannot be sent is tried now and then, not five times a second."""
    made = bench(records=1)
    made.erp.faults = {2: "never"}
    made.erp.answers = {"send": [None, *[answer] * 500]}
    made.run()
    made.run(settle_wait=180)
    assert len(made.erp.calls) < 30
    made.erp.answers = {}
    made.assert_one_each(made.settled(), 1)
