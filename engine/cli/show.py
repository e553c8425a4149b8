"""How texts and tables are shown: folded where a person looks, one line for each row in a pipe or file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.context import plain
from engine.cli.terminal import cells, folded, padded, styled, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.terminal import Piece

__all__ = ["near", "say", "show_table"]

_GAP = "  "
_NARROWEST = 24
"""How many columns the last cell needs at least to be read comfortably beside the others."""


def say(text: str, style: str | None = None) -> None:
    """Print a line on standard output, as it is."""
    click.echo(styled(plain(text), style))


def near(place: str) -> str:
    """A file's place as a person at this prompt names it: relative, where it lies below."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output. Only its last column is ever folded.

    In a pipe each row is one line. On a terminal too narrow for that, each row becomes a block of two lines.
    """
    if not rows:
        return
    shown = [[_cell(cell) for cell in row] for row in rows]
    widths = [max(cells(row[column]) for row in [headings, *shown]) for column in range(len(headings))]
    if not sys.stdout.isatty():
        for row in [list(headings), *shown]:
            say(_line(row, widths))
    elif sum(widths[:-1]) + len(_GAP) * len(widths) + _NARROWEST > width():
        _print_blocks(headings, shown)
    else:
        _print_folded(headings, shown, widths)


def _cell(text: str) -> str:
    return " ".join(plain(text).split())


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(padded(cell, most) for cell, most in zip(row, widths, strict=True)).rstrip()


def _print_blocks(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for first, *rest in rows:
        click.echo("\n".join(folded([(first, "bold")], width())))
        pieces: list[Piece] = []
        for heading, cell in zip(headings[1:], rest, strict=True):
            if cell:
                pieces += [(_GAP if pieces else "", None), (f"{heading} ", "dim"), (cell, None)]
        if pieces:
            for line in folded(pieces, width() - len(_GAP)):
                click.echo(_GAP + line)


def _print_folded(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    click.echo(styled(_line(headings, widths), "bold"))
    for *first, last in rows:
        lines = folded(last, width() - before)
        click.echo(_line([*first, lines[0]], widths))
        for line in lines[1:]:
            click.echo(" " * before + line)
