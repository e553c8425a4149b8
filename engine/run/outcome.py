"""How an answer of the target becomes a state in the ledger: the writing half of the delivery protocol.

All functions run inside one ledger transaction and return the delivery as it stands after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.errors import FailureClass
from engine.ledger import deliveries
from engine.ledger.deliveries import NO_FAULT, Stale
from engine.ledger.rows import Delivery, Fault, State
from engine.run import callback_rows
from engine.run.life import reissued

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

__all__ = ["Stale", "begin_anew", "conflict", "fail", "kept", "reach", "step", "unclear"]


_LONGEST_ANSWER = 4000


def step(
    tx: Transaction,
    work: Work,
    delivery: Delivery,
    to: State,
    *,
    event: str,
    detail: Mapping[str, Any] | None = None,
    fault: Fault | None = None,
    **values: Any,
) -> Delivery:
    """Move a delivery and return it as it stands now. Raises Stale."""
    moved = deliveries.move(
        tx,
        delivery,
        to,
        run=work.run,
        at=work.clock.now(),
        fault=fault,
        event=event,
        detail=dict(detail or {}),
        **values,
    )
    if not moved:
        raise Stale.of(delivery)
    shown = delivery.fault if fault is None else (fault if fault.reason else None)
    return delivery.but(state=to, fault=shown, touched_run=work.run, **values)


def reach(tx: Transaction, work: Work, lane: Lane, delivery: Delivery, stage: str, **values: Any) -> Delivery:
    """Record that a stage is reached; at the last one the document is delivered and its callbacks are due.

    A document that was delivered before, and was taken on once more, stays delivered by the run that did it.
    """
    until = lane.until_of(delivery.intent)
    stages = lane.target.stages
    if stages.index(stage) < stages.index(until):
        return step(
            tx,
            work,
            delivery,
            State.SENDING,
            event="stage",
            detail={"stage": stage, **_known(values)},
            fault=NO_FAULT,
            stage=stage,
            **values,
        )
    told = [callback for callback in lane.callbacks if callback.spec.on == "delivered"]
    done = State.DELIVERED if told else State.DONE
    now = work.clock.now()
    delivered = step(
        tx,
        work,
        delivery,
        done,
        event="delivered",
        detail={"stage": stage, **_known(values)},
        fault=reissued.standing(tx, lane, delivery) or NO_FAULT,
        stage=stage,
        delivered_at=delivery.delivered_at or now,
        delivered_run=delivery.delivered_run if delivery.delivered_at else work.run,
        **values,
    )
    callback_rows.create(tx, work, told, delivered)
    return delivered


def fail(
    tx: Transaction,
    work: Work,
    lane: Lane,
    delivery: Delivery,
    fault: Fault,
    *,
    event: str = "failed",
    answer: Any = None,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> Delivery:
    """Record a clear no, its reason and the answer; tells the callbacks that want to know of failures."""
    failed = step(
        tx,
        work,
        delivery,
        State.FAILED,
        event=event,
        detail={"reason": fault.reason, "class": fault.failure, **kept(answer), **(detail or {})},
        fault=fault,
        **values,
    )
    if fault.failure != FailureClass.TRANSIENT:
        callback_rows.create(
            tx, work, [callback for callback in lane.callbacks if callback.spec.on == "failed"], failed
        )
    return failed


def begin_anew(
    tx: Transaction,
    work: Work,
    lane: Lane,
    delivery: Delivery,
    *,
    event: str,
    detail: Mapping[str, Any] | None = None,
) -> Delivery:
    """As if it had never been delivered; a target that is only asked when in doubt is asked first now."""
    return step(
        tx,
        work,
        delivery,
        State.READY,
        event=event,
        detail=detail,
        fault=NO_FAULT,
        delivered_run=None,
        adopted=lane.target.asking == "unclear",
        stage="",
        target_id=None,
        target_number=None,
        delivered_at=None,
    )


def unclear(
    tx: Transaction, work: Work, delivery: Delivery, reason: str, ask_after: datetime, answer: Any = None
) -> Delivery:
    """Nobody knows: to be asked once the settle time is over."""
    fault = Fault(reason, FailureClass.UNKNOWN)
    return step(
        tx,
        work,
        delivery,
        State.UNKNOWN,
        event="unclear",
        detail={"reason": fault.reason, **kept(answer)},
        fault=fault,
        ask_after=ask_after,
    )


def conflict(tx: Transaction, work: Work, delivery: Delivery, reason: str, **values: Any) -> Delivery:
    """The target holds something else under this key: a human must decide, and nothing more is sent."""
    fault = Fault(reason, FailureClass.CONFLICT)
    return step(
        tx,
        work,
        delivery,
        State.UNKNOWN,
        event="conflict",
        detail={"reason": fault.reason},
        fault=fault,
        **values,
    )


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in ("target_id", "target_number", "adopted") if values.get(name)}


def kept(answer: Any) -> dict[str, Any]:
    """What the target said, as an event keeps it; cut short where it is long, as text where it is no JSON."""
    if answer is None:
        return {}
    try:
        text = jsontext.dumps(answer)
    except (TypeError, ValueError):
        answer = text = str(answer)
    return {"answer": answer if len(text) <= _LONGEST_ANSWER else f"{text[:_LONGEST_ANSWER]}…"}
