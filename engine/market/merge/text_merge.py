"""Three-way merging by lines: for comments, and for texts that have no other structure to go by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeAlias

from engine.market.merge.endings import Endings
from engine.market.merge.pieces import Conflict, Outcome, Piece, Sides, joined, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["line_pieces", "merge_comments", "merge_lines", "merged"]

PiecesOf: TypeAlias = "Callable[[str, str, str], tuple[Piece, ...]]"


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines of the three texts that belong together; `settled` is None where both sides differ."""

    base: Sequence[str]
    mine: Sequence[str]
    theirs: Sequence[str]

    @property
    def settled(self) -> Sequence[str] | None:
        if self.mine == self.base or self.mine == self.theirs:
            return self.theirs
        return self.mine if self.theirs == self.base else None


def merge_lines(base: str, mine: str, theirs: str, sides: Sides | None = None) -> Outcome:
    """Merge three texts line by line, with conflict marks where both changed the same lines."""
    return merged(base, mine, theirs, sides, line_pieces)


def merged(base: str, mine: str, theirs: str, sides: Sides | None, pieces: PiecesOf) -> Outcome:
    """The outcome of a way of merging, which gets texts of plain line feeds; the user's line endings stay."""
    ends = Endings(mine)
    if mine == theirs or theirs == base:
        return Outcome(mine)
    if mine == base:
        return Outcome(ends.convert(theirs))
    old, own, new = ends.plain(base), ends.plain(mine), ends.plain(theirs)
    if own == new or new == old:
        return Outcome(mine)
    outcome = Outcome(new) if own == old else shown(pieces(old, own, new), sides or Sides())
    return Outcome(ends.restore(outcome.text), outcome.conflicts, outcome.lines)


def line_pieces(base: str, mine: str, theirs: str) -> tuple[Piece, ...]:
    """The merge as pieces, for texts whose lines all end with a line feed."""
    pieces: list[Piece] = []
    for stretch in _stretches(_lines(base), _lines(mine), _lines(theirs)):
        settled = stretch.settled
        if settled is None:
            pieces.append(Conflict("".join(stretch.mine), "".join(stretch.theirs)))
        else:
            pieces.append("".join(settled))
    return joined(pieces)


def merge_comments(base: str, mine: str, theirs: str) -> str:
    """Comment and blank lines of both; where both changed the same, the user's, then what is new of theirs.

    A comment changes nothing that is sent, so that it is no reason to stop a scheme.
    """
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    found: list[str] = []
    for stretch in _stretches(_lines(base), _lines(mine), _lines(theirs)):
        settled = stretch.settled
        if settled is None:
            known = {line.strip() for line in [*stretch.mine, *stretch.base, ""]}
            settled = [*stretch.mine, *(line for line in stretch.theirs if line.strip() not in known)]
        found += settled
    return "".join(found)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _stretches(base: list[str], mine: list[str], theirs: list[str]) -> Iterator[_Stretch]:
    """The texts side by side: stretches where all three have the same lines, and what lies between them."""
    of_mine, of_theirs = _matches(base, mine), _matches(base, theirs)
    at = at_mine = at_theirs = 0
    for line in range(len(base)):
        in_mine, in_theirs = of_mine.get(line), of_theirs.get(line)
        if in_mine is None or in_theirs is None:
            continue
        yield _Stretch(base[at:line], mine[at_mine:in_mine], theirs[at_theirs:in_theirs])
        yield _Stretch(base[line : line + 1], base[line : line + 1], base[line : line + 1])
        at, at_mine, at_theirs = line + 1, in_mine + 1, in_theirs + 1
    yield _Stretch(base[at:], mine[at_mine:], theirs[at_theirs:])


def _matches(base: list[str], other: list[str]) -> dict[int, int]:
    """Line of `base` → the same line of `other`."""
    blocks = SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}
