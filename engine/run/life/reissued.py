"""The same claim handed in again as a new record: noticed in the transaction that readies it for sending.

An index by content is kept among the ledger's answers (`engine.ledger.contents`): one row for each
content, that names the delivery which was readied last. Transactions exclude each other, so that two
equal records of one run, and of two processes, notice each other as surely as those of different days.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from engine import jsontext
from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import contents, deliveries, events
from engine.ledger.rows import Fault, State
from engine.run.life import ALERT_HANDLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.connector.api import Contents
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work

__all__ = ["RELEASED", "REPEATED", "SAME", "foreseen", "noticed", "standing"]

SAME = "same as earlier"
"""Event of the new record: it says the same as an earlier one."""
REPEATED = "handed in again"
"""Event of the earlier record: a new one says the same."""
RELEASED = "released"
"""Event: somebody says that it is to be sent all the same."""

_PAID = (State.READY, State.SENDING, State.UNKNOWN, State.DELIVERED, State.DONE)


def noticed(
    tx: Transaction, work: Work, lane: Lane, delivery: Delivery, record: Mapping[str, Any]
) -> Fault | None:
    """Why a record that could be sent is held: an earlier one says the same, and is paid or about to be.

    None where there is no such record, where somebody released this one, or where the policy is to alert:
    then it is noted, and told of once it is delivered (`standing`).
    """
    policy = lane.scheme.life.reissued
    print_ = _fingerprint(lane, record) if policy != "ignore" else None
    if print_ is None:
        return None
    now = work.clock.now()
    earlier = _earlier(tx, lane, delivery.id, print_, now)
    if earlier is None or _is_released(tx, delivery):
        contents.put(tx, lane.to.system, lane.scheme.id, print_, delivery.id, now)
        return None
    fault = Fault(_reason(earlier), FailureClass.REISSUED)
    _note(tx, work, lane, delivery, record, earlier, fault)
    return fault if policy == "hold" else None


def standing(tx: Transaction, lane: Lane, delivery: Delivery) -> Fault | None:
    """What is to be told of a record that was sent though it says the same as an earlier one."""
    if lane.scheme.life.reissued != "alert" or _contents(lane) is None:
        return None
    told = [event for event in events.of_record(tx, delivery.record_id) if event.delivery_id == delivery.id]
    last = next((event for event in reversed(told) if event.kind in (SAME, RELEASED, ALERT_HANDLED)), None)
    if last is None or last.kind != SAME:
        return None
    return Fault(str(last.detail.get("reason")), FailureClass.REISSUED)


def foreseen(
    tx: Transaction,
    lane: Lane,
    delivery: Delivery | None,
    record: Mapping[str, Any],
    now: datetime,
    seen: dict[str, str],
) -> Fault | None:
    """Why a record would be held, for a preview, which writes nothing: `seen` are the contents it has met."""
    print_ = _fingerprint(lane, record) if lane.scheme.life.reissued == "hold" else None
    if print_ is None or (delivery is not None and _is_released(tx, delivery)):
        return None
    earlier = _earlier(tx, lane, delivery.id if delivery else None, print_, now)
    if earlier is not None:
        return Fault(_reason(earlier), FailureClass.REISSUED)
    number = lane.number_of(record) or ""
    first = seen.setdefault(print_, number)
    return None if first == number else Fault(_about_to_be_paid(first), FailureClass.REISSUED)


def _earlier(tx: Transaction, lane: Lane, own: int | None, print_: str, now: datetime) -> Delivery | None:
    """The delivery that was readied last with this content, if it is another's and paid, or about to be."""
    id = contents.get(tx, lane.to.system, lane.scheme.id, print_)
    if id is None or id == own:
        return None
    found = deliveries.by_ids(tx, [id], with_snapshot=True)
    if not found:
        return None
    other = found[0]
    if other.state not in _PAID and not (other.state is State.FAILED and other.stage):
        return None
    if other.delivered_at is not None and other.delivered_at < now - lane.scheme.life.reissued_within:
        return None
    return other if _fingerprint(lane, other.snapshot or {}) == print_ else None


def _fingerprint(lane: Lane, record: Mapping[str, Any]) -> str | None:
    source = _contents(lane)
    content = source.content(record) if source is not None else None
    if content is None or lane.origin is None:
        return None
    said = [lane.origin.system, lane.family, content]
    return sha256(jsontext.dumps(said).encode()).hexdigest()


def _contents(lane: Lane) -> Contents | None:
    """The source, if it is one that tells contents; `isinstance` is too slow to be asked for each record."""
    return cast("Contents", lane.source) if hasattr(lane.source, "content") else None


def _is_released(tx: Transaction, delivery: Delivery) -> bool:
    return any(
        event.kind == RELEASED and event.delivery_id == delivery.id
        for event in events.of_record(tx, delivery.record_id)
    )


def _reason(earlier: Delivery) -> str:
    name = earlier.number or earlier.source_id
    if earlier.state in (State.DELIVERED, State.DONE):
        return tr(
            "the same person handed in the same as '{name}', which is paid as '{bill}'",
            name=name,
            bill=earlier.target_number or earlier.key or "",
        )
    return _about_to_be_paid(name)


def _about_to_be_paid(name: str) -> str:
    return tr("the same person handed in the same as '{name}', which is about to be paid", name=name)


def _note(
    tx: Transaction,
    work: Work,
    lane: Lane,
    delivery: Delivery,
    record: Mapping[str, Any],
    earlier: Delivery,
    fault: Fault,
) -> None:
    """Say it of both, once for each pair."""
    now, number = work.clock.now(), lane.number_of(record) or delivery.source_id
    held = lane.scheme.life.reissued == "hold"
    about = {"by": number, "held": held}
    known = events.of_record(tx, earlier.record_id)
    if not any(event.kind == REPEATED and event.detail.get("by") == number for event in known):
        events.note(tx, earlier.record_id, REPEATED, now, run=work.run, delivery_id=earlier.id, **about)
    if not held:
        events.note(
            tx,
            delivery.record_id,
            SAME,
            now,
            run=work.run,
            delivery_id=delivery.id,
            of=earlier.number or earlier.source_id,
            reason=fault.reason,
        )
