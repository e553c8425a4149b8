"""Taking a bill that the target has for a record's delivery because a human says so, though it differs.

The bill stays as it is, and nothing is written to the target: what is left to do there is the human's. The
record counts as delivered, its callbacks tell of the bill as it stands, and the reason is kept for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.connector.api import Listed, Listing
from engine.errors import ConfigurationError, EngineError, FailureClass, UsageError
from engine.language import tr
from engine.ledger import comparing, deliveries, records
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.leases import Lease
from engine.ledger.rows import Delivery, State
from engine.run import callback_rows, outcome
from engine.run.lane import Work
from engine.run.owner import is_dead, own_name, who
from engine.run.reconcile.bills import bill_of
from engine.run.reconcile.differences import same, taken, unlike_text
from engine.run.reconcile.marks import ADOPTED
from engine.run.reconcile.outline import Outline
from engine.run.reconcile.texts import digits, listed, unlike
from engine.run.retry import UnknownRecord, named
from engine.run.setup import build_lane, checked_scheme
from engine.run.tally import Brake, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.ledger.port import Transaction
    from engine.run.lane import Lane
    from engine.run.reconcile.model import Bill
    from engine.run.workplace import Workplace

__all__ = ["Adopted", "Adoption", "BusyError", "adopt"]

_BY_HAND = "by hand"
_LEASE_WAIT = 60.0


class BusyError(EngineError):
    """Another process works on this scheme; the same command can be given again."""

    kind = "transient"
    exit_code = 1


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a human asks for: which record, why, and which bill where more than one could be meant."""

    scheme: str
    name: str
    reason: str
    bill: str | None = None
    overrides: Mapping[str, str] | None = None
    announce: Callable[[Lane], None] = lambda lane: None


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over; `differences` say in words what the bill has otherwise than the claim."""

    id: str
    number: str
    scheme: str
    bill: Bill
    differences: str
    reason: str
    by: str

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "scheme": self.scheme,
            "bill": self.bill.number,
            "bill_id": self.bill.id,
            "stage": self.bill.stage or None,
            "amount": None if self.bill.amount is None else digits(self.bill.amount),
            "differences": self.differences or None,
            "reason": self.reason,
            "by": self.by,
        }


async def adopt(place: Workplace, wanted: Adoption) -> Adopted:
    """Take a bill over for a record.

    Raises UsageError for a record that is delivered, a bill that is not there, is cancelled or another
    record's, and where more than one could be meant; BusyError while a run of the scheme is under way.
    """
    if not wanted.reason.strip():
        raise UsageError(tr("say why: --reason is kept with the record"))
    scheme = checked_scheme(wanted.scheme, place.choice.environment)
    lane = build_lane(place, scheme, wanted.overrides or {}, lists=False)
    work = Work(_BY_HAND, place.choice.environment.name, place.ledger, place.clock, Tally(), Brake())
    wanted.announce(lane)
    name = f"{scheme.id}@{lane.to.system}"
    owner = own_name(place.clock.new_id())
    lease = await Lease.take(place.ledger, place.clock, name, owner, wait=_LEASE_WAIT, is_dead=is_dead)
    if lease is None:
        raise BusyError(
            tr("a run of '{scheme}' is under way; nothing was taken over", scheme=scheme.id),
            hint=tr("give the command again when it has ended"),
        )
    async with lease:
        return await _adopt(lane, work, wanted)


async def _adopt(lane: Lane, work: Work, wanted: Adoption) -> Adopted:
    delivery = await work.ledger.do(lambda tx: _one(tx, lane, wanted.name))
    key = await _key(lane, work, delivery)
    bill = await _bill(lane, key, wanted)
    _refuse_while_unclear(delivery, bill)
    ours = lane.target.facts(delivery.payload) if delivery.payload else {}
    different = unlike(ours, bill)
    reason, by = wanted.reason.strip(), who()
    differences = unlike_text(different, bill) if different else ""
    detail = {
        "scheme": lane.scheme.id,
        "system": lane.to.system,
        "number": bill.number,
        "stage": bill.stage,
        "facts": taken(bill),
        "different": differences or None,
        "reason": reason,
        "by": by,
    }
    await work.ledger.do(lambda tx: _write(tx, lane, work, delivery, key, bill, detail))
    return Adopted(
        delivery.source_id,
        delivery.number or delivery.source_id,
        lane.scheme.id,
        bill,
        differences,
        reason,
        by,
    )


def _one(tx: Transaction, lane: Lane, name: str) -> Delivery:
    found = named(tx, lane.scheme.id, lane.to.system, [name])
    if len(found) > 1:
        ids = ", ".join(each.source_id for each in found)
        raise UsageError(tr("'{name}' means more than one record: {ids}", name=name, ids=ids))
    delivery = found[0]
    if delivery.state in (State.DELIVERED, State.DONE):
        shown = delivery.number or delivery.source_id
        raise UsageError(
            tr("record '{name}' is delivered as '{bill}'", name=shown, bill=delivery.target_number),
            hint=tr(
                "what differs now can be marked: `engine records handle {scheme} {name} --reason …`",
                scheme=lane.scheme.id,
                name=shown,
            ),
        )
    return delivery


def _refuse_while_unclear(delivery: Delivery, bill: Bill) -> None:
    """A document of ours that may still be on its way would become a second one beside another bill."""
    conflict = delivery.fault is not None and delivery.fault.failure == FailureClass.CONFLICT
    unclear = delivery.state in (State.SENDING, State.UNKNOWN) and not conflict
    if unclear and (delivery.key is None or not same(bill.key, delivery.key)):
        raise UsageError(
            tr(
                "'{key}' was sent, and nobody knows yet whether the target has it: "
                "'{bill}' would be a second one",
                key=delivery.key,
                bill=bill.number,
            ),
            hint=tr("`engine run {scheme}` finds out", scheme=delivery.scheme),
        )


async def _key(lane: Lane, work: Work, delivery: Delivery) -> str | None:
    """The key of the record's document: as it was sent, else as the scheme makes it."""
    if delivery.key:
        return delivery.key
    snapshot = await work.ledger.do(lambda tx: records.snapshot(tx, delivery.record_id))
    return Outline(lane).of(snapshot).key if snapshot else None


async def _bill(lane: Lane, key: str | None, wanted: Adoption) -> Bill:
    """The one bill that is meant."""
    hits = await _hits(lane, [key] if key else [])
    if wanted.bill is not None:
        meant = [hit for hit in hits if wanted.bill in (hit.id, hit.number)]
        hits = meant or [hit for hit in await _hits(lane, [wanted.bill]) if hit.number == wanted.bill]
    shown = wanted.bill or key or wanted.name
    if not hits:
        raise UnknownRecord(
            tr("the target has no document '{number}'", number=shown),
            hint=None if wanted.bill else tr("name another one with --bill NUMBER"),
        )
    if len(hits) > 1:
        raise UsageError(
            tr("the target has more than one: {bills}", bills=listed(hits)),
            hint=tr("say which with --bill ID"),
        )
    if hits[0].cancelled:
        raise UsageError(tr("'{number}' is cancelled in the target", number=hits[0].number))
    return hits[0]


async def _hits(lane: Lane, keys: list[str]) -> list[Bill]:
    if not keys:
        return []
    if isinstance(lane.target, Listing):
        return [bill_of(one) async for one in lane.target.find_documents(lane.scheme.target.key, keys)]
    if lane.target.asking == "never":
        raise ConfigurationError(
            tr("'{interface}' cannot be asked for what it has", interface=lane.scheme.target.interface)
        )
    found = await lane.target.find(lane.scheme.target.key, keys)
    return [bill_of(Listed(hit, key)) for key, hits in found.items() for hit in hits]


def _write(
    tx: Transaction,
    lane: Lane,
    work: Work,
    delivery: Delivery,
    key: str | None,
    bill: Bill,
    detail: Mapping[str, Any],
) -> Delivery:
    """Count the record as delivered by this bill, unless the bill is another record's."""
    key = delivery.key or key or bill.key or bill.number
    owners = [*deliveries.keys_taken(tx, lane.to.system, lane.form_name, [key, bill.key]).values()]
    owners += deliveries.by_ids(tx, comparing.holders(tx, lane.to.system, lane.form_name, bill.id))
    for owner in owners:
        if owner.id != delivery.id:
            raise UsageError(
                tr(
                    "'{number}' is already the bill of record '{other}' of scheme '{scheme}'",
                    number=bill.number,
                    other=owner.number or owner.source_id,
                    scheme=owner.scheme,
                )
            )
    told = [callback for callback in lane.callbacks if callback.spec.on == "delivered"]
    amount: Decimal | None = bill.amount if bill.amount is not None else delivery.amount
    delivered = outcome.step(
        tx,
        work,
        delivery,
        State.DELIVERED if told else State.DONE,
        event=ADOPTED,
        detail=detail,
        fault=NO_FAULT,
        adopted=True,
        key=key,
        form=lane.form_name,
        intent=delivery.intent or lane.intent(),
        stage=bill.stage or lane.target.stages[0],
        target_id=bill.id,
        target_number=bill.number,
        amount=amount,
        delivered_at=work.clock.now(),
        delivered_run=work.run,
    )
    callback_rows.create(tx, work, told, delivered)
    return delivered
