"""Looking into the ledger without running anything: no simulator is started and no system is called.

Which target systems a scheme's records stand under is read from the ledger and the environment's
connections, as far as those are known without calling; a scheme is named by its id, or by its file.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.connector.registry import connector_class
from engine.connector.session import Session
from engine.connector.transport import HttpTransport
from engine.errors import EngineError, UsageError
from engine.language import tr
from engine.ledger import deliveries, events, records
from engine.ledger.open import open_ledger, require_ledger
from engine.ledger.rows import Fault, State
from engine.run.retry import named, set_aside
from engine.run.workplace import clock_of
from engine.scheme.load import find_scheme, load_scheme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engine.clock import Clock
    from engine.ledger.port import LedgerPort
    from engine.ledger.rows import Delivery
    from engine.run.workplace import Choice

__all__ = ["View", "list_records", "looking", "scheme_id", "show_record", "skip_records", "target_system"]


@dataclass(frozen=True, slots=True)
class View:
    """A ledger to look into, and the environment that the question is about."""

    choice: Choice
    ledger: LedgerPort
    clock: Clock


@asynccontextmanager
async def looking(choice: Choice) -> AsyncIterator[View]:
    """Open the ledger of a choice, which must be there. Raises UsageError where it is not."""
    require_ledger(choice.ledger)
    ledger = open_ledger(choice.ledger)
    try:
        yield View(choice, ledger, clock_of(choice))
    finally:
        await ledger.aclose()


def scheme_id(name: str) -> str:
    """The id that a path or id means; a name without a file is taken as an id that the ledger may know."""
    try:
        path = find_scheme(name, Path.cwd())
    except UsageError:
        if "/" in name or name.endswith((".yaml", ".yml")):
            raise
        return name
    loaded = load_scheme(path)
    scheme = loaded.scheme or loaded.draft
    return scheme.id if scheme is not None else path.stem


def target_system(view: View, name: str) -> str | None:
    """The target system of a scheme in this environment; None when its file or credentials do not tell."""
    try:
        return _target_system(view, name)
    except EngineError:
        return None


def _target_system(view: View, name: str) -> str | None:
    """The target system of a scheme in this environment. Raises EngineError where it cannot be told."""
    scheme = load_scheme(find_scheme(name, Path.cwd()))
    known = scheme.scheme or scheme.draft
    return None if known is None else identity_of(view.choice, view.clock, known.target.connection)


def identity_of(choice: Choice, clock: Clock, connection: str) -> str:
    """The system that a connection reaches, without calling it; a simulator need not run."""
    named = choice.environment.connection(connection)
    if named.simulator is not None:
        return named.simulated_system
    known = named.resolved()
    session = Session(known, clock, HttpTransport(known.limits))
    return connector_class(known.connector)(known, session).identity()


async def list_records(
    view: View, scheme: str, states: Sequence[State], failure: str | None
) -> list[Delivery]:
    """A scheme's records in some states, in this environment; delivered ones against which something stands
    count among the failed. Raises UsageError for a scheme nobody knows.
    """
    id, system = scheme_id(scheme), target_system(view, scheme)
    alerts = {State.FAILED, State.UNKNOWN} <= set(states) and State.DONE not in states
    found, met = await view.ledger.do(
        lambda tx: (
            [
                *deliveries.in_states(tx, id, system, states, failure=failure, limit=None),
                *(deliveries.alerts(tx, id, system, failure=failure) if alerts else []),
            ],
            deliveries.in_states(tx, id, None, list(State), limit=1),
        )
    )
    if not met:
        find_scheme(scheme, Path.cwd())
    return found


async def show_record(view: View, scheme: str, name: str) -> dict[str, Any]:
    """All that the ledger knows of one record under a scheme. Raises UsageError when it knows nothing."""
    id, system = scheme_id(scheme), target_system(view, scheme)

    def look(tx: Any) -> dict[str, Any]:
        delivery = _one(tx, id, system, name)
        return {
            **_summary(delivery),
            "record": records.snapshot(tx, delivery.record_id),
            "payload": delivery.payload,
            "events": [
                {
                    "at": event.at.isoformat(timespec="seconds"),
                    "kind": event.kind,
                    "run": event.run,
                    **event.detail,
                }
                for event in events.of_record(tx, delivery.record_id)
                if event.delivery_id in (None, delivery.id)
            ],
        }

    return await view.ledger.do(look)


def _one(tx: Any, scheme: str, system: str | None, name: str) -> Delivery:
    found = named(tx, scheme, system, [name])
    return found[0]


def _summary(delivery: Delivery) -> dict[str, Any]:
    fault = delivery.fault or Fault("")
    return {
        "id": delivery.source_id,
        "number": delivery.number,
        "scheme": delivery.scheme,
        "target_system": delivery.target_system,
        "state": str(delivery.state),
        "stage": delivery.stage or None,
        "class": fault.failure,
        "reason": fault.reason or None,
        "field": fault.field,
        "label": fault.label,
        "path": fault.path,
        "file": fault.file,
        "line": fault.line,
        "key": delivery.key,
        "target_id": delivery.target_id,
        "target_number": delivery.target_number,
        "amount": None if delivery.amount is None else format(delivery.amount, "f"),
        "adopted": delivery.adopted,
        "delivered_at": delivery.delivered_at.isoformat(timespec="seconds")
        if delivery.delivered_at
        else None,
    }


async def skip_records(view: View, scheme: str, names: Sequence[str], reason: str) -> int:
    """Set records aside as handled by a human; how many. Only in the system that this environment reaches."""
    if not reason.strip():
        raise UsageError(tr("say why: --reason is kept with the record"))
    id, system = scheme_id(scheme), _target_system(view, scheme)
    now = view.clock.now()
    return await view.ledger.do(lambda tx: set_aside(tx, named(tx, id, system, names), reason, now))
