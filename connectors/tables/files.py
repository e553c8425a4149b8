"""CSV tables in one folder: read whole, changed under a lock, written beside and put in place at once."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigurationError, Unreachable
from engine.language import tr

__all__ = ["NEWER", "VERSION", "Table", "TableFolder"]

VERSION, NEWER = "来源版本", "来源先后"
"""The engine's own columns, the last ones of a table that it made."""

_NAME = re.compile(r"[\w-]{1,60}")
_MOST = 10 * 1024 * 1024
"""What a scheme reads of a table at most; a larger one would be of no use to anybody."""


@dataclass(slots=True)
class Table:
    """A table's header and its rows by the text in its key column, in their order."""

    key: str
    header: list[str]
    rows: dict[str, dict[str, str]]

    def put(self, values: Mapping[str, str], own: Sequence[str]) -> None:
        """Add a row, or replace what it has in the columns `own`; other columns keep what people wrote."""
        self.header += [name for name in own if name not in self.header]
        row = self.rows.setdefault(values[self.key], {})
        row.update({name: values.get(name, "") for name in own})


class TableFolder:
    """The one folder that tables are read from and written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where a table lies. Raises ConfigurationError for what is no plain name, or no plain file."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                tr('"{name}" cannot be the name of a table', name=name),
                hint=tr("letters, digits, dashes and underscores, without .csv"),
            )
        path = self._folder / f"{name}.csv"
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return path
        except OSError as error:
            raise Unreachable(_told(path, error)) from error
        if not stat.S_ISREG(mode):
            raise ConfigurationError(tr('"{path}" is no plain file', path=path))
        return path

    def read(self, name: str, key: str) -> Table | None:
        """A table that the engine made, by the column `key`, or None where there is none yet. Raises
        ConfigurationError for a file that is not the engine's, Unreachable for one that cannot be read."""
        path = self.path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreachable(_told(path, error)) from error
        return _parsed(path, data, key)

    def write(self, name: str, table: Table) -> None:
        """Put a table in the place of what is there, while the folder is `locked`; raises as `read` does."""
        path, data = self.path(name), _bytes(table)
        if len(data) > _MOST:
            raise ConfigurationError(
                tr('"{path}" would be larger than {most} MB', path=path, most=_MOST >> 20)
            )
        beside = path.with_name(f".{path.name}.new")
        try:
            beside.unlink(missing_ok=True)  # of one who died over it; the folder is locked
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise Unreachable(_told(path, error)) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes a table of the folder meanwhile; the folder is made where it is not there."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._folder, os.O_RDONLY)
        except OSError as error:
            raise Unreachable(_told(self._folder, error)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
            os.fsync(handle)
        finally:
            os.close(handle)


def _parsed(path: Path, data: bytes, key: str) -> Table:
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(
            tr('"{path}" cannot be read as a table: {reason}', path=path, reason=error)
        ) from None
    header = [name.strip() for name in lines[0]] if lines else []
    if VERSION not in header or len(set(header)) < len(header):
        raise ConfigurationError(
            tr('"{path}" was not made by the engine: it has no column "{column}"', path=path, column=VERSION),
            hint=tr("give the table another name"),
        )
    if key not in header:
        raise ConfigurationError(tr('"{path}" has no column "{column}"', path=path, column=key))
    rows: dict[str, dict[str, str]] = {}
    for place, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(header, cells, strict=False))
        if len(cells) != len(header) or row[key] in rows:
            raise ConfigurationError(
                tr('"{path}", line {line}: a row that is not the engine\'s', path=path, line=place)
            )
        rows[row[key]] = row
    return Table(key, header, rows)


def _bytes(table: Table) -> bytes:
    """UTF-8 with a mark, so that spreadsheet programs read Chinese right."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([row.get(name, "") for name in table.header] for row in table.rows.values())
    return text.getvalue().encode("utf-8-sig")


def _told(path: Path, error: OSError) -> str:
    return tr('"{path}" cannot be used: {reason}', path=path, reason=error.strerror or error)
