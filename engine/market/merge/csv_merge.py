"""Three-way merging of CSV tables: rows by the key column, cells by the header's names.

Cells are moved as they are written, quotes included. A table whose rows cannot be told apart is merged by
lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.market.merge.aligning import Triple, ordered
from engine.market.merge.pieces import Conflict, Outcome, Piece, Sides, joined
from engine.market.merge.text_merge import line_pieces, merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CsvTable", "merge_csv", "read_csv_table"]

_CELL = re.compile(r'(?:"(?:[^"]|"")*"|[^,"\n][^,\n]*)?')


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table as it is written: the header's cells, then for each key its cells by column. No blank lines."""

    columns: tuple[str, ...]
    written: Mapping[str, str]
    rows: Mapping[str, Mapping[str, str]]


def merge_csv(base: str, mine: str, theirs: str, key: str, sides: Sides | None = None) -> Outcome:
    """Merge three tables; `key` is the column that names a row. A cell that both changed: a conflict."""
    return merged(base, mine, theirs, sides, lambda *texts: _pieces(key, *texts))


def _pieces(key: str, base: str, mine: str, theirs: str) -> tuple[Piece, ...]:
    tables = [read_csv_table(text, key) for text in (base, mine, theirs)]
    if any(table is None for table in tables) or "\n\n" in mine:
        return line_pieces(base, mine, theirs)
    return _Tables(*(table for table in tables if table is not None)).pieces()


def read_csv_table(text: str, key: str) -> CsvTable | None:
    """A text as a table; None where keys repeat, or rows are not as wide as the header."""
    lines = [cells for cells in _rows(text) if any(cell.strip() for cell in cells)]
    if not lines:
        return None
    names = [unquoted(cell) for cell in lines[0]]
    if key not in names or len(set(names)) != len(names):
        return None
    rows: dict[str, dict[str, str]] = {}
    at = names.index(key)
    for cells in lines[1:]:
        if len(cells) != len(names) or unquoted(cells[at]) in rows:
            return None
        rows[unquoted(cells[at])] = dict(zip(names, cells, strict=True))
    return CsvTable(tuple(names), dict(zip(names, lines[0], strict=True)), rows)


def unquoted(cell: str) -> str:
    """What a cell says, without its quotes and the space around it."""
    bare = cell.strip()
    quoted = len(bare) > 1 and bare.startswith('"') and bare.endswith('"')
    return bare[1:-1].replace('""', '"').strip() if quoted else bare


def _rows(text: str) -> list[list[str]]:
    """Cells as they are written, row by row; a cell in quotes may hold line feeds."""
    rows: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        found = _CELL.match(text, at)
        at = found.end() if found else at
        rows[-1].append(found[0] if found else "")
        if at >= len(text) or text[at] == ",":
            at += 1
            if at >= len(text):
                rows[-1].append("")
            continue
        if text[at] != "\n":  # a quote within a cell, or text after one
            return []
        at += 1
        if at < len(text):
            rows.append([])
    return rows


class _Tables:
    """Three tables on their way to one."""

    def __init__(self, base: CsvTable, mine: CsvTable, theirs: CsvTable) -> None:
        self.base, self.mine, self.theirs = base, mine, theirs
        self.columns = _order(base.columns, mine.columns, theirs.columns)

    def pieces(self) -> tuple[Piece, ...]:
        written = {**self.theirs.written, **self.mine.written}
        pieces: list[Piece] = [self._line(written)]
        keys = _order(tuple(self.base.rows), tuple(self.mine.rows), tuple(self.theirs.rows), drop=False)
        pieces += [self._row(key) for key in keys]
        return joined(pieces)

    def _row(self, key: str) -> Piece:
        base, mine, theirs = (table.rows.get(key) for table in (self.base, self.mine, self.theirs))
        if mine is None or theirs is None:
            return self._one_sided(key, base, mine, theirs)
        cells = {}
        for column in self.columns:
            old, own, new = ((row or {}).get(column, "") for row in (base, mine, theirs))
            if own == new or (unquoted(new) == unquoted(old) and column in mine):
                cells[column] = own
            elif unquoted(own) == unquoted(old) or column not in mine:
                cells[column] = new
            elif unquoted(own) == unquoted(new):
                cells[column] = own
            else:
                return Conflict(self._line(mine), self._line(theirs), key)
        return self._line(cells)

    def _one_sided(
        self,
        key: str,
        base: Mapping[str, str] | None,
        mine: Mapping[str, str] | None,
        theirs: Mapping[str, str] | None,
    ) -> Piece:
        left = mine if mine is not None else theirs
        if left is None:
            return ""
        if base is None:
            return self._line(left)
        if all(unquoted(base.get(column, "")) == unquoted(cell) for column, cell in left.items()):
            return ""
        return Conflict(self._line(mine) if mine else "", self._line(theirs) if theirs else "", key)

    def _line(self, cells: Mapping[str, str]) -> str:
        return ",".join(cells.get(column, "") for column in self.columns) + "\n"


def _order(
    base: Sequence[str], mine: Sequence[str], theirs: Sequence[str], *, drop: bool = True
) -> tuple[str, ...]:
    """Names of all three in the merged order; with `drop`, without those that one side has removed."""
    places = [{name: at for at, name in enumerate(names)} for names in (base, mine, theirs)]
    names = list(dict.fromkeys([*base, *mine, *theirs]))
    triples = {name: Triple(*(place.get(name) for place in places)) for name in names}
    if drop:
        names = [name for name in names if name not in base or (name in mine and name in theirs)]
    by_triple = {triples[name]: name for name in names}
    return tuple(by_triple[triple] for triple in ordered(list(by_triple)))
