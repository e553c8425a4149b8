"""The parts of an entry around its value: lines above it, the comment behind it, the dash before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.market.merge.pieces import Conflict, Piece
from engine.market.merge.text_merge import merge_comments
from engine.market.merge.tree import Block, Entry, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parts", "join_item", "merged_parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Lines above (at the user's indentation), and what stands before and after the value."""

    lead: str
    gap: str
    end: str


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around one version's value: space and comment on its line, and comment lines below it."""

    lead: str = ""
    space: str = ""
    comment: str = ""
    below: str = ""


def merged_parts(base: Entry | None, mine: Entry, theirs: Entry, of: str, *, trailing: bool = True) -> Parts:
    """The parts of a merged entry whose value comes from `of`, mine or theirs; no comment is lost.

    Where both changed the comment behind a value, the user's stays there and the market's goes above; without
    `trailing`, only what stands above is merged.
    """
    source = mine if of == "mine" else theirs
    old = _around(base, mine.column) if base is not None else _Around()
    own, new = _around(mine, mine.column), _around(theirs, mine.column)
    lead = merge_comments(old.lead, own.lead, new.lead)
    if not trailing:
        return Parts(lead, source.gap, source.end)
    comment, beside = _chosen(old.comment, own.comment, new.comment)
    space = _around(source, 0).space or own.space or new.space or "  "
    below = merge_comments(old.below, own.below, new.below)
    if not _has_line(source):
        beside = [*([comment] if comment else []), *beside]
    there = {line.strip() for line in lead.splitlines()}  # from an upgrade that was broken off
    lead += "".join(f"{' ' * mine.column}{line}\n" for line in beside if line not in there)
    line = f"{space}{comment}\n" if comment else "\n"
    below = shifted(below, source.column - mine.column)
    if not _has_line(source):
        return Parts(lead, source.gap, below)
    if comment == _around(source, 0).comment:
        line = _line(source)
    return Parts(lead, line, below) if _opens(source) else Parts(lead, source.gap, line + below)


def _around(entry: Entry, column: int) -> _Around:
    by = column - entry.column
    line = _line(entry)
    below = entry.end if _opens(entry) or not _has_line(entry) else entry.end.partition("\n")[2]
    comment = line.strip()
    space = line[: line.index(comment)] if comment else ""
    return _Around(shifted(entry.lead, by), space, comment, shifted(below, by))


def _opens(entry: Entry) -> bool:
    """Whether the value begins below, so that the comment stands before it."""
    return entry.gap.endswith("\n")


def _has_line(entry: Entry) -> bool:
    """Whether a comment can stand on the line of the entry, behind it."""
    return _opens(entry) or not (isinstance(entry.value, Block) or entry.value.text.endswith("\n"))


def _line(entry: Entry) -> str:
    """The rest of the entry's line where a comment can stand."""
    if not _has_line(entry):
        return ""
    line, feed, _ = (entry.gap if _opens(entry) else entry.end).partition("\n")
    return line + feed


def _chosen(base: str, mine: str, theirs: str) -> tuple[str, list[str]]:
    """The comment that stays on the line, and those that go above it."""
    if mine == theirs or theirs == base:
        return mine, []
    if mine in (base, ""):
        return theirs, []
    return mine, [theirs] if theirs else []


def join_item(sign: str, lead: str, pieces: Sequence[Piece]) -> tuple[Piece, ...] | None:
    """An item of a list: its `lead`, then a block with a dash before its first line.

    Comments that have come to stand above that line go above the dash, each once. None where a conflict
    leaves no such line.
    """
    above = lead.splitlines(keepends=True)
    for at, piece in enumerate(pieces):
        if isinstance(piece, Conflict):
            first = _split(sign, piece.mine), _split(sign, piece.theirs)
            if first[0] is None or first[1] is None or first[0][0] or first[1][0]:
                return None
            begun: Piece = Conflict(first[0][1], first[1][1], piece.path)
        else:
            split = _split(sign, piece)
            lines, rest = split if split is not None else (piece.splitlines(keepends=True), "")
            there = {line.strip() for line in above} - {""}
            above += [line for line in lines if line.strip() not in there]
            if split is None:
                continue
            begun = rest
        return ("".join(above), begun, *pieces[at + 1 :])
    return None


def _split(sign: str, text: str) -> tuple[list[str], str] | None:
    """Comment lines, and the text from its first other line on, with the sign in it; None without one."""
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        if line.strip() and not line.lstrip(" ").startswith("#"):
            if line[: len(sign)].strip(" "):
                return None
            return lines[:at], "".join([sign + line[len(sign) :], *lines[at + 1 :]])
    return None
