"""What a run has done so far: for the progress display, the guard and the closing summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.errors import EngineError

__all__ = ["Brake", "Tally"]


@dataclass(slots=True)
class Tally:
    """Counters of one run; only ever grows."""

    listed: int = 0
    read: int = 0
    waiting: int = 0
    skipped: int = 0
    sent: int = 0
    delivered: int = 0
    adopted: int = 0
    failed: int = 0
    unknown: int = 0
    written_back: int = 0
    amount: Decimal = Decimal(0)
    guarded_documents: int = 0
    guarded_amount: Decimal = Decimal(0)
    broken_pages: int = 0
    warnings: list[str] = field(default_factory=list)
    phase: str = ""

    def warn(self, text: str) -> None:
        """Keep a warning for the summary, once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass(slots=True)
class Brake:
    """Why a run may not go on reading, or sending. What is under way is finished; the rest stays as it is."""

    reading: EngineError | None = None
    sending: EngineError | None = None
    fatal: EngineError | None = None
    guard: str | None = None

    def stop_reading(self, error: EngineError) -> None:
        """Ask for nothing more in this run."""
        self.reading = self.reading or error

    def stop_sending(self, error: EngineError) -> None:
        """Send nothing more in this run."""
        self.sending = self.sending or error

    def stop(self, error: EngineError) -> None:
        """The run cannot go on at all."""
        self.fatal = self.fatal or error
        self.stop_reading(error)
        self.stop_sending(error)

    @property
    def may_read(self) -> bool:
        return self.reading is None

    @property
    def may_send(self) -> bool:
        return self.sending is None and self.guard is None
