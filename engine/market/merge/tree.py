"""A YAML text as a tree that holds every character of it: entries with their comments, in order.

A block collection's text is always whole lines, indentation included, also where its first line stands
behind a dash; whoever puts it there cuts off what the dash takes up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

__all__ = ["Block", "Entry", "Flow", "FlowEntry", "Kind", "Leaf", "Meaning", "Value", "comments", "shifted"]

Kind: TypeAlias = Literal["map", "seq"]
Meaning: TypeAlias = tuple[object, ...]
"""What a value says, without its style: (tag, text), ("map", entries in order) or ("seq", items)."""


@dataclass(frozen=True)
class Leaf:
    """A scalar, or anything that is taken as a whole, `opaque`."""

    text: str
    meaning: Meaning
    opaque: bool = False


@dataclass(frozen=True)
class FlowEntry:
    """One entry between commas: what stands before it, ``key: `` (nothing in a list), value, white space."""

    key: str | None
    before: str
    start: str
    value: Value
    after: str = ""

    @property
    def text(self) -> str:
        return self.before + self.start + self.value.text + self.after


@dataclass(frozen=True)
class Flow:
    """``{…}`` or ``[…]``; `close` is all that follows the last entry's value."""

    kind: Kind
    open: str
    entries: tuple[FlowEntry, ...]
    close: str

    @cached_property
    def text(self) -> str:
        return self.open + ",".join(entry.text for entry in self.entries) + self.close

    @cached_property
    def meaning(self) -> Meaning:
        return _meaning(self.kind, self.entries)


@dataclass(frozen=True)
class Entry:
    """A key or a dash with its value, and the comment and blank lines above it.

    `sign` is the key up to its colon, or the dash; `gap` what stands before the value: a space, or a comment
    and a line end where the value begins below; `end` what follows it to the end of the line, with comment
    lines that are indented deeper. `column` is the indentation of `sign`.
    """

    key: str | None
    lead: str
    column: int
    sign: str
    gap: str
    value: Value
    end: str

    @cached_property
    def body(self) -> str:
        """The lines of the entry, without those above it."""
        sign = " " * self.column + self.sign + self.gap
        if isinstance(self.value, Block) and not self.gap.endswith("\n"):
            return sign + self.value.text[len(sign) :] + self.end
        return sign + self.value.text + self.end

    @property
    def text(self) -> str:
        return self.lead + self.body


@dataclass(frozen=True)
class Block:
    """Entries on lines of their own at one column; `head` and `tail` are lines before and after them all."""

    kind: Kind
    column: int
    entries: tuple[Entry, ...]
    tail: str = ""
    head: str = ""

    @cached_property
    def text(self) -> str:
        return self.head + "".join(entry.text for entry in self.entries) + self.tail

    @cached_property
    def meaning(self) -> Meaning:
        return _meaning(self.kind, self.entries)


Value: TypeAlias = Leaf | Flow | Block


def _meaning(kind: Kind, entries: tuple[Entry, ...] | tuple[FlowEntry, ...]) -> Meaning:
    if kind == "map":
        return (kind, *((entry.key, entry.value.meaning) for entry in entries))
    return (kind, *(entry.value.meaning for entry in entries))


_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)


def comments(part: Value | Entry | FlowEntry) -> set[str]:
    """The comments in a part of a tree, each without what stands around it."""
    match part:
        case Entry():
            return _found(part.lead, part.gap, part.end) | comments(part.value)
        case FlowEntry():
            return _found(part.before, part.after) | comments(part.value)
        case Block():
            own = _found(part.head, part.tail)
            return own.union(*(comments(entry) for entry in part.entries))
        case Flow():
            return _found(part.close).union(*(comments(entry) for entry in part.entries))
    if part.opaque:
        return _found(part.text)
    return _found(part.text.split("\n", 1)[0]) if part.text[:1] in {"|", ">"} else set()


def _found(*texts: str) -> set[str]:
    return {found[0].strip() for text in texts for found in _COMMENT.finditer(text)}


def shifted(text: str, by: int, first: bool = True) -> str:
    """Lines moved to the right, or to the left as far as they can; without `first`, the first stays."""
    if not by:
        return text
    head, tail = ("", text) if first else _after_line(text)
    if by > 0:
        return head + re.sub(r"^(?=[^\n])", " " * by, tail, flags=re.MULTILINE)
    return head + re.sub(rf"^ {{1,{-by}}}", "", tail, flags=re.MULTILINE)


def _after_line(text: str) -> tuple[str, str]:
    line, feed, rest = text.partition("\n")
    return line + feed, rest
