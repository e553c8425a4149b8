"""What a call can end in, and what a connector's decoder can ask of the session."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from engine.errors import UnclearOutcome, Unreachable

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.connector.messages import Replied

__all__ = ["NeverSent", "NoAnswer", "Renew", "Retry", "retry_after"]


class NeverSent(Unreachable):
    """Nothing left this machine: the call may be made again at once."""


class NoAnswer(UnclearOutcome):
    """Something may have left and no whole answer came back: nobody knows what the system did."""


class Retry(Exception):
    """This answer is worth another try, after `after` seconds where the system said how long."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.after = after


class Renew(Exception):
    """Token or session is lost. The decoder has dropped it; `Session.read` makes the request anew, once."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def retry_after(response: Replied, clock: Clock) -> float | None:
    """Seconds that the Retry-After header asks for (a number or a date), or None."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:6])
    try:
        return max((parsedate_to_datetime(text) - clock.now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
