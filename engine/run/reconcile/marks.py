"""What the ledger keeps of differences: that one was found, that it is gone, that a human has dealt with it.

Each is an event of the claim's record, so that `engine why` tells it; a bill that no claim explains gets a
record of its own, which no scheme reads. A mark names the very difference by its fingerprint: when either
side changes again, the difference is open again.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.errors import UsageError
from engine.language import tr
from engine.ledger import comparing, deliveries, events, records
from engine.run.life import marks as life
from engine.run.owner import who
from engine.run.reconcile.model import Mark, Weight
from engine.run.reconcile.texts import worth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Event
    from engine.run.lane import Lane
    from engine.run.reconcile.model import Difference

__all__ = ["ADOPTED", "FOUND", "GONE", "HANDLED", "fingerprint", "handle", "keep"]

FOUND = "difference"
GONE = "difference gone"
HANDLED = "handled"
ADOPTED = "adopted by hand"


def fingerprint(difference: Difference) -> str:
    """What tells this very difference from any other: its cause, and both sides as they stand."""
    claim = difference.claim
    sides = [
        str(difference.cause),
        claim.id if claim else "",
        sorted((name, worth(value)) for name, value in (claim.facts if claim else {}).items()),
        sorted(
            [bill.id, bill.number, bill.stage, str(bill.cancelled)]
            + [f"{name}={worth(value)}" for name, value in sorted(bill.facts.items())]
            for bill in difference.bills
        ),
    ]
    return sha256(jsontext.dumps(sides).encode()).hexdigest()[:16]


def keep(
    tx: Transaction, lane: Lane, differences: Sequence[Difference], matched: Sequence[int], at: datetime
) -> list[Difference]:
    """Write down what is new, and give each difference its mark; `matched` are records that agree by now.

    A difference that was found before is not written down again.
    """
    ours = _Ours(lane)
    rows = {id(each): ours.row(tx, each, at) for each in differences}
    known = comparing.latest(tx, [*set(rows.values()), *matched], [FOUND, GONE, HANDLED])
    kept = []
    for each in differences:
        row = rows[id(each)]
        told = ours.only(known.get(row, []))
        if each.weight is Weight.OPEN and not _stands(told, each.fingerprint):
            delivery = each.claim.told.delivery_id if each.claim and each.claim.told else None
            events.note(tx, row, FOUND, at, delivery_id=delivery, **ours.detail(each))
        kept.append(_marked(each, told))
    for row in matched:
        told = ours.only(known.get(row, []))
        if any(event.kind == FOUND for event in told) and told[-1].kind != GONE:
            last = told[-1]
            events.note(tx, row, GONE, at, delivery_id=last.delivery_id, **ours.names)
    return kept


def handle(
    tx: Transaction, scheme: str, system: str | None, names: Sequence[str], reason: str, at: datetime
) -> list[str]:
    """Mark what stands against each name, and the difference last found for it, as dealt with; the causes.

    Raises UsageError where there is neither.
    """
    causes = []
    for name in names:
        stood = _settle(tx, scheme, system, name, reason, at)
        found = [
            (row, event)
            for row, event in comparing.named(tx, name, FOUND)
            if event.detail.get("scheme") == scheme and system in (None, event.detail.get("system"))
        ]
        if not found and stood is not None:
            causes.append(stood)
            continue
        if not found:
            raise UsageError(
                tr("no difference of '{name}' is known under scheme '{scheme}'", name=name, scheme=scheme),
                hint=tr("`engine reconcile {scheme}` finds them", scheme=scheme),
            )
        row, event = found[-1]
        detail = {key: event.detail.get(key) for key in ("scheme", "system", "cause", "fingerprint")}
        events.note(
            tx,
            row,
            HANDLED,
            at,
            run="by hand",
            delivery_id=event.delivery_id,
            **detail,
            reason=reason,
            by=who(),
        )
        causes.append(str(event.detail.get("cause")))
    return causes


def _settle(
    tx: Transaction, scheme: str, system: str | None, name: str, reason: str, at: datetime
) -> str | None:
    """Deal with what stands against a delivered record; the class of it."""
    found = deliveries.find(tx, scheme, system, names=[name])
    settled = [life.settle(tx, each, reason, who(), at) for each in found]
    return next((cause for cause in settled if cause is not None), None)


class _Ours:
    """Which events concern one lane, and where those of its differences stand."""

    def __init__(self, lane: Lane) -> None:
        self.names: dict[str, Any] = {"scheme": lane.scheme.id, "system": lane.to.system}
        self._family = f"reconcile:{lane.form_name}"

    def only(self, found: Sequence[Event]) -> list[Event]:
        return [
            event for event in found if all(event.detail.get(key) == name for key, name in self.names.items())
        ]

    def row(self, tx: Transaction, difference: Difference, at: datetime) -> int:
        if difference.claim is not None:
            return difference.claim.record_id
        bill = difference.bills[0]
        system = self.names["system"]
        known = comparing.known(tx, system, self._family, [bill.id]).get(bill.id)
        if known is not None and known.number == bill.number:
            return known.row
        row = records.register(tx, system, self._family, [bill.id], at)[bill.id]
        records.keep_snapshot(tx, row, {}, bill.number, True, at)
        return row

    def detail(self, difference: Difference) -> dict[str, Any]:
        return {
            **self.names,
            "cause": str(difference.cause),
            "fingerprint": difference.fingerprint,
            "text": difference.text,
        }


def _stands(told: Sequence[Event], fingerprint: str) -> bool:
    """Whether this very difference is the last that was written down."""
    last = [event for event in told if event.kind in (FOUND, GONE)]
    return bool(last) and last[-1].kind == FOUND and last[-1].detail.get("fingerprint") == fingerprint


def _marked(difference: Difference, told: Sequence[Event]) -> Difference:
    for event in reversed(told):
        if event.kind != HANDLED or event.detail.get("fingerprint") != difference.fingerprint:
            continue
        mark = Mark(str(event.detail.get("reason")), str(event.detail.get("by")), event.at)
        return replace(difference, mark=mark, weight=Weight.HANDLED)
    return difference
