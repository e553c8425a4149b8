"""Policies that act, with death at each step and trouble at each call: never a second bill, one end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.run.life.taking_back import TakingBack

CHUNKS = 4
MOST_STEPS = 400
REASONS = ["lost", "late", "never", "unsent"]


def alive(
    bench: Any, name: str, policies: str, *, until: str = "audit", records: int = 2, **more: Any
) -> Any:
    """A bench whose claims were delivered long enough ago to be looked at."""
    made = bench(name, records=records, **more)
    text = made.text.replace("until: audit", f"until: {until}")
    text = text.replace("    FBillNo:", '    FDATE: "2026-10-01"\n    FBillNo:')
    made.scheme = made.load("claims", f"{text}\nlife: {{{policies}}}\n")
    return made


def delivered(bench: Any, name: str, policies: str, **more: Any) -> Any:
    made = alive(bench, name, policies, **more)
    told = made.run()
    assert (told.status, told.code) == ("success", 0)
    made.rest(2 * 86_400)
    made.erp.calls.clear()
    return made


def ends(made: Any, runs: int = 8) -> Any:
    """Run until nothing is open any more."""
    for _ in range(runs):
        told = made.run()
        if told.status == "success":
            break
        made.rest(86_400)
    made.erp.finish()
    return told


def revoke(made: Any, of: str = "1") -> None:
    made.claims.add("r", of=of, action="REVOKE")


def gone(made: Any) -> None:
    told = ends(made)
    assert (told.status, told.attention) == ("success", 0), told
    assert made.erp.keys() == ["DDN2"]
    rows = made.rows()
    assert {id: str(row.state) for id, row in rows.items()} == {"1": "skipped", "2": "done", "r": "skipped"}
    assert made.erp.sends() == 2
    made.run()
    assert made.erp.keys() == ["DDN2"]


def revoked(bench: Any, name: str, **more: Any) -> Any:
    made = delivered(bench, name, "revoked: act", until="submit", **more)
    revoke(made)
    return made


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_while_it_takes_a_bill_back(bench: Any, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = revoked(bench, f"at{at}")
        if not made.crash(at):
            break
        made.rest(60)
        gone(made)
    else:
        pytest.fail("the run has more steps than are tried")


@pytest.mark.parametrize("fault", REASONS)
def test_trouble_while_it_takes_a_bill_back(bench: Any, fault: str) -> None:
    probe = revoked(bench, "probe")
    probe.run()
    for call in range(1, len(probe.erp.calls) + 1):
        made = revoked(bench, f"call{call}")
        made.erp.faults = {call: fault}
        gone(made)


def test_the_checks_bite(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that believes its own call instead of asking again leaves a bill behind."""
    look, step = TakingBack._look, TakingBack._step
    deleted: set[int] = set()

    async def believing(self: TakingBack, delivery: Any) -> Any:
        return ("", None) if delivery.id in deleted else await look(self, delivery)

    async def noting(self: TakingBack, delivery: Any, hit: Any, because: Any) -> Any:
        if hit.stage == "save":
            deleted.add(delivery.id)
        return await step(self, delivery, hit, because)

    monkeypatch.setattr(TakingBack, "_look", believing)
    monkeypatch.setattr(TakingBack, "_step", noting)
    made = revoked(bench, "believing")
    made.erp.faults = {4: "never"}
    with pytest.raises(AssertionError):
        gone(made)


def test_two_processes_take_one_bill_back(bench: Any) -> None:
    made = revoked(bench, "two")

    async def both(process: Any) -> None:
        twin = process.twin()
        await asyncio.gather(process.run(), twin.run())

    made.play(both)
    gone(made)


# --- a deleted bill is sent again ---------------------------------------------------------------------


def deleted(bench: Any, name: str, **more: Any) -> Any:
    made = delivered(bench, name, "bill_deleted: act", **more)
    made.erp.bills = [bill for bill in made.erp.bills if bill.key != "DDN1"]
    return made


def one_each(made: Any) -> None:
    told = ends(made)
    assert (told.status, told.attention) == ("success", 0), told
    assert made.erp.keys() == ["DDN1", "DDN2"]
    assert {bill.stage for bill in made.erp.bills} == {"audit"}
    assert {str(row.state) for row in made.rows().values()} == {"done"}


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_while_it_sends_again(bench: Any, unique: bool, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = deleted(bench, f"at{at}", unique=unique)
        if not made.crash(at):
            break
        made.rest(60)
        one_each(made)
    else:
        pytest.fail("the run has more steps than are tried")


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_trouble_while_it_sends_again(bench: Any, unique: bool, fault: str) -> None:
    probe = deleted(bench, "probe", unique=unique)
    probe.run()
    for call in range(1, len(probe.erp.calls) + 1):
        made = deleted(bench, f"call{call}", unique=unique)
        made.erp.faults = {call: fault}
        one_each(made)


# --- an unaudited bill is audited again ---------------------------------------------------------------


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_while_it_audits_again(bench: Any, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = delivered(bench, f"at{at}", "bill_unaudited: act")
        made.erp.bills[0].stage = "save"
        if not made.crash(at):
            break
        made.rest(60)
        one_each(made)
        assert made.erp.sends() == 2
    else:
        pytest.fail("the run has more steps than are tried")


# --- a closed period ----------------------------------------------------------------------------------


def closed(bench: Any, name: str, **more: Any) -> Any:
    """A bench whose target audits no bill that is dated before this month."""
    made = alive(bench, name, "closed_period: act, date_field: FDATE", **more)
    made.erp.closed_before = "2026-11-01"
    return made


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_while_it_moves_a_date(bench: Any, unique: bool, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = closed(bench, f"at{at}", unique=unique, records=1)
        if not made.crash(at):
            break
        made.rest(60)
        moved(made)
    else:
        pytest.fail("the run has more steps than are tried")


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_trouble_while_it_moves_a_date(bench: Any, unique: bool, fault: str) -> None:
    probe = closed(bench, "probe", unique=unique, records=1)
    probe.run()
    for call in range(1, len(probe.erp.calls) + 1):
        made = closed(bench, f"call{call}", unique=unique, records=1)
        made.erp.faults = {call: fault}
        moved(made)


def test_a_number_is_not_set_free_while_an_earlier_sending_may_arrive(bench: Any) -> None:
    """The first sending commits long after the settle time: what refuses it then is our own second bill."""
    made = closed(bench, "late", unique=True, records=1)
    made.erp.delay = 60
    made.erp.faults = {2: "late"}
    made.run()
    assert "take back" not in made.erp.calls
    moved(made)


def moved(made: Any) -> None:
    told = ends(made)
    assert (told.status, told.attention) == ("success", 0), told
    assert made.erp.keys() == ["DDN1"]
    (bill,) = made.erp.bills
    assert bill.stage == "audit"
    assert str(bill.payload["FDATE"]) >= "2026-11-24"


# --- the same again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_dies_while_twins_are_told_apart(bench: Any, chunk: int) -> None:
    for at in range(1 + chunk, MOST_STEPS, CHUNKS):
        made = alive(bench, f"at{at}", "reissued: hold", records=0)
        made.claims.add("1", says="lunch")
        made.claims.add("2", says="lunch")
        if not made.crash(at):
            break
        made.settled()
        assert len(made.erp.bills) == 1
        assert sorted(str(row.state) for row in made.rows().values()) == ["done", "failed"]
    else:
        pytest.fail("the run has more steps than are tried")


def test_two_processes_tell_twins_apart(bench: Any) -> None:
    made = alive(bench, "two", "reissued: hold", records=0)
    made.claims.add("1", says="lunch")
    made.claims.add("2", says="lunch")

    async def both(process: Any) -> None:
        twin = process.twin()
        await asyncio.gather(process.run(), twin.run())

    made.play(both)
    made.settled()
    assert len(made.erp.bills) == 1
