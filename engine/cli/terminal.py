"""What a terminal needs to be written to well: how wide it is and a text is, folded lines, framed texts."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Piece", "cells", "folded", "padded", "side_by_side", "styled", "width"]

Piece = tuple[str, str | None]
"""A piece of text and its style: a colour, `bold` or `dim`, or several with spaces between."""

_WIDTH = 80
_ROUND, _ASCII = "╭─╮│╰╯", "+-+|++"


def width() -> int:
    """How many columns the terminal has: what COLUMNS says, else what the terminal says."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    for descriptor in range(3):
        try:
            columns = os.get_terminal_size(descriptor).columns
        except (OSError, ValueError):
            continue
        if columns:
            return columns
    return _WIDTH


def cells(text: str) -> int:
    """How many columns a text takes: two for a Chinese sign, none for an accent."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


@lru_cache(4096)
def _cells_of(sign: str) -> int:
    if unicodedata.category(sign) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """The text with blanks after it, up to so many columns."""
    return text + " " * (columns - cells(text))


def styled(text: str, style: str | None) -> str:
    """The text in a style. `click.echo` takes it away again where no terminal shows it."""
    if not text or not style:
        return text
    words = style.split()
    colour = next((word for word in words if word not in ("bold", "dim")), None)
    return click.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None)


def folded(pieces: str | Sequence[Piece], columns: int) -> list[str]:
    """Text in lines of at most so many columns, broken between words, or within one that is longer than that.

    A sign that takes two columns stands alone where there is but one.
    """
    if isinstance(pieces, str):
        pieces = [(pieces, None)]
    text = "".join(piece for piece, _ in pieces)
    return [_cut(pieces, start, end) for start, end in _spans(text, max(columns, 1))]


def _spans(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends; the blank at which a line is broken belongs to none."""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        while (fits := _fitting(text, start, end, columns)) < end:
            blank = text.rfind(" ", start + 1, fits + 1)
            if blank < 0 or not text[start:blank].strip():
                blank = fits
            yield start, blank
            start = blank + (text[blank] == " ")
        yield start, end
        start = end + 1


def _fitting(text: str, start: int, end: int, columns: int) -> int:
    """Up to where a line can go that begins at `start`: one sign at least."""
    taken = 0
    for place in range(start, end):
        taken += _cells_of(text[place])
        if taken > columns and place > start:
            return place
    return end


def _cut(pieces: Sequence[Piece], start: int, end: int) -> str:
    found, at = [], 0
    for text, style in pieces:
        found.append(styled(text[max(start - at, 0) : max(end - at, 0)], style))
        at += len(text)
    return "".join(found)


def side_by_side(boxes: Sequence[tuple[str, str]], columns: int) -> list[str]:
    """Lines that show texts beside each other, each in a frame with its title."""
    inner = max((columns - len(boxes) + 1) // len(boxes) - 4, 4)
    drawn = [_framed(title, folded(text, inner), inner) for title, text in boxes]
    most = max(len(lines) for lines, _, _ in drawn)
    whole = [[*lines, *[empty] * (most - len(lines)), bottom] for lines, empty, bottom in drawn]
    return [" ".join(parts) for parts in zip(*whole, strict=True)]


def _framed(title: str, lines: Sequence[str], inner: int) -> tuple[list[str], str, str]:
    """A text in its frame, the line to lengthen it with, and the line to close it."""
    plain = not (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    left_up, flat, right_up, side, left_down, right_down = list(_ASCII if plain else _ROUND)
    above = folded(title, max(inner - 2, 1))[0]
    top = f"{left_up}{flat} {above} {flat * max(inner - 1 - cells(above), 0)}{right_up}"
    text = [f"{side} {padded(line, inner)} {side}" for line in lines]
    return [top, *text], f"{side} {' ' * inner} {side}", f"{left_down}{flat * (inner + 2)}{right_down}"
