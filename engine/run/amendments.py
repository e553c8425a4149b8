"""A record that revokes or changes an earlier one: said of both, so that `engine why` tells it either way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import comparing, deliveries, events
from engine.ledger.rows import Fault, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.api import Amending, Amendment
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work

__all__ = ["AMENDED", "earlier_of", "tell", "unheld"]

AMENDED = "amended"

_PAID = (State.SENDING, State.UNKNOWN, State.DELIVERED, State.DONE)


def tell(tx: Transaction, work: Work, lane: Lane, record: Mapping[str, Any], held: Fault) -> Fault:
    """Note on the earlier record that this one, which is held, revokes or changes it.

    Returns the reason for which this one is held, with what became of the earlier one; unchanged for a record
    that changes no other, or one that the ledger does not know.
    """
    amends = _amends(lane, record)
    earlier = earlier_of(tx, lane, amends) if amends is not None else None
    if amends is None or earlier is None:
        return held
    number = lane.number_of(dict(record)) or ""
    noted = events.of_record(tx, earlier.record_id)
    if not any(event.kind == AMENDED and event.detail.get("by") == number for event in noted):
        events.note(
            tx,
            earlier.record_id,
            AMENDED,
            work.clock.now(),
            run=work.run,
            delivery_id=earlier.id,
            by=number,
            revokes=amends.revokes,
        )
    return replace(held, reason=f"{held.reason}; {_stands(earlier, amends)}")


def unheld(tx: Transaction, work: Work, lane: Lane, record: Mapping[str, Any]) -> Fault | None:
    """Why a record is held that the scheme lets through: it revokes or changes one that is paid."""
    amends = _amends(lane, record)
    earlier = earlier_of(tx, lane, amends) if amends is not None else None
    if earlier is None or earlier.state not in _PAID:
        return None
    held = Fault(tr("changed or revoked after approval"), FailureClass.CHANGED_AFTER_APPROVAL)
    return tell(tx, work, lane, record, held)


def _amends(lane: Lane, record: Mapping[str, Any]) -> Amendment | None:
    """What a record does to an earlier one; `isinstance` is too slow to be asked for each record."""
    source = lane.source
    if not (hasattr(source, "amends") and hasattr(source, "amended_by")):
        return None
    return cast("Amending", source).amends(record)


def earlier_of(tx: Transaction, lane: Lane, amends: Amendment) -> Delivery | None:
    assert lane.origin is not None
    known = comparing.known(tx, lane.origin.system, lane.family, [amends.of]).get(amends.of)
    if known is None:
        return None
    found = deliveries.find(tx, lane.scheme.id, lane.to.system, record_ids=[known.row])
    return found[0] if found else None


def _stands(earlier: Delivery, amends: Amendment) -> str:
    name = earlier.number or earlier.source_id
    if earlier.state in (State.DELIVERED, State.DONE):
        bill = earlier.target_number or ""
        if amends.revokes:
            return tr("it revokes '{name}', which is paid as '{bill}'", name=name, bill=bill)
        return tr("it changes '{name}', which is paid as '{bill}'", name=name, bill=bill)
    if amends.revokes:
        return tr("it revokes '{name}', which is not paid", name=name)
    return tr("it changes '{name}', which is not paid", name=name)
