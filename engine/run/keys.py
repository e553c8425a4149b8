"""One document for one key, across all schemes and records: settled in the ledger before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.rows import Delivery, Fault, State
from engine.run import outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work
    from engine.run.sending import Prepared

__all__ = ["own_keys"]


def own_keys(
    tx: Transaction, work: Work, lane: Lane, batch: Sequence[Prepared], in_flight: Mapping[str, Delivery]
) -> list[Prepared]:
    """The documents of a batch whose key nobody else holds; the others are settled here.

    `in_flight` are the keys that this run is sending now, which the ledger may not show yet.
    """
    taken = {item.key: in_flight[item.key] for item in batch if item.key in in_flight}
    # The ledger comes second and wins: another process may have claimed a key since this run took it up.
    taken |= deliveries.keys_taken(tx, lane.to.system, lane.form_name, [item.key for item in batch])
    free = []
    for item in batch:
        owner = taken.get(item.key)
        if owner is None or owner.id == item.delivery.id or _yields(tx, work, lane, owner, item):
            taken[item.key] = item.delivery
            free.append(item)
    return free


def _yields(tx: Transaction, work: Work, lane: Lane, owner: Delivery, item: Prepared) -> bool:
    """Settle a key that two deliveries want; True when the later one may have it."""
    name = owner.number or owner.source_id
    if owner.record_id != item.delivery.record_id:
        reason = tr(
            "key '{key}' already belongs to record '{other}' of scheme '{scheme}'",
            key=item.key,
            other=name,
            scheme=owner.scheme,
        )
        fault = Fault(reason, FailureClass.DATA, field=lane.scheme.target.key)
        outcome.fail(tx, work, lane, item.delivery, fault)
        work.tally.failed += 1
        return False
    if owner.state in (State.DELIVERED, State.DONE):
        _deliver_by_other(tx, work, owner, item)
        return False
    alive = owner.state is State.SKIPPED and owner.ask_after and owner.ask_after > work.clock.now()
    if owner.state in (State.FAILED, State.SKIPPED) and not owner.stage and not alive:
        deliveries.release_key(tx, owner)
        return True
    text = tr(
        "'{number}' is under way in scheme '{scheme}', and left to it", number=name, scheme=owner.scheme
    )
    work.tally.warn(text)
    return False


def _deliver_by_other(tx: Transaction, work: Work, owner: Delivery, item: Prepared) -> None:
    """Another scheme has paid this record: ours is done, and counts as already."""
    outcome.step(
        tx,
        work,
        item.delivery,
        State.DONE,
        event="delivered elsewhere",
        detail={"scheme": owner.scheme, "number": owner.target_number},
        fault=Fault(tr("delivered by scheme '{scheme}'", scheme=owner.scheme)),
        adopted=True,
        stage=owner.stage,
        target_id=owner.target_id,
        target_number=owner.target_number,
        amount=owner.amount,
        delivered_run=work.run,
        delivered_at=work.clock.now(),
    )
    work.tally.adopted += 1
