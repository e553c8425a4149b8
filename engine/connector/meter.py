"""Counting calls before they are made."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

__all__ = ["CountingMeter", "Meter"]


class Meter(Protocol):
    """Who is asked before each call; the ledger's own counts for all processes, and paces."""

    async def reserve(self, interface: str, *, metered: bool) -> None:
        """Wait for the turn of one call, and count it. Raises QuotaSpent when there is none left.

        `metered` is False for what the vendor does not charge for: counted and paced, but not taken from the
        monthly quota.
        """


class CountingMeter:
    """Counts and lets everything pass; for commands that keep no ledger."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def reserve(self, interface: str, *, metered: bool) -> None:
        self.calls[interface] += 1
