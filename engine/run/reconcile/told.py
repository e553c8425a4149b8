"""What the ledger says of claims under the scheme, cut down to what is compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.connector.api import Listing
from engine.ledger import comparing, deliveries
from engine.ledger.rows import State
from engine.run.advice import next_steps
from engine.run.reconcile.bills import dated
from engine.run.reconcile.marks import ADOPTED
from engine.run.reconcile.model import Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery, Event
    from engine.run.advice import Commands
    from engine.run.lane import Lane, Work
    from engine.run.reconcile.model import Claim

__all__ = ["with_ledger"]

_AT_ONCE = 200
_OPEN = (State.FAILED, State.UNKNOWN)


async def with_ledger(claims: Sequence[Claim], lane: Lane, work: Work, command: Commands) -> list[Claim]:
    """The claims with what the ledger says of each."""
    made: list[Claim] = []
    for start in range(0, len(claims), _AT_ONCE):
        some = claims[start : start + _AT_ONCE]
        rows = [claim.record_id for claim in some]
        told = await work.ledger.do(lambda tx, rows=rows: _read(tx, rows, lane, command))  # type: ignore[misc]
        made += [replace(claim, told=told.get(claim.record_id)) for claim in some]
    return made


def _read(tx: Transaction, rows: Sequence[int], lane: Lane, command: Commands) -> dict[int, Told]:
    found = deliveries.find(tx, lane.scheme.id, lane.to.system, record_ids=rows)
    adopted = comparing.latest(tx, rows, [ADOPTED])
    return {
        each.record_id: _told(each, _of(adopted.get(each.record_id, []), each), lane, command)
        for each in found
    }


def _of(events: Sequence[Event], delivery: Delivery) -> Event | None:
    return next((event for event in reversed(events) if event.delivery_id == delivery.id), None)


def _told(delivery: Delivery, adopted: Event | None, lane: Lane, command: Commands) -> Told:
    fault, payload = delivery.fault, delivery.payload or {}
    day = lane.target.day_of(payload) if payload and isinstance(lane.target, Listing) else None
    detail = adopted.detail if adopted else {}
    return Told(
        delivery_id=delivery.id,
        state=delivery.state,
        failure=fault.failure if fault else None,
        reason=fault.reason if fault else "",
        by_hand=delivery.state is State.SKIPPED and fault is not None and not fault.file,
        stage=delivery.stage,
        target_id=delivery.target_id,
        target_number=delivery.target_number,
        facts=dated(lane.target.facts(payload), day) if payload else {},
        amount=delivery.amount,
        scheme_hash=delivery.scheme_hash,
        adopted_facts=detail.get("facts"),
        adopted_reason=str(detail.get("reason") or ""),
        steps=tuple(next_steps(delivery, (), command)) if delivery.state in _OPEN else (),
    )
