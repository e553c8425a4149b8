"""The whole story of one record: where it stands, how it came there, what to do next, or why it is absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.ledger import events, story
from engine.ledger.rows import State
from engine.run.absence import absence
from engine.run.advice import commands_of, next_steps
from engine.run.life.periods import is_closed
from engine.run.telling import callback_text, event_text, headline, place_of, when

if TYPE_CHECKING:
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.inspect import View

__all__ = ["Chapter", "Story", "why"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A record under one scheme: where it stands, where the matter lies, what to do next, how it came there.

    `events` are (time, sentence), `times` how often a sentence stands for several in a row.
    """

    name: str
    scheme: str
    target_system: str
    state: str
    headline: str
    place: tuple[tuple[str, str], ...]
    next: tuple[str, ...]
    events: tuple[tuple[datetime, str, int], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "scheme": self.scheme,
            "target_system": self.target_system,
            "state": self.state,
            "headline": self.headline,
            "place": dict(self.place),
            "next": list(self.next),
            "events": [{"at": when(at), "text": text, "times": times} for at, text, times in self.events],
        }


@dataclass(frozen=True, slots=True)
class Story:
    """All chapters; where there are none, `absent` says why nobody has seen the record."""

    name: str
    chapters: tuple[Chapter, ...]
    absent: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "found": bool(self.chapters),
            "schemes": [chapter.as_json() for chapter in self.chapters],
            "absent": list(self.absent),
        }


async def why(view: View, name: str, scheme: str | None) -> Story:
    """Tell what became of a record that people call `name`, or why it is not there."""

    def look(tx: Transaction) -> Story:
        found = story.under_all_schemes(tx, name)
        ids = {each.id for each in found}
        told = [
            each for each in found if each.scheme == scheme or (scheme is None and each.parent_id not in ids)
        ]
        if not told:
            elsewhere = sorted({each.scheme for each in found if each.parent_id is None})
            return Story(name, (), tuple(absence(tx, view, name, scheme, elsewhere)))
        told.sort(key=lambda each: each.state is State.SKIPPED)
        return Story(name, tuple(_chapter(tx, view, delivery) for delivery in told))

    return await view.ledger.do(look)


def _chapter(tx: Transaction, view: View, delivery: Delivery) -> Chapter:
    callbacks = story.called_back(tx, delivery.id)
    told = [
        event
        for event in events.of_record(tx, delivery.record_id)
        if event.delivery_id in (None, delivery.id)
    ]
    lines = [(event.at, event_text(event, delivery)) for event in told]
    for callback in callbacks:
        lines += [
            (event.at, text)
            for event in events.of_record(tx, callback.record_id)
            if event.delivery_id == callback.id and (text := callback_text(event, callback)) is not None
        ]
    lines.sort(key=lambda line: line[0])
    return Chapter(
        name=delivery.number or delivery.source_id,
        scheme=delivery.scheme,
        target_system=delivery.target_system,
        state=str(delivery.state),
        headline=headline(delivery, callbacks),
        place=place_of(delivery.fault),
        next=tuple(next_steps(delivery, callbacks, commands_of(view), period_closed=is_closed(told))),
        events=tuple(_counted(lines)),
    )


def _counted(lines: list[tuple[datetime, str]]) -> list[tuple[datetime, str, int]]:
    """A claim that waited for weeks was asked for many times: the same sentence in a row stands once."""
    counted: list[tuple[datetime, str, int]] = []
    for at, text in lines:
        if counted and counted[-1][1] == text:
            counted[-1] = (counted[-1][0], text, counted[-1][2] + 1)
        else:
            counted.append((at, text, 1))
    return counted
