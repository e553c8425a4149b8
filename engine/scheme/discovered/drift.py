"""What has changed between two discoveries: new, missing, renamed and retyped fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from engine.scheme.discovered.model import EVERY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.scheme.discovered.model import Discovered, FoundField

__all__ = ["Drift", "carried", "compare"]

_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. `kind` is ``new``, ``missing``, ``renamed``, ``type`` or ``required``.

    `sure`: a component kept its id under another label; otherwise ``renamed`` is a guess by alike labels.
    """

    kind: str
    old: FoundField | None
    new: FoundField | None
    sure: bool = True


def compare(old: Discovered, new: Discovered) -> list[Drift]:
    """What `new` has that `old` does not know, in the order of the fields.

    Where there was nothing to learn from, nothing is different. A field that nobody described, and that no
    record had this time, is not missing: it may be empty for once.
    """
    before, after = old.by_path(), new.by_path()
    if not after:
        return []
    lost = {names: one for names, one in before.items() if names not in after}
    come = {names: one for names, one in after.items() if names not in before}
    found = list(_renamed(lost, come))
    for drift in found:
        assert drift.old is not None
        assert drift.new is not None
        _settle(lost, come, drift.old.names, drift.new.names)
    found += [Drift("new", None, one) for one in come.values()]
    found += [Drift("missing", one, None) for one in lost.values() if new.form or one.id or _is_old(one)]
    found += _altered((one, after[names]) for names, one in before.items() if names in after)
    return found


def carried(old: Discovered, new: Discovered, drift: Iterable[Drift]) -> Discovered:
    """`new` with the labels that its fields had in `old`: records with those may still wait."""
    before = old.by_path()
    former = {each.new.names: each.old for each in drift if each.sure and each.old and each.new}
    fields = []
    for one in new.fields:
        was = before.get(one.names) or former.get(one.names)
        labels = (*one.formerly, *((*was.formerly, was.names[-1]) if was is not None else ()))
        kept = tuple(dict.fromkeys(label for label in labels if label != one.names[-1]))
        fields.append(replace(one, formerly=kept))
    return replace(new, fields=tuple(fields))


def _is_old(one: FoundField) -> bool:
    """Whether all records had it so far."""
    return bool(one.of) and one.seen == one.of


def _altered(pairs: Iterable[tuple[FoundField, FoundField]]) -> Iterable[Drift]:
    for old, new in pairs:
        if old.type != new.type and (new.seen is None or new.seen or new.id):
            yield Drift("type", old, new)
        elif old.required != new.required:
            yield Drift("required", old, new)


def _renamed(
    lost: dict[tuple[str, ...], FoundField], come: dict[tuple[str, ...], FoundField]
) -> Iterable[Drift]:
    left = list(come.values())
    for old in sorted(lost.values(), key=lambda one: len(one.names)):
        same = [new for new in left if old.id and new.id == old.id and len(new.names) == len(old.names)]
        if len(same) == 1:
            left.remove(same[0])
            yield Drift("renamed", old, same[0])
    gone = {old.id for old in lost.values() if old.id}
    for old in lost.values():
        if any(new.id == old.id for new in come.values() if old.id):
            continue
        near = _nearest(old, [new for new in left if new.id not in gone])
        if near is not None:
            left.remove(near)
            yield Drift("renamed", old, near, sure=False)


def _nearest(old: FoundField, among: Sequence[FoundField]) -> FoundField | None:
    """The field beside it whose label is most like its own; of another type it is another field."""
    ranked = [
        (SequenceMatcher(None, old.label, new.label).ratio(), new)
        for new in among
        if new.names[:-1] == old.names[:-1] and new.type == old.type
    ]
    best = max(ranked, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= _ALIKE else None


def _settle(
    lost: dict[tuple[str, ...], FoundField],
    come: dict[tuple[str, ...], FoundField],
    old: tuple[str, ...],
    new: tuple[str, ...],
) -> None:
    """A rename takes along what lies below: the columns of a table, and a component's `_ext`."""
    for was, becomes in ((old, new), (("_ext", *old), ("_ext", *new)), (_ext(old), _ext(new))):
        for names in [names for names in lost if names[: len(was)] == was]:
            lost.pop(names)
            come.pop((*becomes, *names[len(was) :]), None)
        come.pop(becomes, None)


def _ext(names: tuple[str, ...]) -> tuple[str, ...]:
    at = names.index(EVERY) + 1 if EVERY in names else 0
    return (*names[:at], "_ext", *names[at:])
