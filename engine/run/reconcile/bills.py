"""The target's side: the form's bills in the period, and those under our keys, whatever their date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.connector.api import Listing
from engine.errors import ConfigurationError
from engine.language import tr
from engine.run.reconcile.model import Bill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from engine.connector.api import Listed
    from engine.run.lane import Lane

__all__ = ["Bills", "bill_of", "dated", "same_key"]


def same_key(key: str) -> str:
    """A key as databases compare it: without regard to case and blanks around it."""
    return key.strip().casefold()


def dated(facts: Mapping[str, str | Decimal], day: date | None) -> dict[str, str | Decimal]:
    """Facts to compare, with the document's date among them."""
    return dict(facts) if day is None else {**facts, "date": day.isoformat()}


class Bills:
    """Asks one lane's target. Raises ConfigurationError for a target whose documents cannot be listed."""

    def __init__(self, lane: Lane) -> None:
        if not isinstance(lane.target, Listing):
            raise ConfigurationError(
                tr(
                    "the documents of '{interface}' cannot be listed, so both sides cannot be compared",
                    interface=lane.scheme.target.interface,
                ),
                position=lane.scheme.target.position,
            )
        self._target = lane.target
        self._key = lane.scheme.target.key

    async def listed(self, since: datetime, until: datetime) -> AsyncIterator[Bill]:
        """Bills of the form whose own date lies in the period, whoever made them."""
        async for one in self._target.list_documents(since, until, self._key):
            yield bill_of(one)

    async def under(self, keys: Sequence[str]) -> AsyncIterator[Bill]:
        """Bills with these keys."""
        if keys:
            async for one in self._target.find_documents(self._key, keys):
                yield bill_of(one)


def bill_of(one: Listed) -> Bill:
    """What is compared of a document of the target."""
    return Bill(
        one.existing.id,
        one.existing.number or one.existing.id,
        one.key,
        one.existing.stage,
        dated(one.existing.facts, one.day),
        day=one.day,
        cancelled=one.cancelled,
        changed=one.changed,
    )
