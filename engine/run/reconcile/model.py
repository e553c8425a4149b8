"""What a reconciliation compares: of each claim and bill only that, never the whole record."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from engine.connector.api import Amendment
    from engine.ledger.rows import State

__all__ = ["Bill", "Cause", "Claim", "Difference", "Mark", "Standing", "Told", "Weight"]


class Standing(StrEnum):
    """Where a claim stands by the scheme's own conditions, whatever the ledger says."""

    DUE = "due"
    FAILED = "failed"
    WAITING = "waiting"
    LEFT_OUT = "left out"
    AMENDS = "amends"


class Cause(StrEnum):
    """Why the two sides differ; the words stand in JSON outputs."""

    NOT_AGREED = "not yet agreed"
    LEFT_OUT = "left out by a condition"
    SET_ASIDE = "set aside by hand"
    UNDONE = "revoked, and its bill is gone"
    NOT_READ = "not read by any run"
    NOT_SENT = "not sent yet"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    DELETED = "bill deleted"
    CANCELLED = "bill cancelled"
    BY_HAND = "bill made by hand"
    AMOUNT = "amount differs"
    CHANGED = "bill changed by hand"
    SCHEME = "scheme changed since"
    NOT_AUDITED = "bill not audited yet"
    TWO = "two bills for one claim"
    REVOKED = "claim revoked after payment"
    MODIFIED = "claim changed after payment"
    AMENDED = "claim revoked or changed, not paid"
    EARLY = "bill before the claim was agreed"
    PAID_LEFT_OUT = "bill for a claim that is left out"
    NOT_IN_LEDGER = "bill not in the ledger"
    ELSEWHEN = "claim outside the period"


class Weight(StrEnum):
    """Whether a difference asks for something: only open ones do."""

    OPEN = "open"
    EXPLAINED = "explained"
    HANDLED = "handled"


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger says of a claim under the scheme; `steps` are what `engine why` would advise.

    `facts` are those of the document that was sent; `adopted_facts` those of the bill that a human took
    instead (`engine records adopt`), with the reason he gave.
    """

    delivery_id: int
    state: State
    failure: str | None
    reason: str
    by_hand: bool
    stage: str
    target_id: str | None
    target_number: str | None
    facts: Mapping[str, str | Decimal]
    amount: Decimal | None
    scheme_hash: str | None = None
    adopted_facts: Mapping[str, str] | None = None
    adopted_reason: str = ""
    steps: tuple[str, ...] = ()

    @property
    def delivered(self) -> bool:
        """The bill reached its last stage once."""
        return self.state in ("delivered", "done")


@dataclass(frozen=True, slots=True)
class Claim:
    """One record of the source. `inside` is False for one that was made before or after the period.

    `reason` is why it is left out, failed, or would be held; `early` is True for one that was finished before
    the scheme's `go_live`; `day` and `organisation` are its document's, as far as the scheme tells them;
    `facts` what is compared.
    """

    id: str
    number: str
    record_id: int
    standing: Standing
    reason: str = ""
    key: str | None = None
    day: date | None = None
    organisation: str = ""
    facts: Mapping[str, str | Decimal] = field(default_factory=dict)
    amends: Amendment | None = None
    amended_by: tuple[str, ...] = ()
    inside: bool = True
    early: bool = False
    told: Told | None = None

    @property
    def amount(self) -> Decimal | None:
        found = self.facts.get("amount")
        return found if isinstance(found, Decimal) else None

    @property
    def counts(self) -> bool:
        """Whether it was agreed, so that a bill is to be there."""
        return self.standing in (Standing.DUE, Standing.FAILED)


@dataclass(frozen=True, slots=True)
class Bill:
    """One document of the target. One that is cancelled is kept, and counts for nothing."""

    id: str
    number: str
    key: str
    stage: str
    facts: Mapping[str, str | Decimal]
    day: date | None = None
    cancelled: bool = False
    changed: datetime | None = None

    @property
    def amount(self) -> Decimal | None:
        found = self.facts.get("amount")
        return found if isinstance(found, Decimal) else None

    @property
    def organisation(self) -> str:
        return str(self.facts.get("organisation", ""))


@dataclass(frozen=True, slots=True)
class Mark:
    """That a human has dealt with a difference."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two sides do not agree on, or that explains why they need not.

    `text` says what is the matter, `mend` what to do, `command` the first command among that; the amounts are
    what the claim and its bills add to their sides. `fingerprint` names this very difference: it changes when
    either side does.
    """

    cause: Cause
    weight: Weight
    name: str
    text: str
    claim: Claim | None = None
    bills: tuple[Bill, ...] = ()
    mend: tuple[str, ...] = ()
    command: str = ""
    fingerprint: str = ""
    mark: Mark | None = None

    @property
    def claim_amount(self) -> Decimal:
        """What the claim adds to the source's side."""
        if self.claim is None or not self.claim.counts:
            return Decimal(0)
        return self.claim.amount or Decimal(0)

    @property
    def bill_amount(self) -> Decimal:
        """What the bills add to the target's side."""
        return sum((bill.amount or Decimal(0) for bill in self.bills if not bill.cancelled), Decimal(0))

    @property
    def day(self) -> date | None:
        if self.claim is not None and self.claim.day is not None:
            return self.claim.day
        return self.bills[0].day if self.bills else None

    @property
    def organisation(self) -> str:
        of_claim = self.claim.organisation if self.claim else ""
        return of_claim or (self.bills[0].organisation if self.bills else "")
