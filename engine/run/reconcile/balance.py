"""Both sides added up by day, organisation and process: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from engine.run.reconcile.model import Bill, Claim, Difference

__all__ = ["Line", "Side", "add_up", "proof", "total"]


@dataclass(frozen=True, slots=True)
class Side:
    """How many, and what they are worth; `unpriced` are those among them whose amount nobody can tell."""

    count: int = 0
    amount: Decimal = Decimal(0)
    unpriced: int = 0

    def plus(self, amount: Decimal | None) -> Side:
        return Side(self.count + 1, self.amount + (amount or 0), self.unpriced + (amount is None))

    def and_(self, other: Side) -> Side:
        return Side(self.count + other.count, self.amount + other.amount, self.unpriced + other.unpriced)


@dataclass(frozen=True, slots=True)
class Line:
    """One day of one organisation under one process: the claims that were agreed, and the bills."""

    day: date | None
    organisation: str
    process: str
    claims: Side = Side()
    bills: Side = Side()

    @property
    def agrees(self) -> bool:
        """Count and amount are the same on both sides."""
        return self.claims == self.bills


def add_up(claims: Iterable[Claim], bills: Iterable[Bill], process: str) -> list[Line]:
    """The lines, by day, then organisation. A claim counts on the day of its document, a bill on its own."""
    lines: dict[tuple[str, str], Line] = {}

    def line(day: date | None, organisation: str) -> tuple[tuple[str, str], Line]:
        place = (day.isoformat() if day else "", organisation)
        return place, lines.get(place, Line(day, organisation, process))

    for claim in claims:
        if claim.counts:
            place, known = line(claim.day, claim.organisation)
            lines[place] = replace(known, claims=known.claims.plus(claim.amount))
    for bill in bills:
        if not bill.cancelled:
            place, known = line(bill.day, bill.organisation)
            lines[place] = replace(known, bills=known.bills.plus(bill.amount))
    return [lines[place] for place in sorted(lines)]


def total(lines: Iterable[Line]) -> tuple[Side, Side]:
    """All claims and all bills together."""
    claims, bills = Side(), Side()
    for line in lines:
        claims, bills = claims.and_(line.claims), bills.and_(line.bills)
    return claims, bills


def proof(lines: Iterable[Line], differences: Iterable[Difference]) -> Decimal:
    """What is left of the totals' difference when every difference is taken off it: 0, or this is wrong."""
    claims, bills = total(lines)
    explained = sum((each.claim_amount - each.bill_amount for each in differences), Decimal(0))
    return claims.amount - bills.amount - explained
