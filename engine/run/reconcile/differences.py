"""Both sides compared, claim by claim: pure, so that every case can be written down as a table.

A claim goes through the questions below in order; the first that has something to say decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.language import tr
from engine.ledger.rows import State
from engine.run.reconcile.marks import fingerprint
from engine.run.reconcile.mending import Mending
from engine.run.reconcile.model import Bill, Cause, Claim, Difference, Mark, Standing, Weight
from engine.run.reconcile.texts import listed, unlike, worth
from engine.run.words import stage_word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from engine.run.reconcile.model import Told

__all__ = ["Case", "compare", "stray"]


@dataclass(frozen=True, slots=True)
class Case:
    """One claim with what bears its key, and the claims that were made to revoke or change it.

    `stages` are the target's up to the one that a bill is to reach.
    """

    claim: Claim
    bills: tuple[Bill, ...]
    amendments: tuple[Claim, ...]
    stages: tuple[str, ...]
    mending: Mending
    asked: datetime

    @property
    def live(self) -> tuple[Bill, ...]:
        """The bills that count."""
        return tuple(bill for bill in self.bills if not bill.cancelled)

    @property
    def told(self) -> Told | None:
        return self.claim.told

    @property
    def delivered(self) -> bool:
        return self.claim.told is not None and self.claim.told.delivered

    def behind(self, bill: Bill) -> bool:
        """Whether a bill has not come as far as the scheme takes it."""
        return bill.stage not in self.stages or bill.stage != self.stages[-1]

    def says(
        self,
        cause: Cause,
        text: str,
        mend: tuple[str, ...] = (),
        *,
        weight: Weight = Weight.OPEN,
        mark: Mark | None = None,
    ) -> Difference:
        """The difference that this case comes to."""
        return Difference(cause, weight, self.claim.number, text, self.claim, self.bills, mend, mark=mark)


def compare(case: Case) -> Difference | None:
    """The difference of one claim, or None where both sides agree."""
    for question in _QUESTIONS:
        found = question(case)
        if found is _AGREED:
            return None
        if found is not None:
            return _finished(found)
    return None


def stray(bill: Bill, mending: Mending, elsewhen: datetime | None, known_shape: bool) -> Difference:
    """A bill under a key of ours that no claim explains; `elsewhen` is when its claim was made, where its
    number tells, and that lies outside the period."""
    if elsewhen is not None:
        text = tr(
            "its claim was made on {day}, outside this period, and the ledger does not know it",
            day=f"{elsewhen:%Y-%m-%d}",
        )
        mend = mending.elsewhen(elsewhen)
        return _finished(Difference(Cause.ELSEWHEN, Weight.OPEN, bill.number, text, None, (bill,), mend))
    text = (
        tr(
            "no claim of this period has this number: it was deleted, is of another process, or the bill was "
            "made by hand"
        )
        if known_shape
        else tr("no claim explains it: the bill was made by hand")
    )
    mend = mending.made_by_hand(bill)
    return _finished(Difference(Cause.BY_HAND, Weight.OPEN, bill.number, text, None, (bill,), mend))


def _finished(found: Difference) -> Difference:
    command = next((part for line in found.mend for part in line.split("`")[1::2]), "")
    return replace(found, command=command, fingerprint=fingerprint(found))


_AGREED = Difference(Cause.NOT_AGREED, Weight.EXPLAINED, "", "")
"""Says that there is nothing to say, and nothing more to ask."""


# --- the questions ------------------------------------------------------------------------------------


def _two(case: Case) -> Difference | None:
    if len(case.live) < 2:
        return None
    text = tr("{count} bills for one claim: {bills}", count=len(case.live), bills=listed(case.live))
    return case.says(Cause.TWO, text, case.mending.two(case.claim, case.live))


def _amended(case: Case) -> Difference | None:
    """Others were made to revoke or change this claim, and were agreed."""
    if not case.amendments or not case.claim.counts:
        return None
    last = case.amendments[-1]
    revoked = any(each.amends is not None and each.amends.revokes for each in case.amendments)
    number = last.number
    open_ = [each for each in case.amendments if each.told is None or not each.told.by_hand]
    if case.live:
        cause = Cause.REVOKED if revoked else Cause.MODIFIED
        said = (
            tr("revoked by '{number}' after its bill was made", number=number)
            if revoked
            else tr("changed by '{number}' after its bill was made", number=number)
        )
        if not open_ and last.told is not None:
            mark = Mark(last.told.reason, "", case.asked)
            return case.says(cause, said, weight=Weight.HANDLED, mark=mark)
        return case.says(cause, said, case.mending.amended(case.claim, open_, revoked=revoked))
    if revoked and case.delivered:
        text = tr("revoked by '{number}', and its bill is gone", number=number)
        return case.says(Cause.UNDONE, text, weight=Weight.EXPLAINED)
    if case.delivered or (case.told is not None and case.told.by_hand):
        return None
    said = (
        tr("revoked by '{number}' before it was paid", number=number)
        if revoked
        else tr("changed by '{number}' before it was paid", number=number)
    )
    return case.says(Cause.AMENDED, said, case.mending.amended_unpaid(case.claim, open_))


def _amends(case: Case) -> Difference | None:
    """A claim that revokes or changes another is told of there, unless somebody made a bill for it."""
    if case.claim.standing is not Standing.AMENDS:
        return None
    if not case.live:
        return _AGREED
    text = tr("a bill for a claim that only changes another: {bills}", bills=listed(case.live))
    return case.says(Cause.PAID_LEFT_OUT, text, case.mending.unwanted(case.claim))


def _waiting(case: Case) -> Difference | None:
    if case.claim.standing is not Standing.WAITING:
        return None
    if not case.live:
        return case.says(Cause.NOT_AGREED, tr("still under approval"), weight=Weight.EXPLAINED)
    text = tr("still under approval, and there is a bill: {bills}", bills=listed(case.live))
    return case.says(Cause.EARLY, text, case.mending.unwanted(case.claim))


def _left_out(case: Case) -> Difference | None:
    claim = case.claim
    if claim.standing is not Standing.LEFT_OUT:
        return None
    if not case.live or claim.early:
        return case.says(Cause.LEFT_OUT, claim.reason, weight=Weight.EXPLAINED)
    text = tr("{reason}, and there is a bill: {bills}", reason=claim.reason, bills=listed(case.live))
    return case.says(Cause.PAID_LEFT_OUT, text, case.mending.unwanted(claim))


def _set_aside(case: Case) -> Difference | None:
    told = case.told
    if told is None or not told.by_hand:
        return None
    return case.says(
        Cause.SET_ASIDE,
        tr("set aside: {reason}", reason=told.reason),
        weight=Weight.HANDLED,
        mark=Mark(told.reason, "", case.asked),
    )


def _absent(case: Case) -> Difference | None:
    """Agreed, and the target has nothing that counts."""
    if case.live:
        return None
    if case.bills:
        text = tr("the bill is there, and cancelled: {bills}", bills=listed(case.bills))
        return case.says(Cause.CANCELLED, text, case.mending.cancelled(case.claim))
    told, mending, claim = case.told, case.mending, case.claim
    if told is None:
        if claim.reason:
            return case.says(Cause.FAILED, claim.reason, mending.run())
        return case.says(Cause.NOT_READ, tr("agreed, and no run has read it yet"), mending.run_since())
    if told.delivered:
        number = told.target_number or claim.key or ""
        text = tr("it was delivered as '{number}', and the target no longer has it", number=number)
        return case.says(Cause.DELETED, text, mending.deleted(claim))
    match told.state:
        case State.FAILED:
            return case.says(Cause.FAILED, told.reason or claim.reason, told.steps)
        case State.UNKNOWN if told.failure == "conflict":
            return case.says(Cause.CONFLICT, told.reason, told.steps)
        case State.UNKNOWN:
            return case.says(Cause.UNKNOWN, told.reason, told.steps)
        case State.SKIPPED:
            text = tr("it was left out before, and the scheme would send it today")
            return case.says(Cause.LEFT_OUT, text, mending.skipped_before(claim))
    if claim.standing is Standing.FAILED:
        return case.says(Cause.FAILED, claim.reason, mending.run())
    return case.says(Cause.NOT_SENT, tr("agreed, and not sent yet"), mending.run())


def _failed_here(case: Case) -> Difference | None:
    """The scheme cannot make this document, and the target has one."""
    if case.claim.standing is not Standing.FAILED:
        return None
    bill, told = case.live[0], case.told
    if told is not None and told.delivered:
        theirs = unlike(told.facts, bill)
        return _compared(case, theirs, was=told.facts) if theirs else _staged(case) or _AGREED
    if told is not None and told.adopted_facts == taken(bill):
        return _adopted(case, told)
    text = tr(
        "the claim failed here ({reason}), and there is a bill: {bills}",
        reason=(told.reason if told else "") or case.claim.reason,
        bills=listed([bill]),
    )
    return case.says(Cause.BY_HAND, text, case.mending.adopt(case.claim))


def _unlike(case: Case) -> Difference | None:
    """One bill that is not as the claim would have it."""
    bill, told = case.live[0], case.told
    number_kept = bill.key == "" or case.claim.key is None or same(bill.key, case.claim.key)
    different = unlike(case.claim.facts, bill)
    if number_kept and not different:
        return None
    if told is not None and told.adopted_facts is not None and told.adopted_facts == taken(bill):
        return _adopted(case, told)
    if told is not None and told.failure == "conflict":
        text = told.reason or unlike_text(different, bill)
        return case.says(Cause.CONFLICT, text, case.mending.conflict(case.claim))
    if not number_kept:
        text = tr("its number was changed to '{number}'", number=bill.number)
        return case.says(Cause.CHANGED, text, case.mending.changed(case.claim, bill))
    return _compared(case, different, was=told.facts if told is not None and told.delivered else None)


def _compared(case: Case, different: dict[str, tuple[str, str]], was: object) -> Difference:
    bill, claim = case.live[0], case.claim
    facts = case.told.facts if case.told is not None and was is not None else {}
    text = unlike_text(different, bill)
    if facts and not unlike(facts, bill):
        text = tr("the bill is as it was sent, and the scheme makes it otherwise today: {text}", text=text)
        return case.says(Cause.SCHEME, text, case.mending.as_it_is(claim))
    if facts:
        text = tr("{text}; it was changed after it was delivered", text=text)
    if "amount" in different:
        return case.says(Cause.AMOUNT, text, case.mending.differs(claim, bill, delivered=case.delivered))
    cause = Cause.CHANGED if facts else Cause.CONFLICT
    return case.says(cause, text, case.mending.differs(claim, bill, delivered=case.delivered))


def _adopted(case: Case, told: Told) -> Difference:
    bill = case.live[0]
    different = unlike(case.claim.facts, bill)
    text = unlike_text(different, bill) if different else listed([bill])
    return case.says(
        Cause.AMOUNT if "amount" in different else Cause.CHANGED,
        tr("taken over by hand though it differs: {text}", text=text),
        weight=Weight.HANDLED,
        mark=Mark(told.adopted_reason, "", case.asked),
    )


def _staged(case: Case) -> Difference | None:
    """One equal bill that has not come far enough."""
    bill, told = case.live[0], case.told
    if not case.behind(bill):
        return None
    stands = stage_word(bill.stage) if bill.stage else tr("a draft")
    if told is not None and told.delivered:
        if told.adopted_facts == taken(bill):
            return _adopted(case, told)
        if told.stage == case.stages[-1]:
            text = tr(
                "it was {stage}, and that was taken back: {stands}",
                stage=stage_word(told.stage),
                stands=stands,
            )
            return case.says(Cause.CHANGED, text, case.mending.taken_back(case.claim))
    if told is not None and told.state is State.FAILED:
        return case.says(Cause.FAILED, told.reason, told.steps)
    text = tr("the bill is {stands}, and is to be {stage}", stands=stands, stage=stage_word(case.stages[-1]))
    return case.says(Cause.NOT_AUDITED, text, case.mending.run() if told else case.mending.run_since())


def _unknown_here(case: Case) -> Difference | None:
    """One equal bill of which the ledger does not say that we delivered it."""
    told = case.told
    if told is not None and told.delivered:
        return None
    text = tr("the bill is there and agrees, and the ledger does not know it")
    if told is not None and told.state in (State.FAILED, State.UNKNOWN):
        return case.says(Cause.NOT_IN_LEDGER, text, case.mending.retry(case.claim))
    if told is not None and told.state is State.SKIPPED:
        return case.says(Cause.NOT_IN_LEDGER, text, case.mending.adopt(case.claim))
    return case.says(Cause.NOT_IN_LEDGER, text, case.mending.run() if told else case.mending.run_since())


_QUESTIONS: tuple[Callable[[Case], Difference | None], ...] = (
    _two,
    _amended,
    _amends,
    _waiting,
    _left_out,
    _set_aside,
    _absent,
    _failed_here,
    _unlike,
    _staged,
    _unknown_here,
)


def taken(bill: Bill) -> dict[str, str]:
    """A bill's facts as the ledger keeps them when a human takes it over."""
    return {"number": bill.number, "stage": bill.stage} | {
        name: worth(value) for name, value in bill.facts.items()
    }


def same(left: str, right: str) -> bool:
    """Whether two keys are one to a database."""
    return left.strip().casefold() == right.strip().casefold()


def unlike_text(different: dict[str, tuple[str, str]], bill: Bill) -> str:
    """What differs, in words."""
    parts = [
        tr("{name} '{theirs}' instead of '{ours}'", name=tr(name), theirs=theirs, ours=ours)
        for name, (ours, theirs) in different.items()
    ]
    return f"{bill.number}: {'; '.join(parts)}" if parts else bill.number


def sequence(claims: Sequence[Claim]) -> dict[str, tuple[Claim, ...]]:
    """The agreed amendments of each claim, by the claim's id, in the order of their numbers."""
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        if claim.amends is not None and claim.standing in (Standing.AMENDS, Standing.DUE, Standing.FAILED):
            found.setdefault(claim.amends.of, []).append(claim)
    return {of: tuple(sorted(some, key=lambda each: each.number)) for of, some in found.items()}
