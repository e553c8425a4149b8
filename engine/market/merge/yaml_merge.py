"""Three-way merging of YAML by structure: slices of text are moved as they are, comments with them.

Where both sides changed the same value in different ways, both stand in place between marks. What comes out
is read again, decided either way, and must mean what merging key by key means; else the texts are merged by
lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.market.merge.aligning import Triple, aligned, ordered
from engine.market.merge.entry_parts import Parts, join_item, merged_parts
from engine.market.merge.flow_merge import merge_flow
from engine.market.merge.pieces import Conflict, Outcome, Piece, Sides, joined, resolved
from engine.market.merge.reading import Unstructured, meaning_of, read_tree
from engine.market.merge.restyle import like
from engine.market.merge.text_merge import line_pieces, merge_comments, merged
from engine.market.merge.tree import Block, Entry, Flow, Meaning, Value, comments, shifted

__all__ = ["merge_yaml"]


@dataclass(frozen=True, slots=True)
class _Merged:
    """Text with its conflicts, and what it means when they are decided for the user and for the market.

    A meaning of None: decided so, the entry is not there.
    """

    pieces: tuple[Piece, ...]
    mine: Meaning | None
    theirs: Meaning | None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A value that was taken from one side, whole; `of` is the side whose entry it comes with."""

    value: Value
    of: str


_Result: TypeAlias = _Merged | _Taken | None


def merge_yaml(base: str, mine: str, theirs: str, sides: Sides | None = None) -> Outcome:
    """Merge three YAML texts; the user's order, comments and style stay, line endings included."""
    return merged(base, mine, theirs, sides, _pieces)


def _pieces(base: str, mine: str, theirs: str) -> tuple[Piece, ...]:
    try:
        merged = _block(read_tree(base), read_tree(mine), read_tree(theirs), ())
        if merged is not None and _holds(merged):
            return merged.pieces
    except Unstructured:
        pass
    return _by_lines(base, mine, theirs)


def _holds(merged: _Merged) -> bool:
    """Whether the text means what the merge of the values means."""
    try:
        return all(
            meaning_of(resolved(merged.pieces, side)) == getattr(merged, side) for side in ("mine", "theirs")
        )
    except Unstructured:
        return False


def _by_lines(base: str, mine: str, theirs: str) -> tuple[Piece, ...]:
    """The merge by lines, or where that would break what was whole, the two texts one after the other."""
    pieces = line_pieces(base, mine, theirs)
    if not (_readable(mine) and _readable(theirs)):
        return pieces
    if all(_readable(resolved(pieces, side)) for side in ("mine", "theirs")):
        return pieces
    return (Conflict(mine, theirs),)


def _readable(text: str) -> bool:
    try:
        meaning_of(text)
    except Unstructured:
        return False
    return True


# --- blocks -----------------------------------------------------------------------------------------------


def _block(base: Block, mine: Block, theirs: Block, path: tuple[str, ...]) -> _Merged | None:
    """The merge of three blocks; None where nothing would be left of it."""
    pieces: list[Piece] = [merge_comments(base.head, mine.head, theirs.head)]
    meanings: dict[str, list[object]] = {"mine": [mine.kind], "theirs": [mine.kind]}
    triples = aligned(base.entries, mine.entries, theirs.entries)
    for triple in ordered(triples):
        merged = _Entries(base, mine, theirs, triple, path).merged()
        pieces += merged.pieces
        for side, list_ in meanings.items():
            meaning = getattr(merged, side)
            if meaning is not None:
                list_.append(meaning)
    if any(len(list_) == 1 for list_ in meanings.values()):
        return None
    pieces.append(_tail(base, mine, theirs))
    return _Merged(joined(pieces), tuple(meanings["mine"]), tuple(meanings["theirs"]))


def _tail(base: Block, mine: Block, theirs: Block) -> str:
    moved = shifted(theirs.tail, mine.column - theirs.column)
    return merge_comments(shifted(base.tail, mine.column - base.column), mine.tail, moved)


class _Entries:
    """One entry in up to three versions, on its way to one."""

    def __init__(self, base: Block, mine: Block, theirs: Block, at: Triple, path: tuple[str, ...]) -> None:
        self.base = None if at.base is None else base.entries[at.base]
        self.mine = None if at.mine is None else mine.entries[at.mine]
        self.theirs = None if at.theirs is None else theirs.entries[at.theirs]
        self.column = mine.column
        some = self.mine or self.theirs or self.base
        place = at.mine if at.mine is not None else at.theirs if at.theirs is not None else at.base
        name = some.key if some is not None and some.key is not None else f"[{place}]"
        self.path = (*path, name)

    def merged(self) -> _Merged:
        if self.mine is None and self.theirs is None:
            return _Merged((), None, None)
        if self.theirs is None and self.mine is not None:
            return self._without_theirs(self.mine)
        if self.mine is None and self.theirs is not None:
            return self._without_mine(self.theirs)
        assert self.mine is not None
        assert self.theirs is not None
        return self._both(self.mine, self.theirs)

    def _without_theirs(self, mine: Entry) -> _Merged:
        """The user's own entry stays; one that the market removed stays only where the user changed it."""
        said = _said(mine)
        if self.base is None:
            return _Merged((mine.text,), said, said)
        if mine.value.meaning == self.base.value.meaning and comments(mine) <= comments(self.base):
            return _Merged((), None, None)
        return _Merged((Conflict(mine.text, "", self._place),), said, None)

    def _without_mine(self, theirs: Entry) -> _Merged:
        """The market's new entry comes in; one that the user removed only where the market has changed it."""
        text, said = self._moved(theirs.text, theirs), _said(theirs)
        if self.base is None:
            return _Merged((text,), said, said)
        if theirs.value.meaning == self.base.value.meaning:
            return _Merged((), None, None)
        return _Merged((Conflict("", text, self._place),), None, said)

    def _both(self, mine: Entry, theirs: Entry) -> _Merged:
        base = self.base
        if base is not None and mine.text == base.text:
            return _Merged((self._moved(theirs.text, theirs),), _said(theirs), _said(theirs))
        if mine.text == theirs.text or (base is not None and theirs.text == base.text):
            return _Merged((mine.text,), _said(mine), _said(mine))
        result = self._value(mine, theirs)
        parts = merged_parts(base, mine, theirs, result.of if isinstance(result, _Taken) else "mine")
        if result is None:
            return self._conflict(mine, theirs)
        if isinstance(result, _Taken):
            text = self._text(parts, result)
            said = _named(mine, result.value.meaning)
            return _Merged((parts.lead, text), said, said)
        sign = " " * self.column + mine.sign + parts.gap
        pieces: tuple[Piece, ...] | None = (parts.lead, sign, *result.pieces)
        if not parts.gap.endswith("\n"):
            pieces = join_item(sign, parts.lead, result.pieces)
        if pieces is None or result.mine is None or result.theirs is None:
            return self._conflict(mine, theirs)
        said_mine, said_theirs = _named(mine, result.mine), _named(mine, result.theirs)
        return _Merged((*pieces, parts.end), said_mine, said_theirs)

    def _text(self, parts: Parts, taken: _Taken) -> str:
        """The lines of an entry whose value was taken from one side."""
        source = self.mine if taken.of == "mine" else self.theirs
        assert source is not None
        sign = self.mine.sign if self.mine is not None else source.sign
        made = Entry(source.key, "", source.column, sign, parts.gap, taken.value, parts.end)
        return self._moved(made.body, source)

    def _value(self, mine: Entry, theirs: Entry) -> _Result:
        base = self.base.value if self.base is not None else None
        return _merged_value(base, mine.value, theirs.value, self.path)

    def _conflict(self, mine: Entry, theirs: Entry) -> _Merged:
        lead = merged_parts(self.base, mine, theirs, "mine", trailing=False).lead
        conflict = Conflict(mine.body, self._moved(theirs.body, theirs), self._place)
        return _Merged((lead, conflict), _said(mine), _said(theirs))

    def _moved(self, text: str, source: Entry) -> str:
        return shifted(text, self.column - source.column)

    @property
    def _place(self) -> str:
        return ".".join(self.path).replace(".[", "[")


def _said(entry: Entry) -> Meaning:
    return _named(entry, entry.value.meaning)


def _named(entry: Entry, meaning: Meaning) -> Meaning:
    return meaning if entry.key is None else (entry.key, meaning)


# --- values -----------------------------------------------------------------------------------------------


def _merged_value(base: Value | None, mine: Value, theirs: Value, path: tuple[str, ...]) -> _Result:
    """The merge of a value; None where both sides changed it and a human has to choose."""
    if base is not None and mine.text == base.text:
        return _Taken(theirs, "theirs")
    if base is not None and theirs.text == base.text:
        return _Taken(mine, "mine")
    if mine.text == theirs.text:
        return _Taken(mine, "mine")
    if isinstance(mine, (Block, Flow)):
        result = _collections(base, mine, theirs, path)
        if result is not None:
            return result
    if mine.meaning == theirs.meaning:
        return _Taken(mine, "mine")
    if base is not None and theirs.meaning == base.meaning:
        return _Taken(mine, "mine")
    if base is not None and mine.meaning == base.meaning and comments(mine) <= comments(base):
        return _Taken(theirs, "theirs")
    return None


def _collections(base: Value | None, mine: Block | Flow, theirs: Value, path: tuple[str, ...]) -> _Result:
    """The merge of collections entry by entry, in the user's style; None where they are not of one kind."""
    if base is None:
        base = Block(mine.kind, mine.column, ()) if isinstance(mine, Block) else Flow(mine.kind, "", (), "")
    base, theirs_like = like(base, mine), like(theirs, mine)
    if isinstance(mine, Block):
        if not isinstance(base, Block) or not isinstance(theirs_like, Block):
            return None
        return _block(base, mine, theirs_like, path)
    if not isinstance(base, Flow) or not isinstance(theirs_like, Flow):
        return None
    flow = merge_flow(base, mine, theirs_like)
    return None if flow is None else _Taken(flow, "mine")
