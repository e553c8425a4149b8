"""What a person does next about a record: the exact commands, by state and class of failure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger.rows import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.ledger.rows import Delivery
    from engine.run.inspect import View

    Commands = Callable[..., str]

__all__ = ["GAP", "commands_of", "next_steps"]

_MOVE = "life: {closed_period: act, date_field: …}"

GAP = "…"
"""Stands in a command for what the reader has to write."""


def commands_of(view: View) -> Commands:
    """Writes commands for the environment that was asked about."""
    environment = view.choice.environment
    suffix = "" if environment.is_sandbox else f" --env {shlex.quote(environment.name)}"

    def command(*words: str) -> str:
        return "engine " + " ".join(word if word == GAP else shlex.quote(word) for word in words) + suffix

    return command


def next_steps(
    delivery: Delivery, callbacks: Sequence[Delivery], command: Commands, *, period_closed: bool = False
) -> list[str]:
    """What to do, a sentence for each step; nothing where nothing is to be done.

    `period_closed`: it was refused because the accounting period of its date is closed.
    """
    name = delivery.number or delivery.source_id
    run = command("run", delivery.scheme)
    retry = command("records", "retry", delivery.scheme, name)
    match delivery.state:
        case State.DELIVERED | State.DONE if delivery.fault is not None and delivery.fault.failure:
            return [*_about_alert(delivery, command), *_about_callbacks(callbacks, command)]
        case State.DELIVERED | State.DONE:
            return _about_callbacks(callbacks, command)
        case State.WAITING:
            return [tr("`{command}` asks for it again when that is due; with --recheck at once", command=run)]
        case State.READY | State.SENDING:
            return [tr("`{command}` goes on with it", command=run)]
        case State.SKIPPED:
            retry = command("records", "retry", delivery.scheme, name, "--skipped")
            return [tr("if it is to be sent after all: `{command}`", command=retry)]
    skip = command("records", "skip", delivery.scheme, name, "--reason", GAP)
    failure = (delivery.fault.failure if delivery.fault else None) or ""
    if delivery.state is State.UNKNOWN and failure != FailureClass.CONFLICT:
        return [tr("`{command}` asks the target once the settle time is over, and goes on", command=run)]
    if failure == FailureClass.REISSUED:
        release = command("records", "retry", delivery.scheme, name, "--release", "--reason", GAP)
        return [
            tr("compare both claims, and ask who handed them in"),
            tr("if both are to be paid: `{command}`", command=release),
            tr("if it is not to be sent: `{command}`", command=skip),
        ]
    if period_closed:
        return _about_period(delivery, retry, skip)
    mend = _MEND.get(failure)
    steps = [mend(command, delivery)] if mend else []
    if failure == FailureClass.CHANGED_AFTER_APPROVAL:
        return [*steps, tr("when that is done: `{command}`", command=skip)]
    if failure == FailureClass.CONFLICT:
        return [
            *steps,
            tr("when both agree: `{command}`", command=retry),
            tr(
                "to take the target's as it is: `{command}`",
                command=command("records", "adopt", delivery.scheme, name, "--reason", GAP),
            ),
            tr("if it is not to be sent: `{command}`", command=skip),
        ]
    if failure == FailureClass.TRANSIENT:
        return [*steps, tr("at once: `{command}`", command=retry)]
    if failure == FailureClass.FORM_CHANGED:
        as_it_is = command("records", "retry", delivery.scheme, name, "--form-as-it-is")
        steps += [tr("if the form is right as it is: `{command}`", command=as_it_is)]
    return [
        *steps,
        tr("then: `{command}`", command=retry),
        tr("if it is not to be sent: `{command}`", command=skip),
    ]


def _about_alert(delivery: Delivery, command: Commands) -> list[str]:
    """What to do about a delivered record against which something stands."""
    name = delivery.number or delivery.source_id
    steps = [
        tr("look at the claim and at bill '{number}' in the target", number=delivery.target_number or "")
    ]
    if delivery.fault is not None and delivery.fault.failure == FailureClass.BILL_CHANGED:
        again = command("records", "retry", delivery.scheme, name, "--again")
        steps.append(tr("if the bill is gone and is to be made anew: `{command}`", command=again))
    handle = command("records", "handle", delivery.scheme, name, "--reason", GAP)
    return [*steps, tr("when it is dealt with: `{command}`", command=handle)]


def _about_period(delivery: Delivery, retry: str, skip: str) -> list[str]:
    """What to do about a closed accounting period."""
    if delivery.stage:
        way = tr(
            "open the period in the target, or change the date of bill '{number}' there",
            number=delivery.target_number or "",
        )
    else:
        way = tr("open the period in the target, or give the document another date in the scheme")
    return [
        way,
        tr("to have the date moved by itself, write into the scheme: `{line}`", line=_MOVE),
        tr("then: `{command}`", command=retry),
        tr("if it is not to be sent: `{command}`", command=skip),
    ]


def _about_callbacks(callbacks: Sequence[Delivery], command: Commands) -> list[str]:
    steps = []
    for callback in callbacks:
        name = callback.number or callback.source_id
        if callback.state is State.FAILED:
            retry = command("records", "retry", callback.scheme, name)
            steps.append(tr("to write back again: `{command}`", command=retry))
    return steps


_MEND: dict[str, Callable[[Commands, Delivery], str]] = {
    FailureClass.DATA: lambda command, delivery: _mend_data(delivery),
    FailureClass.BASE_DATA_MISSING: lambda command, delivery: tr(
        "make what is missing in the target, or mend the scheme's table"
    ),
    FailureClass.CHANGED_AFTER_APPROVAL: lambda command, delivery: tr(
        "look at the claim in the source, and settle the difference in the target by hand"
    ),
    FailureClass.FORM_CHANGED: lambda command, delivery: tr(
        "the form was changed: mend the scheme's paths, and check it with `{command}`",
        command=command("validate", delivery.scheme),
    ),
    FailureClass.CONFIGURATION: lambda command, delivery: tr(
        "mend the set-up that the reason names, in the target or in the scheme"
    ),
    FailureClass.CREDENTIALS: lambda command, delivery: tr(
        "mend the connection's credentials or rights, and check them with `{command}`",
        command=command("connections", "check"),
    ),
    FailureClass.LIMIT: lambda command, delivery: tr("wait for new calls, or have the limit raised"),
    FailureClass.TRANSIENT: lambda command, delivery: tr(
        "`{command}` tries again by itself", command=command("run", delivery.scheme)
    ),
    FailureClass.CONFLICT: lambda command, delivery: tr("compare the claim with the bill in the target"),
}


def _mend_data(delivery: Delivery) -> str:
    if delivery.stage:
        return tr("mend the bill in the target: it goes on from its stage")
    return tr("mend the scheme or its tables; if the claim itself was mended, add --refetch")
