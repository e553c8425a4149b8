"""The comparison itself, as a table: a claim, its bills, what the ledger says → the cause; and the sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connector.api import Amendment
from engine.ledger.rows import State
from engine.run.reconcile.balance import Side, add_up, proof, total
from engine.run.reconcile.differences import Case, compare, sequence, stray, taken
from engine.run.reconcile.mending import Mending
from engine.run.reconcile.model import Bill, Cause, Claim, Difference, Standing, Told, Weight
from engine.run.reconcile.texts import money, unlike

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
MENDING = Mending("pay", NOW, lambda *words: " ".join(("engine", *words)))
FACTS = {"organisation": "100", "payee": "E0031", "amount": Decimal("88.00"), "date": "2026-11-20"}
CLAIM = Claim(
    "A1", "202611200900", 1, Standing.DUE, key="DD1", day=date(2026, 11, 20), organisation="100", facts=FACTS
)
BILL = Bill("100001", "DD1", "DD1", "audit", FACTS, day=date(2026, 11, 20))
DONE = Told(1, State.DONE, None, "", False, "audit", "100001", "DD1", FACTS, Decimal("88.00"))
STAGES = ("save", "submit", "audit")


def told(state: State, **changes: Any) -> Told:
    blank = replace(DONE, state=state, reason="so", stage="", target_id=None, target_number=None)
    return replace(blank, **changes)


def case(
    claim: Claim = CLAIM, bills: tuple[Bill, ...] = (BILL,), amendments: tuple[Claim, ...] = (), **ledger: Any
) -> Case:
    return Case(replace(claim, told=ledger.get("told", DONE)), bills, amendments, STAGES, MENDING, NOW)


def changed(**facts: Any) -> Bill:
    return replace(BILL, facts={**FACTS, **facts})


WAITING = replace(CLAIM, standing=Standing.WAITING, facts={})
REFUSED = replace(CLAIM, standing=Standing.LEFT_OUT, reason="left out", facts={})
BROKEN = replace(CLAIM, standing=Standing.FAILED, reason="no amount", facts={})
REVOCATION = replace(
    CLAIM, id="A2", number="2", standing=Standing.AMENDS, amends=Amendment("A1", revokes=True)
)
CHANGE = replace(REVOCATION, amends=Amendment("A1", revokes=False))
SKIPPED = told(State.SKIPPED, by_hand=True, reason="paid in cash")
DUE_AGAIN = told(State.SKIPPED, reason="left out by `where`")
CONFLICT = told(State.UNKNOWN, failure="conflict", reason="it differs")

TABLE: list[tuple[str, Case, Cause | None, Weight]] = [
    ("equal and delivered", case(), None, Weight.OPEN),
    ("no bill, never read", case(bills=(), told=None), Cause.NOT_READ, Weight.OPEN),
    ("no bill, waiting in the ledger", case(bills=(), told=told(State.WAITING)), Cause.NOT_SENT, Weight.OPEN),
    ("no bill, ready", case(bills=(), told=told(State.READY)), Cause.NOT_SENT, Weight.OPEN),
    ("no bill, on its way", case(bills=(), told=told(State.SENDING)), Cause.NOT_SENT, Weight.OPEN),
    ("no bill, failed", case(bills=(), told=told(State.FAILED)), Cause.FAILED, Weight.OPEN),
    ("no bill, unclear", case(bills=(), told=told(State.UNKNOWN)), Cause.UNKNOWN, Weight.OPEN),
    ("no bill, conflict", case(bills=(), told=CONFLICT), Cause.CONFLICT, Weight.OPEN),
    ("no bill, delivered", case(bills=()), Cause.DELETED, Weight.OPEN),
    ("no bill, left out before", case(bills=(), told=DUE_AGAIN), Cause.LEFT_OUT, Weight.OPEN),
    ("no bill, set aside", case(bills=(), told=SKIPPED), Cause.SET_ASIDE, Weight.HANDLED),
    ("cancelled bill", case(bills=(replace(BILL, cancelled=True),)), Cause.CANCELLED, Weight.OPEN),
    ("cancelled beside a good one", case(bills=(replace(BILL, cancelled=True), BILL)), None, Weight.OPEN),
    ("broken here, no bill", case(BROKEN, (), told=told(State.FAILED)), Cause.FAILED, Weight.OPEN),
    ("broken here, unread", case(BROKEN, (), told=None), Cause.FAILED, Weight.OPEN),
    ("broken here, a bill", case(BROKEN, told=told(State.FAILED)), Cause.BY_HAND, Weight.OPEN),
    ("broken now, delivered once", case(BROKEN), None, Weight.OPEN),
    ("amount", case(bills=(changed(amount=Decimal("80.00")),)), Cause.AMOUNT, Weight.OPEN),
    ("amount, more digits", case(bills=(changed(amount=Decimal("88.000")),)), None, Weight.OPEN),
    ("payee", case(bills=(changed(payee="E0099"),)), Cause.CHANGED, Weight.OPEN),
    ("organisation", case(bills=(changed(organisation="200"),)), Cause.CHANGED, Weight.OPEN),
    ("date", case(bills=(changed(date="2026-10-31"),)), Cause.CHANGED, Weight.OPEN),
    ("number", case(bills=(replace(BILL, number="FKD7", key="FKD7"),)), Cause.CHANGED, Weight.OPEN),
    ("key in another case", case(bills=(replace(BILL, key="dd1 "),)), None, Weight.OPEN),
    ("an amount that is not told", case(bills=(replace(BILL, facts={}),)), Cause.AMOUNT, Weight.OPEN),
    ("a payee that is not told", case(bills=(changed(payee=""),)), Cause.CHANGED, Weight.OPEN),
    (
        "a fact that the target does not have",
        case(bills=(replace(BILL, facts={"amount": Decimal(88)}),)),
        None,
        Weight.OPEN,
    ),
    ("not ours, differs", case(bills=(changed(payee="E0099"),), told=None), Cause.CONFLICT, Weight.OPEN),
    (
        "conflict in the ledger",
        case(bills=(changed(amount=Decimal(1)),), told=CONFLICT),
        Cause.CONFLICT,
        Weight.OPEN,
    ),
    (
        "scheme changed since",
        case(replace(CLAIM, facts={**FACTS, "amount": Decimal("90.00")})),
        Cause.SCHEME,
        Weight.OPEN,
    ),
    ("audit taken back", case(bills=(replace(BILL, stage="save"),)), Cause.CHANGED, Weight.OPEN),
    (
        "saved, on its way",
        case(bills=(replace(BILL, stage="save"),), told=told(State.SENDING, stage="save")),
        Cause.NOT_AUDITED,
        Weight.OPEN,
    ),
    (
        "saved, audit refused",
        case(bills=(replace(BILL, stage="submit"),), told=told(State.FAILED, stage="submit")),
        Cause.FAILED,
        Weight.OPEN,
    ),
    ("draft", case(bills=(replace(BILL, stage=""),), told=None), Cause.NOT_AUDITED, Weight.OPEN),
    ("equal, unknown to the ledger", case(told=None), Cause.NOT_IN_LEDGER, Weight.OPEN),
    ("equal, waiting in the ledger", case(told=told(State.WAITING)), Cause.NOT_IN_LEDGER, Weight.OPEN),
    ("equal, failed in the ledger", case(told=told(State.FAILED)), Cause.NOT_IN_LEDGER, Weight.OPEN),
    ("two bills", case(bills=(BILL, replace(BILL, id="2"))), Cause.TWO, Weight.OPEN),
    ("two bills, set aside", case(bills=(BILL, replace(BILL, id="2")), told=SKIPPED), Cause.TWO, Weight.OPEN),
    ("waiting", case(WAITING, (), told=None), Cause.NOT_AGREED, Weight.EXPLAINED),
    ("waiting, with a bill", case(WAITING, told=None), Cause.EARLY, Weight.OPEN),
    ("refused", case(REFUSED, (), told=None), Cause.LEFT_OUT, Weight.EXPLAINED),
    ("refused, with a bill", case(REFUSED, told=None), Cause.PAID_LEFT_OUT, Weight.OPEN),
    ("before go_live, with a bill", case(replace(REFUSED, early=True)), Cause.LEFT_OUT, Weight.EXPLAINED),
    ("revoked, with its bill", case(amendments=(REVOCATION,)), Cause.REVOKED, Weight.OPEN),
    ("changed, with its bill", case(amendments=(CHANGE,)), Cause.MODIFIED, Weight.OPEN),
    ("revoked and undone", case(bills=(), amendments=(REVOCATION,)), Cause.UNDONE, Weight.EXPLAINED),
    ("changed, and its bill gone", case(bills=(), amendments=(CHANGE,)), Cause.DELETED, Weight.OPEN),
    ("revoked, unpaid", case(bills=(), amendments=(REVOCATION,), told=None), Cause.AMENDED, Weight.OPEN),
    (
        "revoked, set aside",
        case(bills=(), amendments=(REVOCATION,), told=SKIPPED),
        Cause.SET_ASIDE,
        Weight.HANDLED,
    ),
    (
        "revoked, its revocation settled by hand",
        case(amendments=(replace(REVOCATION, told=SKIPPED),)),
        Cause.REVOKED,
        Weight.HANDLED,
    ),
    ("a revocation by itself", case(REVOCATION, (), told=told(State.FAILED)), None, Weight.OPEN),
    ("a revocation with a bill", case(REVOCATION, told=None), Cause.PAID_LEFT_OUT, Weight.OPEN),
    (
        "taken over by hand",
        case(
            bills=(changed(amount=Decimal("80.00")),),
            told=replace(
                DONE, adopted_facts=taken(changed(amount=Decimal("80.00"))), adopted_reason="agreed"
            ),
        ),
        Cause.AMOUNT,
        Weight.HANDLED,
    ),
    (
        "taken over by hand, and changed since",
        case(
            bills=(changed(amount=Decimal("70.00")),),
            told=replace(DONE, adopted_facts=taken(changed(amount=Decimal("80.00")))),
        ),
        Cause.AMOUNT,
        Weight.OPEN,
    ),
]


@pytest.mark.parametrize(
    ("one", "cause", "weight"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(one: Case, cause: Cause | None, weight: Weight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")
    found = compare(one)
    if cause is None:
        assert found is None
        return
    assert found is not None
    assert (found.cause, found.weight) == (cause, weight)
    assert found.text
    assert found.fingerprint
    if weight is Weight.OPEN and one.told is None:
        assert found.mend, "what is open says what to do"
    assert found.command in ("", *[part for line in found.mend for part in line.split("`")[1::2]])


def test_a_fingerprint_changes_with_either_side() -> None:
    base = compare(case(bills=(changed(amount=Decimal("80.00")),)))
    same = compare(case(bills=(changed(amount=Decimal("80.0")),)))
    later = compare(case(bills=(changed(amount=Decimal("81.00")),)))
    moved = compare(case(bills=(replace(changed(amount=Decimal("80.00")), stage="save"),)))
    assert base
    assert same
    assert later
    assert moved
    assert len({base.fingerprint, later.fingerprint, moved.fingerprint}) == 3
    assert base.fingerprint == same.fingerprint


def test_amendments_are_known_by_the_claim_they_change() -> None:
    refused = replace(REVOCATION, id="A3", standing=Standing.LEFT_OUT)
    assert sequence([CLAIM, REVOCATION, refused]) == {"A1": (REVOCATION,)}


def test_strays_tell_what_their_number_tells() -> None:
    assert stray(BILL, MENDING, None, known_shape=False).cause is Cause.BY_HAND
    outside = stray(BILL, MENDING, NOW, known_shape=True)
    assert (outside.cause, outside.command) == (Cause.ELSEWHEN, "engine reconcile pay --since 2026-11-24")


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        ({"amount": Decimal("1.10")}, {"amount": Decimal("1.1")}, []),
        ({"amount": Decimal("1.10")}, {}, ["amount"]),
        ({"payee": "E1"}, {}, []),
        ({}, {"amount": Decimal("1.10")}, []),
        ({"payee": "E1 "}, {"payee": "E1"}, []),
        ({"payee": "E1", "amount": Decimal(1)}, {"payee": "E2", "amount": Decimal(2)}, ["payee", "amount"]),
    ],
)
def test_unlike(ours: dict[str, Any], theirs: dict[str, Any], names: list[str]) -> None:
    assert list(unlike(ours, replace(BILL, facts=theirs))) == names


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("1.5", "1.50"),
        ("1234.567", "1,234.567"),
        ("1E+3", "1,000.00"),
        ("123456789012345678901234567890.12", "123,456,789,012,345,678,901,234,567,890.12"),
    ],
)
def test_money_is_shown_digit_for_digit(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


# --- sums ---------------------------------------------------------------------------------------------

amounts = st.decimals(min_value=0, max_value=10**9, places=2)
days = st.dates(date(2026, 10, 1), date(2026, 11, 30))
standings = st.sampled_from(list(Standing))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Claim, tuple[Bill, ...]]:
    standing, day = draw(standings), draw(days)
    amount = draw(amounts)
    facts = {"amount": amount} if standing is Standing.DUE else {}
    claim = replace(
        CLAIM,
        id=draw(st.uuids()).hex,
        standing=standing,
        day=day,
        facts=facts,
        told=draw(st.sampled_from([None, DONE, SKIPPED, CONFLICT, told(State.FAILED)])),
    )
    of_bill = {"amount": draw(st.one_of(st.just(amount), amounts))}
    bills = tuple(
        replace(BILL, id=draw(st.uuids()).hex, facts=of_bill, day=draw(days), cancelled=draw(st.booleans()))
        for _ in range(draw(st.integers(0, 2)))
    )
    return claim, bills


@given(st.lists(pairs(), max_size=30))
def test_the_differences_explain_the_totals_to_the_cent(found: list[tuple[Claim, tuple[Bill, ...]]]) -> None:
    claims = [claim for claim, _ in found]
    bills = [bill for _, some in found for bill in some]
    differences: list[Difference] = []
    for claim, some in found:
        one = compare(Case(claim, some, (), STAGES, MENDING, NOW))
        if one is not None:
            differences.append(one)
    lines = add_up(claims, bills, "P")
    assert proof(lines, differences) == 0
    of_claims, of_bills = total(lines)
    assert of_claims.count == sum(claim.counts for claim in claims)
    assert of_bills.count == sum(not bill.cancelled for bill in bills)


def test_lines_are_by_day_and_organisation() -> None:
    other = replace(CLAIM, organisation="200")
    unpriced = replace(BROKEN, day=None, organisation="")
    lines = add_up([CLAIM, CLAIM, other, unpriced], [BILL], "PROC")
    assert [(line.day, line.organisation, line.claims, line.bills) for line in lines] == [
        (None, "", Side(1, Decimal(0), 1), Side()),
        (date(2026, 11, 20), "100", Side(2, Decimal("176.00")), Side(1, Decimal("88.00"))),
        (date(2026, 11, 20), "200", Side(1, Decimal("88.00")), Side()),
    ]
    assert [line.agrees for line in lines] == [False, False, False]
