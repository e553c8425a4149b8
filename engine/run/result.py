"""How a run ended: the counts, the status, the exit code, and the object that ``--json`` prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, Unreachable
from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.rows import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

__all__ = [
    "Counts",
    "RunResult",
    "attention",
    "attention_and_alerts",
    "callback_counts",
    "conclude",
    "counts",
]


@dataclass(frozen=True, slots=True)
class Counts:
    """Distinct records that a run touched, by where they stand at its end."""

    already: int = 0
    delivered: int = 0
    skipped: int = 0
    waiting: int = 0
    failed: int = 0
    unknown: int = 0
    pending: int = 0

    @property
    def fetched(self) -> int:
        return (
            self.already
            + self.delivered
            + self.skipped
            + self.waiting
            + self.failed
            + self.unknown
            + self.pending
        )

    def as_json(self) -> dict[str, int]:
        names = ("fetched", "already", "delivered", "skipped", "waiting", "failed", "unknown", "pending")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run, as its summary and ``--json`` tell it."""

    run: str
    scheme: str
    environment: str
    status: str
    exit_code: int
    counts: Counts
    attention: int
    amount: Decimal
    callbacks: Mapping[str, int]
    calls: Mapping[str, Mapping[str, int]]
    seconds: float
    ledger: str
    message: str | None = None
    warnings: tuple[str, ...] = ()
    alerts: int = 0
    error: EngineError | None = field(default=None, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The object of design §7; `alerts`, `message`, `warnings` and `error` only where there are any."""
        shown: dict[str, Any] = {
            "run": self.run,
            "scheme": self.scheme,
            "environment": self.environment,
            "status": self.status,
            "counts": self.counts.as_json(),
            "amount": {"delivered": format(self.amount.quantize(Decimal("0.01")), "f")},
            "attention": self.attention,
            "callbacks": dict(self.callbacks),
            "calls": {name: dict(calls) for name, calls in self.calls.items()},
            "seconds": round(self.seconds, 3),
            "ledger": self.ledger,
        }
        if self.alerts:
            shown["alerts"] = self.alerts
        if self.message:
            shown["message"] = self.message
        if self.warnings:
            shown["warnings"] = list(self.warnings)
        if self.error is not None:
            shown["error"] = {
                "class": self.error.kind,
                "message": self.error.message,
                "hint": self.error.hint,
            }
        return shown


def counts(tx: Transaction, lane: Lane, run: str) -> Counts:
    """Count what a run touched."""
    found: dict[str, int] = {}
    tallied = deliveries.tally(tx, lane.scheme.id, lane.to.system, run=run)
    for (state, _, delivered_here, adopted, was_read), number in tallied.items():
        name = _column(State(state), delivered_here and not adopted, was_read)
        found[name] = found.get(name, 0) + number
    return Counts(**found)


def _column(state: State, delivered_here: bool, was_read: bool) -> str:
    match state:
        case State.DELIVERED | State.DONE:
            return "delivered" if delivered_here else "already"
        case State.SKIPPED | State.FAILED | State.UNKNOWN:
            return str(state)
        case State.WAITING if was_read:
            return "waiting"
    return "pending"


def attention(tx: Transaction, lane: Lane) -> int:
    """Open failures of the scheme in this environment: a failure is never forgotten by a later run."""
    return attention_and_alerts(tx, lane)[0]


def attention_and_alerts(tx: Transaction, lane: Lane) -> tuple[int, int]:
    """Open failures, and delivered records against which something stands until somebody deals with it."""
    return deliveries.standing(tx, lane.scheme.id, lane.to.system)


_LEFT = (State.FAILED, State.UNKNOWN, State.READY, State.SENDING, State.WAITING)


def callback_counts(tx: Transaction, lane: Lane, source_system: str, run: str) -> dict[str, int]:
    """The callbacks that this run wrote, and those that are open, whatever run they come from."""
    found = {"written": 0, "failed": 0, "pending": 0}
    for scheme, system in {(each.lane.scheme.id, each.lane.to.system) for each in lane.callbacks}:
        written = deliveries.tally(tx, scheme, system, run=run, source_system=source_system)
        for (state, _, here, *_), number in written.items():
            if state in (State.DELIVERED, State.DONE) and here:
                found["written"] += number
        left = deliveries.tally(tx, scheme, system, source_system=source_system, states=_LEFT)
        for (state, *_), number in left.items():
            if state in (State.FAILED, State.UNKNOWN):
                found["failed"] += number
            elif state in (State.READY, State.SENDING, State.WAITING):
                found["pending"] += number
    return found


def conclude(
    work: Work, counted: Counts, open_: int, callbacks: Mapping[str, int], alerts: int = 0
) -> tuple[str, int, EngineError | None]:
    """Status, exit code and the error to tell of: 2 before 3 before 1."""
    brake, tally = work.brake, work.tally
    error = brake.fatal or brake.sending or brake.reading
    got_nothing = (
        tally.read == 0 and not counted.delivered + counted.already + counted.skipped + counted.waiting
    )
    if error is not None and (brake.fatal is error or error.exit_code == 2):
        return "failed", error.exit_code, error
    if brake.sending is not None and brake.sending.exit_code == 3:
        return "partial" if counted.delivered else "failed", 3, error
    if got_nothing and brake.reading is not None and brake.reading.exit_code == 3:
        return "failed", 3, error
    if got_nothing and tally.broken_pages and not tally.listed:
        return (
            "failed",
            3,
            error or Unreachable(tally.warnings[0] if tally.warnings else tr("nothing was read")),
        )
    callbacks_open = callbacks["failed"] or callbacks["pending"]
    if counted.pending or open_ or alerts or callbacks_open or tally.broken_pages or brake.guard or error:
        return "partial", 1, error
    return "success", 0, None
