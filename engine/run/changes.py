"""Whether a form was changed under a scheme: one record's form against those of the documents sent before.

Nothing here reads or writes. How sure a change must be, and why, stands in docs/architecture.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from engine.mapping.reads import TOP, Spot

if TYPE_CHECKING:
    from engine.run.shape import Shape
    from engine.scheme.reads import Read

__all__ = ["FEW", "MANY", "Change", "Doubt", "Known", "find", "questions"]

FEW: Final = 5
"""So many documents must have been sent before, all with a field, for its absence to mean something."""

MANY: Final = 20
"""The same for its being empty, which it may be for many reasons."""

_EMPTY_ENOUGH: Final = 3
_LABEL: Final = 60
_CANDIDATES: Final = 20
_CHOICES_OF: Final = 4
"""A field explains others by its choice where it holds one value in four records or more, on average."""

Reads = Mapping[Spot, tuple["Read", ...]]


@dataclass(frozen=True, slots=True)
class Known:
    """What a form is compared with: what was `sent`, by when it was made, what was `stopped` for its form, or
    is `open` yet."""

    sent: Sequence[Shape] = ()
    stopped: Collection[Shape] = ()
    open: Collection[Shape] = ()
    ids: Collection[str] | None = None
    """The ids of those that were sent, where they are at hand."""

    def besides(self, shape: Shape) -> Sequence[Shape]:
        """Those that were sent, but for this one itself."""
        if self.ids is not None and shape.id not in self.ids:
            return self.sent
        return [other for other in self.sent if other.id != shape.id]


@dataclass(frozen=True, slots=True)
class Change:
    """A field that a scheme reads and that the form no longer has as it was.

    `kind`: ``renamed`` (the same component has another label, `new`), ``older`` (the record was made before
    that, with the label `new` then), ``moved`` (the component is called `new`, and another one has its
    label), ``gone`` (perhaps `new` now), ``empty`` (in `lacking` of `of` records). `before` is how many
    had it.
    """

    kind: str
    spot: Spot
    new: str | None = None
    before: int = 0
    lacking: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A field of which more can be said when the run has read the rest; `ignorant`: too few are known yet."""

    spot: Spot
    ignorant: bool = False


def questions(shape: Shape, spots: Iterable[Spot], last: Shape | None) -> tuple[Spot, ...]:
    """The fields for which others must be looked at: all but those that are there, filled, and the component
    that they were in the last document. Follows from the layouts of the two alone."""
    return tuple(
        spot
        for spot in spots
        if shape.can_have(spot)
        and not (spot in shape.fields and spot in shape.filled and _is_usual(shape, spot, last))
    )


def find(
    shape: Shape, reads: Reads, known: Known, among: Iterable[Spot] | None = None
) -> list[Change | Doubt]:
    """What has changed of the fields that a scheme reads, in the scheme's order; `among` are those in
    question, where that is known."""
    others = known.besides(shape)
    if among is None:
        among = questions(shape, reads, others[-1] if others else None)
    found = (_about(shape, spot, reads, others, known) for spot in among)
    return [about for about in found if about is not None]


def _is_usual(shape: Shape, spot: Spot, last: Shape | None) -> bool:
    return last is None or shape.components.get(spot) == last.components.get(spot)


def _about(
    shape: Shape, spot: Spot, reads: Reads, others: Sequence[Shape], known: Known
) -> Change | Doubt | None:
    if spot in shape.fields:
        usual = _is_usual(shape, spot, others[-1] if others else None)
        moved = None if usual else _moved(shape, spot, reads, others)
        if moved is not None:
            return moved
        return _emptied(shape, spot, others, known) if shape.lacks(spot) else None
    renamed = _renamed(shape, spot, reads, others)
    return renamed if renamed is not None else _missing(shape, spot, reads, others, known)


# --- by the components' ids: certain --------------------------------------------------------------------


def _renamed(shape: Shape, spot: Spot, reads: Reads, others: Sequence[Shape]) -> Change | None:
    """The component that stood under this label stands under another one here."""
    witnesses = [other for other in others if spot in other.components]
    ids = {other.components[spot] for other in witnesses}
    new = _other_label(shape, spot, ids, others)
    if new is None or new in reads or _accepted(shape, spot, new, others):
        return None
    if all(other.at > shape.at for other in witnesses):
        return Change("older", spot, new[1])
    return Change("renamed", spot, new[1], sum(other.at <= shape.at for other in witnesses))


def _moved(shape: Shape, spot: Spot, reads: Reads, others: Sequence[Shape]) -> Change | None:
    """Another component stands under this label, and the one that did is here under another."""
    mine = shape.components.get(spot)
    earlier = others[: bisect_right(others, shape.at, key=lambda other: other.at)]
    if any(other.components.get(spot) == mine for other in reversed(earlier)):
        return None  # it was this component before, nearly always in the last one that had the field
    witnesses = [other for other in earlier if spot in other.components]
    ids = {other.components[spot] for other in witnesses}
    if mine is None or not ids or mine in ids:
        return None
    before = {name for other in witnesses for name, id in other.components.items() if id == mine}
    new = _other_label(shape, spot, ids, others)
    if new is None or new in reads or any(name in shape.fields for name in before):
        return None
    return Change("moved", spot, new[1], len(witnesses))


def _other_label(shape: Shape, spot: Spot, ids: set[str], others: Sequence[Shape]) -> Spot | None:
    """Another label of one of these components here, which never stood beside the old one."""
    if not ids:
        return None
    found = [
        name
        for name, id in shape.components.items()
        if id in ids
        and name[0] == spot[0]
        and name != spot
        and not any(name in other.fields and spot in other.fields for other in others)
    ]
    return max(found, key=lambda name: _alike(name[1], spot[1]), default=None)


def _accepted(shape: Shape, spot: Spot, new: Spot, others: Sequence[Shape]) -> bool:
    """Whether a document was sent already from a form like this: somebody said that it is right."""
    alike = (other for other in others if spot not in other.fields and new in other.components)
    return any(other.accepted or other.at <= shape.at for other in alike)


# --- by what all before had: likely ---------------------------------------------------------------------


def _missing(
    shape: Shape, spot: Spot, reads: Reads, others: Sequence[Shape], known: Known
) -> Change | Doubt | None:
    """A field that is not on the form at all."""
    if any(other.accepted for other in others if other.can_have(spot) and spot not in other.fields):
        return None
    before = _before(shape, spot, others)
    if len(before) < FEW:
        return Doubt(spot, ignorant=True)
    if not all(spot in other.fields for other in before) or _comes_and_goes(shape, spot, others, known):
        return None
    added = [
        name
        for name in shape.fields
        if name[0] == spot[0] and not any(name in other.fields for other in before)
    ]
    if any(name in reads and _same_kind(shape, name, spot, before) for name in added):
        return None  # the scheme knows both labels
    new = _likely(shape, spot, before, added)
    if spot[0] != TOP and new is None:
        return _emptied(shape, spot, others, known)  # an empty cell may be left out of its row
    if new is None and all(read.optional for read in reads[spot]):
        return None
    if _explained(shape, spot, before):
        return None
    return Change("gone", spot, new[1] if new else None, len(before))


def _comes_and_goes(shape: Shape, spot: Spot, others: Sequence[Shape], known: Known) -> bool:
    """Whether a record that has the field was made after one that lacks it: then it was not taken away."""
    last = max((other.at for other in others if spot in other.fields), default=shape.at)
    lacking = (each for each in (shape, *known.open, *known.stopped) if each.can_have(spot))
    return any(each.at < last for each in lacking if spot not in each.fields)


def _before(shape: Shape, spot: Spot, others: Sequence[Shape]) -> list[Shape]:
    """The last ones that were made before this one, the latest first."""
    earlier = [other for other in others if other.at < shape.at and other.can_have(spot)]
    return earlier[: -MANY - 1 : -1]


def _emptied(shape: Shape, spot: Spot, others: Sequence[Shape], known: Known) -> Change | Doubt | None:
    """A field that all had filled until lately, and that many lack since then, this one too."""
    always = 0
    for other in others:
        if other.can_have(spot):
            if other.lacks(spot):
                break
            always += 1
    if always < MANY:  # the most common case by far: a field that may be empty
        return None
    able = [other for other in others if other.can_have(spot)]
    new = [each for each in (*known.stopped, *known.open) if each.id != shape.id]
    every = [*able, *(each for each in (*new, shape) if each.can_have(spot))]
    since = min(each.at for each in every if each.lacks(spot))
    base = [other for other in able if other.at < since][-MANY:]
    if len(base) < MANY or _explained(shape, spot, base):
        return None
    if any(other.accepted for other in able if other.lacks(spot)):
        return None
    later = [each for each in every if each.at >= since]
    lacking = [each for each in later if each.lacks(spot) and not _explained(each, spot, base)]
    if len(lacking) >= _EMPTY_ENOUGH and 2 * len(lacking) >= len(later):
        return Change("empty", spot, None, len(base), len(lacking), len(later))
    return Doubt(spot)


def _explained(shape: Shape, spot: Spot, base: Sequence[Shape]) -> bool:
    """Whether something else was chosen here than ever before: a form's rules hide fields by that."""
    for label, chosen in shape.choices.items():
        if (TOP, label) == spot:
            continue
        told = [other.choices[label] for other in base if label in other.choices]
        values = set(told)
        few = len(values) == 1 or len(values) * _CHOICES_OF <= len(told)
        if told and few and chosen not in values:
            return True
    return False


# --- the likely new label -------------------------------------------------------------------------------


def _likely(shape: Shape, spot: Spot, before: Sequence[Shape], added: Sequence[Spot]) -> Spot | None:
    """Which of the fields that are new on the form this one may have become."""
    last = before[0]
    alike = nlargest(_CANDIDATES, added, key=lambda name: _alike(name[1], spot[1]))
    fitting = [name for name in alike if _same_kind(shape, name, spot, before)]

    def likeness(name: Spot) -> float:
        near = _neighbours(shape, name) & _neighbours(last, spot)
        same = _sort(shape, name) == _sort(last, spot) != ""
        return _alike(name[1], spot[1]) + 0.4 * len(near) + 0.3 * same

    return max(fitting, key=likeness, default=None)


def _same_kind(shape: Shape, name: Spot, spot: Spot, before: Sequence[Shape]) -> bool:
    """Whether two fields may be one: tables are never fields, and no amount is a text."""
    kind = shape.fields[name]
    kinds = {other.fields.get(spot, "") for other in before} - {""}
    if "table" in kinds or kind == "table":
        return kinds <= {"table"} and kind in ("table", "")
    sort, sorts = _sort(shape, name), {_sort(other, spot) for other in before} - {""}
    if sort in sorts or kind in kinds - {"text"}:
        return True
    return not (sort and sorts) and (not kind or not kinds or kind in kinds)


def _sort(shape: Shape, spot: Spot) -> str:
    """The sort of a component, as far as its id begins with it."""
    return shape.components.get(spot, "").replace("-", "_").rpartition("_")[0]


def _neighbours(shape: Shape, spot: Spot) -> set[tuple[str, str]]:
    names = [name for name in shape.fields if name[0] == spot[0]]
    place = names.index(spot) if spot in names else -1
    if place < 0:
        return set()
    left = names[place - 1][1] if place else ""
    right = names[place + 1][1] if place + 1 < len(names) else ""
    return {("left", left), ("right", right)}


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one[:_LABEL], other[:_LABEL]).ratio()
