"""Bringing records on again when a human says so, and setting them aside: what each state allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import FailureClass, UsageError
from engine.findings import nearest
from engine.language import tr
from engine.ledger import comparing, deliveries, events
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.rows import Delivery, Fault, State
from engine.run import outcome
from engine.run.life import marks
from engine.run.life.reissued import RELEASED
from engine.run.life.revoked import TAKEN
from engine.run.owner import who

if TYPE_CHECKING:
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

__all__ = ["Selection", "UnknownRecord", "choose_again", "named", "set_aside"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are to be brought on again: by id or number, all failed ones, or those of one class.

    `skipped` also takes those that a condition left out; `again` also those that were delivered (their bill
    was deleted in the target, which is asked first); `refetch` reads them anew; `as_it_is` takes the form of
    those that were stopped for it. `release` is why a claim
    that says the same as an earlier one is to be sent all the same.
    """

    names: Sequence[str] = ()
    failed: bool = False
    failure: str | None = None
    skipped: bool = False
    again: bool = False
    refetch: bool = False
    as_it_is: bool = False
    release: str = ""


async def choose_again(lane: Lane, work: Work, selection: Selection) -> list[Delivery]:
    """Bring the selected records back into play and return those that must be judged and sent anew.

    Unknown ones and saved ones go on by themselves in the run that follows. Raises UsageError for a name that
    nobody knows, or a record whose state does not allow it.
    """

    def choose(tx: Transaction) -> list[Delivery]:
        chosen = (
            named(tx, lane.scheme.id, lane.to.system, selection.names)
            if selection.names
            else _by_state(tx, lane, selection)
        )
        if selection.as_it_is:
            _accept_forms(tx, work, chosen)
        anew = [_bring_back(tx, work, lane, delivery, selection) for delivery in chosen]
        return [delivery for delivery in anew if delivery is not None]

    return await work.ledger.do(choose)


def named(tx: Transaction, scheme: str, system: str | None, names: Sequence[str]) -> list[Delivery]:
    """The deliveries of records by id or number. Raises UsageError naming the first that is not there."""
    found = deliveries.find(tx, scheme, system, names=names)
    known = {each.source_id for each in found} | {each.number for each in found}
    for name in names:
        if name not in known:
            some = deliveries.in_states(tx, scheme, system, list(State), limit=500)
            close = nearest(name, [each.number or each.source_id for each in some])
            raise UnknownRecord(
                tr("scheme '{scheme}' knows no record '{name}'", scheme=scheme, name=name),
                hint=tr("did you mean '{word}'?", word=close) if close else None,
            )
    return found


class UnknownRecord(UsageError):
    """The ledger knows nothing under this id or number."""

    exit_code = 1


def _by_state(tx: Transaction, lane: Lane, selection: Selection) -> list[Delivery]:
    states = [State.SKIPPED] if selection.skipped else []
    if selection.failed or selection.failure:
        states += [State.FAILED, State.UNKNOWN] if selection.failure else [State.FAILED]
    found = deliveries.in_states(
        tx, lane.scheme.id, lane.to.system, states, failure=selection.failure, limit=None
    )
    taken = comparing.latest(tx, [each.record_id for each in found if each.state is State.SKIPPED], [TAKEN])
    return [each for each in found if each.state is not State.SKIPPED or each.record_id not in taken]


def _bring_back(
    tx: Transaction, work: Work, lane: Lane, delivery: Delivery, selection: Selection
) -> Delivery | None:
    """Put one record back to where it can go on; None when it goes on without being judged anew."""
    state = delivery.state
    if delivery.fault is not None and delivery.fault.failure == FailureClass.REISSUED and selection.names:
        _release(tx, work, delivery, selection)
    if state is State.SKIPPED and not selection.skipped:
        raise _refusal(delivery, tr("it was left out by a condition: add --skipped to bring it back"))
    if state in (State.DELIVERED, State.DONE) and not selection.again:
        raise _refusal(
            delivery, tr("it is delivered: add --again only if its bill was deleted in the target")
        )
    if state in (State.DELIVERED, State.DONE) or (selection.again and _has_vanished(delivery)):
        return outcome.begin_anew(tx, work, lane, delivery, event="retried")
    if delivery.key is not None and (state is State.UNKNOWN or _may_be_there(delivery)):
        fault = Fault(tr("to be asked for again"), FailureClass.UNKNOWN)
        ask = work.clock.now() if _is_conflict(delivery) else delivery.ask_after
        outcome.step(tx, work, delivery, State.UNKNOWN, event="retried", fault=fault, ask_after=ask)
        return None
    if delivery.stage:
        outcome.step(tx, work, delivery, State.SENDING, event="retried", fault=NO_FAULT)
        return None
    if state is State.SENDING:
        return None
    if state is State.WAITING:
        return replace(delivery, last_asked=None)
    return outcome.step(tx, work, delivery, State.READY, event="retried", fault=NO_FAULT)


def _accept_forms(tx: Transaction, work: Work, chosen: Sequence[Delivery]) -> None:
    """Note that a human takes the forms as they are. Raises UsageError where none of them was the matter."""
    stopped = [
        (each.record_id, each.id)
        for each in chosen
        if each.fault is not None and each.fault.failure == FailureClass.FORM_CHANGED
    ]
    if not stopped:
        raise UsageError(
            tr("none of these records was stopped for its form"),
            hint=tr("--form-as-it-is is for records of the class '{name}'", name=FailureClass.FORM_CHANGED),
        )
    events.note_all(tx, stopped, events.FORM_ACCEPTED, work.clock.now(), run=work.run)


def _release(tx: Transaction, work: Work, delivery: Delivery, selection: Selection) -> None:
    """Note that a claim which says the same as an earlier one is to be sent all the same, and why."""
    if delivery.state is not State.FAILED:
        return
    if not selection.release:
        raise _refusal(
            delivery,
            tr("it says the same as an earlier one: add --release --reason TEXT if it is to be sent as well"),
        )
    events.note(
        tx,
        delivery.record_id,
        RELEASED,
        work.clock.now(),
        run=work.run,
        delivery_id=delivery.id,
        reason=selection.release,
        by=who(),
    )


def _has_vanished(delivery: Delivery) -> bool:
    """True for a bill that we made and that the target did not have when it was asked for."""
    return delivery.state is State.UNKNOWN and _is_conflict(delivery) and delivery.target_id is not None


def _may_be_there(delivery: Delivery) -> bool:
    """True for what was set aside while nobody knew what the target has of it."""
    fault = delivery.fault
    unsure = (FailureClass.UNKNOWN, FailureClass.CONFLICT)
    return delivery.state is State.SKIPPED and fault is not None and fault.failure in unsure


def _refusal(delivery: Delivery, why: str) -> UsageError:
    name = delivery.number or delivery.source_id
    return UsageError(tr("record '{name}' cannot be retried: {why}", name=name, why=why))


def set_aside(tx: Transaction, chosen: Sequence[Delivery], reason: str, at: datetime) -> int:
    """Mark records as handled by a human: skipped, with the reason; how many. Raises UsageError.

    What was unknown keeps that class: should it be brought back, the target is asked first. A delivered
    record stays delivered; what stands against it is dealt with.
    """
    for delivery in chosen:
        name = delivery.number or delivery.source_id
        if marks.settle(tx, delivery, reason, who(), at) is not None:
            continue
        if delivery.state in (State.DELIVERED, State.DONE):
            raise UsageError(tr("record '{name}' is delivered and cannot be skipped", name=name))
        if delivery.state is State.SENDING and not delivery.stage:
            raise UsageError(
                tr("record '{name}' is being sent, or was when a run died", name=name),
                hint=tr("run the scheme once more, then skip it"),
            )
        unknown = delivery.state is State.UNKNOWN and delivery.fault is not None
        fault = Fault(reason, delivery.fault.failure if unknown and delivery.fault else None)
        deliveries.move(
            tx,
            delivery,
            State.SKIPPED,
            run="by hand",
            at=at,
            fault=fault,
            event="set aside",
            detail={"reason": reason},
        )
    return len(chosen)


def _is_conflict(delivery: Delivery) -> bool:
    return delivery.fault is not None and delivery.fault.failure == FailureClass.CONFLICT
