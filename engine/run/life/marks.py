"""What stands against a delivered record until somebody deals with it.

An alert is the fault of a delivery that is delivered: it is counted, listed and told of like a failure,
and the delivery stays what it is. The event that raised it holds a sign of what was found, so that the
very same is not raised again once a human has dealt with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import deliveries, events, story
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.rows import Fault, State
from engine.run import callback_rows, outcome
from engine.run.life import ALERT_HANDLED

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work

__all__ = [
    "ALERT",
    "DELIVERED",
    "HELD_BACK",
    "OVER",
    "alert",
    "current",
    "end",
    "has_alert",
    "is_known",
    "settle",
    "withdraw_callbacks",
]

ALERT = "alert"
OVER = "alert over"
HELD_BACK = "held back"

DELIVERED = (State.DELIVERED, State.DONE)


def has_alert(delivery: Delivery) -> bool:
    """True for a delivered record that something stands against."""
    return delivery.state in DELIVERED and delivery.fault is not None and delivery.fault.failure is not None


def current(tx: Transaction, delivery: Delivery, states: Collection[State] = DELIVERED) -> Delivery:
    """The delivery as the ledger has it now. Raises Stale when another process has taken it over."""
    found = deliveries.by_ids(tx, [delivery.id])
    if not found or found[0].fence != delivery.fence or found[0].state not in states:
        name = delivery.number or delivery.source_id
        raise outcome.Stale(tr("another process has taken over '{record}'", record=name))
    return found[0]


def is_known(tx: Transaction, delivery: Delivery, sign: str) -> bool:
    """True when this very thing was raised before: it stands, or somebody has dealt with it."""
    own = [event for event in events.of_record(tx, delivery.record_id) if event.delivery_id == delivery.id]
    last = None
    for event in own:
        if event.kind == ALERT_HANDLED and event.detail.get("fingerprint") == sign:
            return True
        if event.kind in (ALERT, OVER, ALERT_HANDLED):
            last = event
    return last is not None and last.kind == ALERT and last.detail.get("sign") == sign and has_alert(delivery)


def alert(
    tx: Transaction, work: Work, lane: Lane, delivery: Delivery, fault: Fault, sign: str, *, hold: bool
) -> Delivery:
    """Raise an alert, unless this very thing is known; with `hold`, what was not written back yet waits.

    Callbacks on failure are told of it. Raises Stale.
    """
    delivery = current(tx, delivery)
    if is_known(tx, delivery, sign):
        return delivery
    detail = {"reason": fault.reason, "class": fault.failure, "sign": sign, "hold": hold or None}
    raised = outcome.step(tx, work, delivery, delivery.state, event=ALERT, detail=detail, fault=fault)
    if hold:
        _hold_callbacks(tx, work, raised, fault)
    on_failure = [callback for callback in lane.callbacks if callback.spec.on == "failed"]
    callback_rows.create(tx, work, on_failure, raised)
    return raised


def end(tx: Transaction, work: Work, delivery: Delivery, reason: str) -> Delivery:
    """The reason for an alert is gone by itself."""
    delivery = current(tx, delivery)
    if not has_alert(delivery):
        return delivery
    ended = outcome.step(
        tx, work, delivery, delivery.state, event=OVER, detail={"reason": reason}, fault=NO_FAULT
    )
    _release_callbacks(tx, delivery, work.run, work.clock.now())
    return ended


def settle(tx: Transaction, delivery: Delivery, reason: str, by: str, at: datetime) -> str | None:
    """A human has dealt with what stands against a record; the class of it, None where nothing stood."""
    if not has_alert(delivery):
        return None
    raised = [
        event
        for event in events.of_record(tx, delivery.record_id)
        if event.kind == ALERT and event.delivery_id == delivery.id
    ]
    failure = delivery.fault.failure if delivery.fault else None
    detail: dict[str, Any] = {
        "scheme": delivery.scheme,
        "system": delivery.target_system,
        "cause": failure,
        "fingerprint": raised[-1].detail.get("sign") if raised else None,
        "reason": reason,
        "by": by,
    }
    deliveries.move(
        tx, delivery, delivery.state, run="by hand", at=at, fault=NO_FAULT, event=ALERT_HANDLED, detail=detail
    )
    _release_callbacks(tx, delivery, "by hand", at)
    return str(failure)


# --- what is told back --------------------------------------------------------------------------------


def _hold_callbacks(tx: Transaction, work: Work, parent: Delivery, fault: Fault) -> None:
    held = Fault(tr("held: {reason}", reason=fault.reason), fault.failure)
    for callback in _unsent(tx, parent):
        detail = {"reason": fault.reason}
        outcome.step(tx, work, callback, State.FAILED, event=HELD_BACK, detail=detail, fault=held)


def _release_callbacks(tx: Transaction, parent: Delivery, run: str, at: datetime) -> None:
    held = (FailureClass.BILL_CHANGED, FailureClass.CHANGED_AFTER_APPROVAL, FailureClass.REISSUED)
    for callback in _unsent(tx, parent):
        if callback.state is State.FAILED and callback.fault and callback.fault.failure in held:
            deliveries.move(tx, callback, State.READY, run=run, at=at, fault=NO_FAULT, event="let go")


def withdraw_callbacks(tx: Transaction, work: Work, parent: Delivery, reason: str) -> None:
    """What was not written back yet of a document that was taken back is not written at all."""
    for callback in _unsent(tx, parent):
        outcome.step(tx, work, callback, State.SKIPPED, event="set aside", fault=Fault(reason))


def _unsent(tx: Transaction, parent: Delivery) -> list[Delivery]:
    return [
        callback
        for callback in story.called_back(tx, parent.id)
        if callback.part == "delivered" and callback.state in (State.READY, State.WAITING, State.FAILED)
    ]
