"""Which entries of three collections are the same one, and in which order they stand in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.market.merge.tree import Entry, FlowEntry, Leaf, Meaning

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

__all__ = ["Triple", "aligned", "ordered"]

Part = TypeVar("Part", Entry, FlowEntry)

_NAMES = ("name", "that", "each")
_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Triple:
    """One entry by its index in each of the three collections; None where it is missing."""

    base: int | None
    mine: int | None
    theirs: int | None


def aligned(base: Sequence[Part], mine: Sequence[Part], theirs: Sequence[Part]) -> list[Triple]:
    """All entries of the three, each once: mappings by key, lists by what names an item, then by likeness."""
    to_mine, to_theirs = _pairs(base, mine), _pairs(base, theirs)
    new_mine, new_theirs = _new(mine, to_mine), _new(theirs, to_theirs)
    places = _pairs([mine[at] for at in new_mine], [theirs[at] for at in new_theirs])
    both = {new_mine[at]: new_theirs[to] for at, to in places.items()}
    like_mine = _alike_pairs(base, mine, to_mine, set(both))
    like_theirs = _alike_pairs(base, theirs, to_theirs, set(both.values()))
    # Where one side has removed an item, what is like it on the other is a new one, not a change of it.
    kept = (set(to_mine) | set(like_mine)) & (set(to_theirs) | set(like_theirs))
    to_mine.update({at: to for at, to in like_mine.items() if at in kept})
    to_theirs.update({at: to for at, to in like_theirs.items() if at in kept})
    triples = [Triple(at, to_mine.get(at), to_theirs.get(at)) for at in range(len(base))]
    triples += [Triple(None, at, both.get(at)) for at in _new(mine, to_mine)]
    shared = set(both.values())
    triples += [Triple(None, None, at) for at in _new(theirs, to_theirs) if at not in shared]
    return triples


def _new(parts: Sequence[Part], pairs: Mapping[int, int]) -> list[int]:
    """The places of what the base does not have."""
    known = set(pairs.values())
    return [at for at in range(len(parts)) if at not in known]


def _pairs(base: Sequence[Part], other: Sequence[Part]) -> dict[int, int]:
    """Index in `base` → index in `other` of the same entry."""
    found: dict[int, int] = {}
    _pair(found, [_name(part) for part in base], [_name(part) for part in other], once=True)
    _pair(found, [_said(part) for part in base], [_said(part) for part in other], once=False)
    return found


def _pair(found: dict[int, int], base: Sequence[Hashable], other: Sequence[Hashable], *, once: bool) -> None:
    """Pair what has the same sign; with `once`, only signs that occur once on either side."""
    count = Counter(base)
    taken = set(found.values())
    places: dict[Hashable, list[int]] = {}
    for to in reversed(range(len(other))):
        places.setdefault(other[to], []).append(to)
    for at, sign in enumerate(base):
        free = places.get(sign, [])
        if at in found or sign is None or (once and (count[sign] > 1 or len(free) > 1)):
            continue
        while free and free[-1] in taken:
            free.pop()
        if free:
            found[at] = free.pop()


def _alike_pairs(
    base: Sequence[Part], other: Sequence[Part], pairs: Mapping[int, int], taken: set[int]
) -> dict[int, int]:
    """Items beside the same neighbours that are alike: renamed, or scalars that were replaced."""
    found = dict(pairs)
    taken = taken | set(found.values())
    for at, part in enumerate(base):
        if at in found or part.key is not None:
            continue
        before = found.get(at - 1, -1 if at == 0 else None)
        after = found.get(at + 1, len(other) if at == len(base) - 1 else None)
        places = [before + 1] if before is not None else []
        places += [after - 1] if after is not None else []
        place = next((to for to in places if _free(to, other, taken) and _alike(part, other[to])), None)
        if place is not None:
            found[at] = place
            taken.add(place)
    return {at: to for at, to in found.items() if at not in pairs}


def _free(place: int, other: Sequence[Part], taken: set[int]) -> bool:
    return 0 <= place < len(other) and place not in taken


def _name(part: Entry | FlowEntry) -> Hashable:
    """What names an entry: its key, or what an item of a list is told from others by."""
    if part.key is not None:
        return part.key
    if isinstance(part.value, Leaf):
        return part.value.meaning
    if part.value.kind == "map":
        for entry in part.value.entries:
            if entry.key in _NAMES:
                return (entry.key, entry.value.meaning)
    return None


def _said(part: Entry | FlowEntry) -> Hashable:
    return None if part.key is not None else part.value.meaning


def _alike(one: Entry | FlowEntry, other: Entry | FlowEntry) -> bool:
    first, second = one.value, other.value
    if isinstance(first, Leaf) or isinstance(second, Leaf):
        return isinstance(first, Leaf) and isinstance(second, Leaf)
    if first.kind != second.kind:
        return False
    leaves, others = Counter(_leaves(first.meaning)), Counter(_leaves(second.meaning))
    most = max(leaves.total(), others.total())
    return not most or (leaves & others).total() >= most * _ALIKE


def _leaves(meaning: Meaning, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Meaning]]:
    """The scalars below, each with the keys above it."""
    if meaning[:1] == ("map",):
        pairs: list[tuple[str, Meaning]] = list(meaning[1:])  # type: ignore[arg-type]
        return [leaf for key, child in pairs for leaf in _leaves(child, (*path, key))]
    if meaning[:1] == ("seq",):
        items: list[Meaning] = list(meaning[1:])  # type: ignore[arg-type]
        return [leaf for child in items for leaf in _leaves(child, path)]
    return [(path, meaning)]


def ordered(triples: Sequence[Triple]) -> list[Triple]:
    """The triples as they stand in the merged collection.

    The user's order stays; where he left the order alone, the market's holds. What only the other side has
    goes in after the entry that it follows there.
    """
    common = [triple for triple in triples if None not in (triple.base, triple.mine, triple.theirs)]
    moved = _moved([triple.mine for triple in common if triple.mine is not None])
    first, second = ("mine", "theirs") if moved or not _moved_theirs(common) else ("theirs", "mine")
    result = _along(triples, first)
    known = set(result)
    behind: dict[Triple | None, list[Triple]] = {}
    before = None
    for triple in _along(triples, second):
        if triple in known:
            before = triple
        else:
            behind.setdefault(before, []).append(triple)
    return [*behind.get(None, []), *(each for one in result for each in (one, *behind.get(one, [])))]


def _along(triples: Sequence[Triple], side: str) -> list[Triple]:
    return sorted(
        (triple for triple in triples if getattr(triple, side) is not None),
        key=lambda triple: getattr(triple, side),
    )


def _moved(places: list[int]) -> bool:
    """Whether places, listed in the order of the base, are in another order."""
    return places != sorted(places)


def _moved_theirs(common: Sequence[Triple]) -> bool:
    return _moved([triple.theirs for triple in common if triple.theirs is not None])
