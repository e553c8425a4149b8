"""What is written back: once for each document and occasion; never twice, never lost, never another's."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from engine.connector.api import NotSent, Refused, Unclear
from engine.errors import FailureClass
from engine.ledger.rows import State
from engine.run.retry import Selection

TWO = """
callback:
  - {scheme: told, on: delivered, data: {id: "$.id", number: "$.number"}}
  - {scheme: also, on: delivered, data: {id: "$.id", payee: "$.payee"}}
"""

FAILURES = """
callback:
  - {scheme: told, on: delivered, data: {id: "$.id", number: "$.number"}}
  - {scheme: sorry, on: failed, data: {id: "$.id", number: "$.number"}}
"""


def harness() -> Any:
    return sys.modules["protocol_harness"]


def with_callbacks(bench: Any, text: str, **options: Any) -> Any:
    made = bench(scheme=harness().SCHEME + text, **options)
    texts = {
        "told": "{{ number }} paid as {{ result.number }}",
        "also": "{{ payee }} has {{ result.number }}",
        "sorry": "not paid: {{ error.reason }}",
    }
    for name, text in texts.items():
        scheme = harness().TOLD.replace("told", name).replace("paid as {{ result.number }}", text)
        made.told[name] = made.load(name, scheme)
    return made


def test_two_callbacks_each_read_their_own_data(bench: Any) -> None:
    made = with_callbacks(bench, TWO, records=2)
    told = made.run()
    assert told.callbacks == {"written": 4, "failed": 0, "pending": 0}
    assert made.notes.keys() == ["1:E1 has DDN1", "1:N1 paid as DDN1", "2:E1 has DDN2", "2:N2 paid as DDN2"]
    assert (told.status, told.code) == ("success", 0)


def test_a_failure_and_the_delivery_that_follows_are_both_told_of(bench: Any) -> None:
    made = with_callbacks(bench, FAILURES, records=1)
    made.erp.answers = {"send": [Refused("no such payee", FailureClass.DATA)]}
    made.notes.answers = {"send": [NotSent("down", FailureClass.TRANSIENT)] * 20}
    told = made.run()
    assert (told.callbacks["pending"], told.code) == (1, 1)
    made.notes.answers = {"send": [NotSent("down", FailureClass.TRANSIENT)] * 20}
    made.run(again=Selection(failed=True))
    made.notes.answers = {}
    told = made.run()
    assert made.notes.keys() == ["1:N1 paid as DDN1", "1:not paid: no such payee"]
    assert (told.status, told.callbacks["pending"]) == ("success", 0)


def test_two_documents_of_one_name_are_both_told_of(bench: Any) -> None:
    """The callback's own id may be anything that the scheme hands over: it is not what makes it one."""
    made = with_callbacks(
        bench,
        'callback: {scheme: told, on: delivered, data: {id: "$.payee", number: "$.number"}}\n',
        records=3,
    )
    told = made.run()
    assert made.notes.keys() == ["E1:N1 paid as DDN1", "E1:N2 paid as DDN2", "E1:N3 paid as DDN3"]
    assert told.status == "success"


@pytest.mark.parametrize("answer", [Refused("no", FailureClass.DATA), Unclear("?")])
def test_a_callback_that_fails_makes_the_run_partial_and_no_bill_twice(bench: Any, answer: Any) -> None:
    made = bench(callbacks=True, records=2)
    made.notes.answers = {"send": [answer] * 50}
    told = made.run()
    assert (told.status, told.code, told.counts["delivered"]) == ("partial", 1, 2)
    assert told.callbacks["failed"] == 2
    again = made.run()
    assert (again.status, again.code, again.counts["already"]) == ("partial", 1, 2)
    assert len(made.erp.bills) == 2


def test_a_failed_callback_is_retried_under_its_own_name(bench: Any) -> None:
    made = bench(callbacks=True, records=2)
    made.notes.answers = {"send": [Refused("no", FailureClass.DATA)] * 2}
    made.run()
    told = made.run(scheme=made.told["told"], again=Selection(failed=True))
    assert told.status == "success"
    made.assert_one_each(made.run(), 2)


def test_a_comment_told_of_again_is_looked_for_first(bench: Any) -> None:
    made = bench(callbacks=True, records=1)
    made.run()
    told = made.run(scheme=made.told["told"], again=Selection(names=["1"], again=True))
    assert told.code == 0
    assert made.notes.keys() == ["1:paid as DDN1"]


def test_an_unclear_notification_stays_unknown_and_is_sent_once(bench: Any) -> None:
    made = bench(callbacks=True, records=1, notes_asking="never")
    made.notes.faults = {1: "never"}
    for _ in range(3):
        told = made.run()
        assert (told.status, told.callbacks) == ("partial", {"written": 0, "failed": 1, "pending": 0})
        made.rest(3600)
    assert made.notes.sends() == 1


def test_a_lost_ledger_tells_nobody_twice(bench: Any) -> None:
    made = bench(callbacks=True, records=2)
    made.run()
    (made.folder / "ledger.db").unlink()
    told = made.run()
    assert told.counts["already"] == 2
    made.assert_one_each(told, 2)


def test_a_lost_ledger_sends_no_notification_that_nobody_can_ask_for(bench: Any) -> None:
    made = bench(callbacks=True, records=2, notes_asking="never")
    made.run()
    (made.folder / "ledger.db").unlink()
    told = made.run()
    assert (told.status, made.notes.sends()) == ("success", 2)
    assert {row.state for row in made.rows("told").values()} == {State.SKIPPED}


def test_a_callback_that_fails_for_a_passing_reason_is_tried_once_a_run(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench(callbacks=True, records=1)
    made.erp.faults = {3: "lost", 4: "lost", 5: "lost"}
    from engine.run import fetching
    from engine.run.judge import Failed, Fault

    judged = []
    judge = fetching.judge

    async def failing(lane: Any, record: Any, source_id: str) -> Any:
        if lane.scheme.id != "told":
            return await judge(lane, record, source_id)
        judged.append(source_id)
        return Failed(Fault("the table could not be asked", FailureClass.TRANSIENT))

    monkeypatch.setattr(fetching, "judge", failing)
    made.claims.add("2")
    made.run()
    assert len(judged) <= 2
    monkeypatch.undo()
    made.assert_one_each(made.settled(), 2)
