"""The ledger's rows as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

__all__ = ["Delivery", "Event", "Fault", "State"]

_LONGEST_REASON = 2000


class State(StrEnum):
    """How far a record has come under one scheme."""

    WAITING = "waiting"
    READY = "ready"
    SENDING = "sending"
    DELIVERED = "delivered"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is failed, unknown, skipped or held up, and where to mend it.

    A reason may quote what a system or a claim says; it is cut short where that is long.
    """

    reason: str
    failure: str | None = None
    field: str | None = None
    label: str | None = None
    path: str | None = None
    file: str | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        if len(self.reason) > _LONGEST_REASON:
            object.__setattr__(self, "reason", f"{self.reason[:_LONGEST_REASON]}…")


@dataclass(frozen=True)
class Delivery:
    """One delivery and the record it carries.

    `snapshot` is None where the rows were asked for without it, or the record was never read.
    """  # without slots: its many values are then taken over as one

    id: int
    record_id: int
    scheme: str
    target_system: str
    part: str
    parent_id: int | None
    state: State
    fault: Fault | None
    form: str | None
    key: str | None
    payload: Mapping[str, Any] | None
    intent: Mapping[str, Any] | None
    scheme_hash: str | None
    stage: str
    target_id: str | None
    target_number: str | None
    amount: Decimal | None
    adopted: bool
    attempts: int
    fence: int
    sent_at: datetime | None
    ask_after: datetime | None
    waiting_since: datetime | None
    touched_run: str | None
    delivered_run: str | None
    delivered_at: datetime | None
    source_system: str
    source_id: str
    number: str | None
    final: bool
    last_asked: datetime | None
    asked: int
    snapshot: dict[str, Any] | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Delivery:
        """One with these values, all of them; the dict is its own from then on."""
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        return made

    def but(self, **changes: Any) -> Delivery:
        """The same delivery with other values, as `dataclasses.replace` makes it, at a tenth of the cost."""
        return Delivery.of({**self.__dict__, **changes})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a record; `kind` names it, `detail` tells it."""

    at: datetime
    kind: str
    run: str | None
    delivery_id: int | None
    detail: Mapping[str, Any]
