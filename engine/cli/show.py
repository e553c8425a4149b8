"""How texts and tables are shown: folded where a person looks, one line for each row in a pipe or file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.context import plain, stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["near", "say", "show_table"]

_GAP = "  "
_NARROWEST = 24
"""How many columns the last cell needs at least to be read comfortably beside the others."""


def say(text: str, style: str | None = None) -> None:
    """Print a line on standard output, as it is."""
    stdout().print(plain(text), markup=False, style=style, soft_wrap=True)


def near(place: str) -> str:
    """A file's place as a person at this prompt names it: relative, where it lies below."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output. Only its last column is ever folded.

    In a pipe each row is one line. On a terminal too narrow for that, each row becomes a block of two lines.
    """
    if not rows:
        return
    cells = [[_cell(cell) for cell in row] for row in rows]
    widths = _widths(headings, cells)
    console = stdout()
    if not console.is_terminal:
        for row in [list(headings), *cells]:
            _print_line(row, widths)
    elif sum(widths[:-1]) + len(_GAP) * len(widths) + _NARROWEST > console.width:
        _print_blocks(headings, cells)
    else:
        _print_folded(headings, cells)


def _cell(text: str) -> str:
    return " ".join(plain(text).split())


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(cell_len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]


def _print_line(row: Sequence[str], widths: Sequence[int]) -> None:
    from rich.cells import cell_len

    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
    say(_GAP.join(padded).rstrip())


def _print_blocks(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.text import Text

    for first, *rest in rows:
        parts = [
            Text.assemble((f"{heading} ", "dim"), cell)
            for heading, cell in zip(headings[1:], rest, strict=True)
            if cell
        ]
        stdout().print(Text(first, style="bold"))
        if parts:
            from rich.padding import Padding

            stdout().print(Padding(Text(_GAP).join(parts), (0, 0, 0, 2)), soft_wrap=False)


def _print_folded(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for heading in headings[:-1]:
        table.add_column(Text(heading), no_wrap=True)
    table.add_column(Text(headings[-1]), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    stdout().print(table, soft_wrap=False)
