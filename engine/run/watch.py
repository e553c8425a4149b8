"""Watching the form that a scheme reads: what is known of it, what a record shows, and how that is told."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import FailureClass
from engine.language import tr
from engine.ledger import records
from engine.ledger.rows import Fault
from engine.mapping.reads import TOP
from engine.run.changes import FEW, MANY, Change, Doubt, Known, find, questions
from engine.run.shape import Shapes
from engine.scheme.reads import reads_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.connector.api import Formed
    from engine.ledger.port import LedgerPort
    from engine.ledger.records import Recent
    from engine.ledger.rows import Delivery
    from engine.mapping.reads import Spot
    from engine.run.shape import Layout, Shape
    from engine.scheme.model import Scheme

__all__ = ["FormWatch", "Sight"]

_PAST = 2 * MANY
_SEEN = 100
_IGNORANT = 4 * FEW
_SUPPOSED = 20
_REMEMBERED = 10_000
_LABEL, _PATH = 300, 500
_OPEN = 1000
"""How many records may wait for the end of a run; with more, what is known must do."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one record's form showed: nothing strange, changes, or doubts that the end of the run clears."""

    watch: FormWatch
    shape: Shape
    found: Sequence[Change | Doubt] = ()

    def about(self, part: str) -> list[Change | Doubt]:
        """What concerns the fields that a condition reads."""
        return [each for each in self.found if any(read.part == part for read in self.watch.reads[each.spot])]

    def supposed(
        self, record: Mapping[str, Any], about: Sequence[Change | Doubt]
    ) -> Iterator[Mapping[str, Any]]:
        """The record as it might be had the form not changed: under the old label what stands under the new
        one, else whatever earlier records held; and as it is, where a field is only empty."""
        if all(isinstance(each, Doubt) for each in about):
            yield record
        for each in about:
            for value in self._values(record, each):
                yield {**record, each.spot[1]: value}

    def _values(self, record: Mapping[str, Any], about: Change | Doubt) -> list[Any]:
        if about.spot[0] != TOP:
            return []
        if isinstance(about, Change) and about.new is not None and about.kind != "gone":
            return [record.get(about.new)]
        held = [other.values.get(about.spot) for other in self.watch.known().sent]
        values = list(dict.fromkeys(value for value in held if isinstance(value, str) and value))
        return values if len(values) <= _SUPPOSED else []

    def stop(self, about: Sequence[Change | Doubt]) -> Fault | None:
        """The fault of the first change, where there is one: the record counts as stopped for its form."""
        change = next((each for each in about if isinstance(each, Change)), None)
        if change is None:
            return None
        self.watch.stopped(self.shape)
        return self.watch.fault(change)

    def postpone(self) -> None:
        """It waits for the end of the run."""
        self.watch.postponed(
            self.shape, any(isinstance(each, Doubt) and each.ignorant for each in self.found)
        )

    def passed(self) -> None:
        """Its document is going to be sent: from now on it is one to compare with."""
        self.watch.passed(self.shape)


class FormWatch:
    """What is known of the forms that one scheme reads: the last documents that it sent, read once from the
    ledger, and those of this run."""

    def __init__(
        self, scheme: Scheme, source: Formed, *, system: str, family: str, target_system: str
    ) -> None:
        self.reads = reads_of(scheme)
        self._recent = partial(
            records.recent,
            system=system,
            family=family,
            scheme=scheme.id,
            target_system=target_system,
            most=_PAST,
        )
        kept = [
            spot
            for spot, reads in self.reads.items()
            if any(read.part in ("final", "where") for read in reads)
        ]
        self._shape = Shapes(source, self.reads.keys(), kept).of
        self._questions: dict[tuple[Layout, Layout], tuple[Spot, ...]] = {}
        self._past: dict[str, Shape] = {}
        self._stopped: dict[str, Shape] = {}
        self._seen: deque[Shape] = deque()
        self._sent: list[Shape] = []
        self._known: set[str] = set()
        self._open: dict[str, Shape] = {}
        self._ignorant = 0
        self._loaded = False
        self._lock = asyncio.Lock()

    async def load(self, ledger: LedgerPort) -> None:
        """Read the last documents of the scheme from the ledger, once."""
        if self._loaded:
            return
        async with self._lock:
            if self._loaded:
                return
            found = await ledger.do(lambda tx: _shown(self._recent(tx), self._shape))
            past = sorted((shape for shape, stopped in found if not stopped), key=lambda shape: shape.at)
            self._past = {shape.id: shape for shape in past[-_PAST:]}
            self._sent = list(self._past.values())
            self._known = set(self._past)
            self._stopped = {shape.id: shape for shape, stopped in found if stopped}
            self._loaded = True

    def look(
        self, id: str, record: Mapping[str, Any], *, late: bool = True, as_it_is: bool = False
    ) -> Sight | None:
        """What a record's form shows: nothing, where a human takes it `as_it_is`. `late`: nothing more is
        going to be known. None where nothing is watched, or the record's own document was sent before."""
        if not self._loaded or id in self._past:
            return None
        shape = self._shape(id, record)
        if shape is None:
            return None
        if as_it_is:
            return Sight(self, replace(shape, accepted=True))
        among = self._in_question(shape)
        if among == ():
            return Sight(self, shape)
        found = find(shape, self.reads, self.known(), among)
        return Sight(self, shape, [each for each in map(partial(self._weighed, late), found) if each])

    def _in_question(self, shape: Shape) -> tuple[Spot, ...] | None:
        """The fields for which other forms must be looked at, as for the last record that was like this one;
        None where there is no last document to compare with, or it is this one."""
        last = self._sent[-1] if self._sent else None
        if last is None or last.layout is None or shape.layout is None or shape.id in self._known:
            return None
        layouts = shape.layout, last.layout
        found = self._questions.get(layouts)
        if found is None:
            if len(self._questions) >= _REMEMBERED:
                self._questions.clear()
            found = self._questions[layouts] = questions(shape, self.reads, last)
        return found

    def _weighed(self, late: bool, about: Change | Doubt) -> Change | Doubt | None:
        if isinstance(about, Change) and (late or about.kind not in ("empty", "gone")):
            return about
        if late or len(self._open) >= _OPEN:
            return about if isinstance(about, Change) else None
        if isinstance(about, Doubt) and about.ignorant and self._ignorant >= _IGNORANT:
            return None
        return about if isinstance(about, Doubt) else Doubt(about.spot)

    def known(self) -> Known:
        """All that records are compared with."""
        return Known(self._sent, self._stopped.values(), self._open.values(), self._known)

    def passed(self, shape: Shape) -> None:
        """A document is going to be sent from a form like this."""
        self._forget(shape)
        if shape.id in self._known:
            return
        insort(self._sent, shape, key=lambda other: other.at)
        self._seen.append(shape)
        self._known.add(shape.id)
        if len(self._seen) > _SEEN:
            oldest = self._seen.popleft()
            self._sent.remove(oldest)
            self._known.remove(oldest.id)

    def stopped(self, shape: Shape) -> None:
        """A record was stopped for its form."""
        self._forget(shape)
        self._stopped[shape.id] = shape

    def postponed(self, shape: Shape, ignorant: bool) -> None:
        """A record waits for the end of the run; `ignorant`: because too few are known yet."""
        self._open[shape.id] = shape
        self._ignorant += ignorant

    def in_order(self, postponed: Sequence[Delivery]) -> list[Delivery]:
        """What waits for the end of the run, by when it was made."""
        still = [each for each in postponed if each.source_id in self._open]
        return sorted(still, key=lambda each: self._open[each.source_id].at)

    def _forget(self, shape: Shape) -> None:
        self._open.pop(shape.id, None)
        self._stopped.pop(shape.id, None)

    # --- in words ---------------------------------------------------------------------------------------

    def fault(self, change: Change) -> Fault:
        """A change as the ledger keeps it, placed where the scheme reads the field."""
        read = self.reads[change.spot][0]
        fault = Fault(
            _told(change),
            FailureClass.FORM_CHANGED,
            field=read.field,
            label=change.spot[1][:_LABEL],
            path=read.text[:_PATH],
            file=read.position.file,
            line=read.position.line,
        )
        hint = _hint(change)
        return replace(fault, reason=f"{fault.reason} ({hint})") if hint else fault


def _shown(found: Sequence[Recent], shape: Any) -> list[tuple[Shape, bool]]:
    shapes = [(shape(each.source_id, each.snapshot), each) for each in found]
    return [(replace(one, accepted=each.accepted), each.stopped) for one, each in shapes if one is not None]


def _told(change: Change) -> str:
    old, new = _name(change.spot), change.new
    match change.kind:
        case "renamed":
            return tr("the form was changed: '{old}' is called '{new}' now", old=old, new=new)
        case "older":
            return tr(
                "the form was changed since this was made: '{old}' was called '{new}' then", old=old, new=new
            )
        case "moved":
            return tr(
                "the form was changed: what was '{old}' is called '{new}' now, and '{old}' is another field",
                old=old,
                new=new,
            )
        case "empty":
            return tr(
                "the form was changed, it seems: '{old}' is empty in {lacking} of the last {of}, "
                "and all {before} before had it",
                old=old,
                lacking=change.lacking,
                of=change.of,
                before=change.before,
            )
    if new is None:
        return tr(
            "the form was changed: it has no '{old}', which all of the last {before} had",
            old=old,
            before=change.before,
        )
    return tr(
        "the form was changed: it has no '{old}', which all of the last {before} had; "
        "perhaps it is '{new}' now",
        old=old,
        before=change.before,
        new=new,
    )


def _hint(change: Change) -> str | None:
    if change.kind != "older" or change.new is None:
        return None
    return tr(
        "read both: {{value: '{new}', default: '{old}'}}",
        new=f"$.{change.spot[1]}" if change.spot[0] == TOP else f"@.{change.spot[1]}",
        old=f"$.{change.new}" if change.spot[0] == TOP else f"@.{change.new}",
    )


def _name(spot: Spot) -> str:
    return spot[1] if spot[0] == TOP else f"{spot[0]}.{spot[1]}"
