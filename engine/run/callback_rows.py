"""Callbacks (回写) as ledger rows, made in the transaction of what they tell of: none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.language import tr
from engine.ledger import deliveries, records
from engine.ledger.rows import State
from engine.mapping.paths import Path
from engine.mapping.scope import MISS
from engine.mapping.templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.mapping.evaluator import Evaluator
    from engine.run.lane import CallbackLane, Work

__all__ = ["callback_system", "create"]


def callback_system(scheme: str, target_system: str) -> str:
    """The 'source system' of the callbacks of one scheme: its own deliveries."""
    return f"callback:{scheme}@{target_system}"


def create(tx: Transaction, work: Work, callbacks: Sequence[CallbackLane], parent: Delivery) -> None:
    """Make a delivery of its own for each callback, once for each parent and occasion."""
    for callback in callbacks:
        record = _record(tx, work, callback, parent)
        scheme, now = callback.lane.scheme, work.clock.now()
        row = _row(tx, work, callback, parent, _first(scheme.source.id, record))
        fresh = deliveries.register(
            tx,
            scheme.id,
            callback.lane.to.system,
            [row],
            run=work.run,
            at=now,
            part=callback.spec.on,
            state=State.READY,
            parent_id=parent.id,
            adopted=parent.adopted,
        )
        if fresh:
            records.keep_snapshot(tx, row, record, _first(scheme.source.number, record), True, now)


def _row(tx: Transaction, work: Work, callback: CallbackLane, parent: Delivery, id: str | None) -> int:
    """The record of one callback of one parent: its id is the scheme's matter, and may repeat."""
    lane, occasion = callback.lane, callback.spec.on
    system = callback_system(parent.scheme, parent.target_system)
    family, own = f"{occasion}:{lane.scheme.id}", f"delivery-{parent.id}"
    source_id = id or own
    row = records.register(tx, system, family, [source_id], work.clock.now())[source_id]
    there = deliveries.find(tx, lane.scheme.id, lane.to.system, record_ids=[row])
    if all(each.parent_id == parent.id for each in there):
        return row
    source_id = f"{id} {own}"
    return records.register(tx, system, family, [source_id], work.clock.now())[source_id]


def _record(tx: Transaction, work: Work, callback: CallbackLane, parent: Delivery) -> dict[str, Any]:
    """What a callback scheme reads: `data`, and `result` or `error`."""
    spec, source = callback.spec, records.snapshot(tx, parent.record_id) or {}
    record = {name: _value(leaf, source, callback.evaluator) for name, leaf in spec.data.items()}
    if spec.on == "delivered":
        return record | {
            "result": {
                "id": parent.target_id,
                "number": parent.target_number,
                "stage": parent.stage,
                "amount": None if parent.amount is None else format(parent.amount, "f"),
                "delivered_at": work.clock.now().isoformat(timespec="seconds"),
            }
        }
    fault = parent.fault
    return record | {
        "error": {
            "class": fault.failure if fault else None,
            "reason": fault.reason if fault else tr("unknown"),
            "field": fault.field if fault else None,
            "label": fault.label if fault else None,
        }
    }


def _value(leaf: Path | Template | object, source: Mapping[str, Any], evaluator: Evaluator) -> Any:
    """One entry of `data`; what the record lacks becomes null, for the callback's own mapping to judge."""
    if isinstance(leaf, Path):
        found = leaf.find(source)
        return found[0] if found else None
    if isinstance(leaf, Template):
        try:
            return evaluator.evaluate(leaf, source, {}, lambda table, key: MISS)
        except RecordError:
            return None
    return leaf


def _first(path: Path, record: Mapping[str, Any]) -> str | None:
    found = path.find(record)
    return str(found[0]) if found and found[0] not in (None, "") else None
