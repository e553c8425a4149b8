"""What a merge is made of: texts that stand, and places where a human has to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from engine.scheme.marks import BETWEEN, CLOSING, OPENING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Conflict", "Outcome", "Piece", "Sides", "joined", "resolved", "shown"]


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides of a conflict are called in its marks."""

    mine: str = "我的 mine"
    theirs: str = "市场 market"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Whole lines of the user's and of the market's, of which one can stand. `path` names the place."""

    mine: str
    theirs: str
    path: str = ""


Piece: TypeAlias = str | Conflict


@dataclass(frozen=True, slots=True)
class Outcome:
    """The merged text, with marks in place, and what is in conflict, with the line of each opening mark."""

    text: str
    conflicts: tuple[Conflict, ...] = ()
    lines: tuple[int, ...] = ()


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same pieces, with neighbouring texts in one."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece != "":
            found.append(piece)
    return tuple(found)


def resolved(pieces: Sequence[Piece], side: str) -> str:
    """The text as it is once every conflict is decided for ``mine`` or for ``theirs``."""
    return "".join(piece if isinstance(piece, str) else getattr(piece, side) for piece in pieces)


def shown(pieces: Sequence[Piece], sides: Sides) -> Outcome:
    """The pieces as one text; lines end with a line feed."""
    text = ""
    conflicts: list[Conflict] = []
    lines: list[int] = []
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        text = _whole(text)
        conflicts.append(piece)
        lines.append(text.count("\n") + 1)
        text += f"{OPENING}{sides.mine}\n{_whole(piece.mine)}{BETWEEN}\n"
        text += f"{_whole(piece.theirs)}{CLOSING}{sides.theirs}\n"
    return Outcome(text, tuple(conflicts), tuple(lines))


def _whole(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
