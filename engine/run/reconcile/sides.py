"""Both sides of one scheme as they are read, with what the ledger says, and matched by key."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from engine.ledger import deliveries, records
from engine.ledger.rows import State
from engine.run.reconcile.balance import Side
from engine.run.reconcile.bills import same_key
from engine.run.reconcile.claims import Claims
from engine.run.reconcile.differences import Case, compare, sequence, stray
from engine.run.reconcile.outline import key_prefix
from engine.run.reconcile.told import with_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work
    from engine.run.reconcile.bills import Bills
    from engine.run.reconcile.mending import Mending
    from engine.run.reconcile.model import Bill, Claim, Difference

__all__ = ["Sides"]

_PAGE = 200
_OPEN = (State.READY, State.SENDING, State.FAILED, State.UNKNOWN)


class Sides:
    """Reads both sides of one lane over a period.

    `claims` and `ours` are what is compared, `others` bills of the form that are none of our business,
    `differing` the ids of the claims that differ.
    """

    def __init__(
        self,
        lane: Lane,
        work: Work,
        bills: Bills,
        mending: Mending,
        since: datetime,
        until: datetime,
        now: datetime,
    ) -> None:
        self.claims: list[Claim] = []
        self.ours: list[Bill] = []
        self.others = Side()
        self.differing: set[str] = set()
        self._lane = lane
        self._work = work
        self._source = Claims(lane, work)
        self._target = bills
        self._mending = mending
        self._since, self._until, self._now = since, until, now
        self._of: dict[str, list[Bill]] = {}
        self._strays: list[Bill] = []
        self._prefix = key_prefix(lane)

    async def read(self) -> None:
        """Read the source, then the ledger, then the target: a bill that is delivered meanwhile is then seen
        as one too early in the ledger, never as one that is gone."""
        claims = [claim async for claim in self._source.listed(self._since, self._until)]
        claims += await self._left_open({claim.id for claim in claims})
        claims = await self._with_amendments(claims)
        self.claims = await self._told(claims)
        listed = [bill async for bill in self._target.listed(self._since, self._until)]
        await self._match(listed)

    # --- the source's side ----------------------------------------------------------------------------

    async def _left_open(self, known: set[str]) -> list[Claim]:
        """Claims of another time that the ledger still has open: they are nobody's otherwise."""
        lane, after = self._lane, 0
        made: list[Claim] = []
        while True:
            page = await self._work.ledger.do(
                lambda tx, after=after: deliveries.in_states(  # type: ignore[misc]
                    tx,
                    lane.scheme.id,
                    lane.to.system,
                    _OPEN,
                    after=after,
                    limit=_PAGE,
                    with_snapshot=True,
                )
            )
            if not page:
                return made
            after = page[-1].id
            made += [await self._kept(each) for each in page if each.source_id not in known and each.snapshot]

    async def _kept(self, delivery: Delivery) -> Claim:
        return await self._source.kept(delivery.source_id, delivery.record_id, delivery.snapshot or {})

    async def _with_amendments(self, claims: Sequence[Claim]) -> list[Claim]:
        """Besides the claims those that change them; those that are changed, as the source has them now."""
        found = {claim.id: claim for claim in claims}
        named = {id for claim in claims if claim.inside for id in claim.amended_by} - found.keys()
        for claim in await self._source.named(sorted(named)):
            found[claim.id] = claim
        amended = set(sequence(list(found.values())))
        for claim in await self._source.named(sorted(amended - found.keys())):
            found[claim.id] = claim
        for id in sorted(amended & {claim.id for claim in claims if claim.inside}):
            found[id] = await self._source.anew(found[id])
        return list(found.values())

    async def _told(self, claims: Sequence[Claim]) -> list[Claim]:
        told = await with_ledger(claims, self._lane, self._work, self._mending.command)
        return [_at_adopted_worth(claim) for claim in told]

    # --- the target's side ----------------------------------------------------------------------------

    async def _match(self, listed: Sequence[Bill]) -> None:
        """Give each claim its bills, by key; the rest is another time's, nobody's, or not our business."""
        by_key = self._by_key()
        left = self._give(listed, by_key)
        seen = {bill.id for bill in listed}
        asked = [bill async for bill in self._target.under(self._lacking())]
        self._renumbered(self._give([bill for bill in asked if bill.id not in seen], by_key))
        left = self._renumbered(left)
        left = await self._of_another_time(left)
        for bill in left:
            if self._prefix and bill.key.startswith(self._prefix):
                self._strays.append(bill)
                self.ours.append(bill)
            else:
                self.others = self.others.plus(bill.amount)

    def _lacking(self) -> list[str]:
        """The keys of claims that the listing brought no bill for, and the numbers taken for them."""
        keys: dict[str, None] = {}
        for claim in self.claims:
            if claim.id in self._of:
                continue
            taken = claim.told.target_number if claim.told is not None and claim.told.delivered else None
            keys |= dict.fromkeys(key for key in (claim.key, taken) if key)
        return list(keys)

    def _by_key(self) -> dict[str, Claim]:
        found: dict[str, Claim] = {}
        for claim in self.claims:
            if claim.key:
                found.setdefault(same_key(claim.key), claim)
        return found

    def _give(self, bills: Sequence[Bill], by_key: Mapping[str, Claim]) -> list[Bill]:
        """Returns the bills that nobody claims."""
        left = []
        for bill in bills:
            claim = by_key.get(same_key(bill.key)) if bill.key else None
            if claim is None:
                left.append(bill)
                continue
            self._of.setdefault(claim.id, []).append(bill)
            self.ours.append(bill)
        return left

    def _renumbered(self, left: Sequence[Bill]) -> list[Bill]:
        """Bills that we delivered, and whose number somebody has changed, by their id."""
        gone = {
            claim.told.target_id: claim
            for claim in self.claims
            if claim.told is not None and claim.told.target_id and claim.id not in self._of
        }
        still = []
        for bill in left:
            claim = gone.get(bill.id)
            if claim is None:
                still.append(bill)
                continue
            self._of.setdefault(claim.id, []).append(bill)
            self.ours.append(bill)
        return still

    async def _of_another_time(self, left: Sequence[Bill]) -> list[Bill]:
        """Match bills of claims that were made outside the period, and that the ledger knows; bills of
        another scheme are left to it."""
        lane, made, still = self._lane, [], []
        for start in range(0, len(left), _PAGE):
            some = left[start : start + _PAGE]
            keys = [bill.key for bill in some if bill.key]
            owners = await self._work.ledger.do(
                lambda tx, keys=keys: deliveries.keys_taken(tx, lane.to.system, lane.form_name, keys)  # type: ignore[misc]
            )
            for bill in some:
                owner = owners.get(bill.key)
                if owner is None:
                    still.append(bill)
                elif owner.scheme != lane.scheme.id:
                    self.others = self.others.plus(bill.amount)
                else:
                    made.append(owner)
                    self._of.setdefault(owner.source_id, []).append(bill)
                    self.ours.append(bill)
        known = {claim.id for claim in self.claims}
        fresh = {each.source_id: each for each in made if each.source_id not in known}
        claims = await asyncio.gather(*map(self._from_ledger, fresh.values()))
        self.claims += await self._told(claims)
        return still

    async def _from_ledger(self, owner: Delivery) -> Claim:
        """One that was pruned is read again; where the source has it no more, it counts for what was paid."""
        snapshot = await self._work.ledger.do(lambda tx: records.snapshot(tx, owner.record_id))
        if snapshot:
            return await self._source.kept(owner.source_id, owner.record_id, snapshot)
        (claim,) = await self._source.named([owner.source_id])
        return (
            claim if claim.facts or owner.amount is None else replace(claim, facts={"amount": owner.amount})
        )

    # --- comparing ------------------------------------------------------------------------------------

    def compared(self) -> list[Difference]:
        """All differences, each with its fingerprint."""
        amendments = sequence(self.claims)
        found = []
        for claim in self.claims:
            case = Case(
                claim,
                tuple(self._of.get(claim.id, ())),
                amendments.get(claim.id, ()),
                self._lane.stages,
                self._mending,
                self._now,
            )
            difference = compare(case)
            if difference is not None:
                found.append(difference)
                self.differing.add(claim.id)
        for bill in self._strays:
            made = self._made(bill)
            outside = made is not None and not self._since <= made < self._until
            found.append(stray(bill, self._mending, made if outside else None, made is not None))
        return found

    def _made(self, bill: Bill) -> datetime | None:
        """When the claim of a bill was made, where its number tells."""
        assert self._lane.origin is not None
        return self._lane.origin.connector.creation_time(bill.key.removeprefix(self._prefix))


def _at_adopted_worth(claim: Claim) -> Claim:
    """A claim that makes no document, and for which a human took a bill, counts for that bill's amount."""
    adopted = claim.told.adopted_facts if claim.told is not None else None
    if claim.facts or adopted is None:
        return claim
    try:
        return replace(claim, facts={"amount": Decimal(adopted["amount"])})
    except (KeyError, InvalidOperation):
        return claim
