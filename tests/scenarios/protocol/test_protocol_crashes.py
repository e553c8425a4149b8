"""Death at every step, and every trouble at every call: one bill each, all stages once, the counts add up.

Where the target keeps the key unique a late commit may come after the settle time; where it does not, the
settle time is longer than any request lives.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

CHUNKS = 8
MOST_STEPS = 260


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_dies_at_each_step(bench: Any, unique: bool, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = bench(f"at{at}", unique=unique)
        if not made.crash(at):
            break
        made.assert_one_each(made.settled())
    else:
        pytest.fail("the run has more steps than are tried")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_at_each_step_while_it_writes_back(bench: Any, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = bench(f"at{at}", callbacks=True, records=3)
        if not made.crash(at):
            break
        made.assert_one_each(made.settled(), 3)
    else:
        pytest.fail("the run has more steps than are tried")


@pytest.mark.parametrize("fault", ["lost", "late", "never", "unsent", "partly"])
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_trouble_at_each_call(bench: Any, unique: bool, fault: str) -> None:
    calls = _calls(bench("plain", unique=unique))
    for call in range(1, calls + 1):
        made = bench(f"call{call}", unique=unique)
        made.erp.faults = {call: fault}
        made.assert_one_each(made.settled())


@pytest.mark.parametrize("fault", ["lost", "late", "never", "unsent"])
def test_trouble_at_each_comment(bench: Any, fault: str) -> None:
    for call in range(1, 4):
        made = bench(f"call{call}", callbacks=True, records=3)
        made.notes.faults = {call: fault}
        made.assert_one_each(made.settled(), 3)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
@pytest.mark.parametrize("fault", ["late", "lost"])
def test_dies_after_trouble(bench: Any, unique: bool, fault: str) -> None:
    """The first write goes wrong, then the process dies: at each step that follows."""
    for at in range(30, 90, 4):
        made = bench(f"at{at}", unique=unique)
        made.erp.faults = {3: fault, 4: fault}
        if made.crash(at):
            made.assert_one_each(made.settled())


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_dies_again_and_again(bench: Any, unique: bool) -> None:
    made = bench(unique=unique)
    made.erp.faults = {3: "late", 9: "lost", 14: "partly"}
    for at in range(5, 90, 3):
        if not made.crash(at):
            break
    made.assert_one_each(made.settled())


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
@pytest.mark.parametrize("at", range(22, 60, 3))
def test_the_ledger_is_lost(bench: Any, unique: bool, at: int) -> None:
    """What the target has under our keys is adopted; requests of the old process are over."""
    made = bench(unique=unique, callbacks=True)
    made.crash(at)
    made.rest(60)
    (made.folder / "ledger.db").unlink()
    for leftover in made.folder.glob("ledger.db-*"):
        leftover.unlink()
    made.assert_one_each(made.settled())


def _calls(made: Any) -> int:
    made.run()
    return len(made.erp.calls)


def test_the_harness_sees_what_it_should(bench: Any) -> None:
    """The checks bite: a second bill, a lost one, a stage twice."""
    harness = sys.modules["protocol_harness"]
    made = bench()
    told = made.run()
    made.assert_one_each(told)
    made.erp.save("DDN1", made.erp.bills[0].payload)
    with pytest.raises(AssertionError):
        made.assert_one_each(told)
    with pytest.raises(harness.Crash):
        made.play(lambda process: process.run(), fate=harness.Fate(1))
