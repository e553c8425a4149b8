"""Statements that are carried out for every record: compiled once, and handed to the driver as they are.

SQLAlchemy writes their text and converts their values. What else it does each time costs more than many a
statement, and more than all the rest of the ledger's work together.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, TypeDecorator, bindparam
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Delete, Dialect, Insert, Update
    from sqlalchemy.types import TypeEngine

    Statement = Insert | Update | Delete | Select[Any]
    Convert = Callable[[Any], Any]

__all__ = ["Prepared", "among", "filled", "roomy", "say"]

_SIZES = (1, 4, 20, 64, 200, 1000)


class Prepared:
    """One statement, for both kinds of database. `make` builds it for a dialect's name, at its first use."""

    def __init__(self, make: Callable[[str], Statement]) -> None:
        self._make = make
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What a query finds."""
        compiled = self._for(tx.dialect)
        found = compiled.execute(tx, compiled.bound(values))
        if not compiled.results:
            return found
        return [_converted(row, compiled.results) for row in found]

    def scalar(self, tx: Connection, values: Mapping[str, Any]) -> Any:
        """The first column of the first row that a query finds, or None."""
        found = self.rows(tx, values)
        return found[0][0] if found else None

    def write(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Carry the statement out for each row; how many rows of the table it met."""
        if not rows:
            return 0
        compiled = self._for(tx.dialect)
        return compiled.execute_all(tx, [compiled.bound(row) for row in rows])

    def _for(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._make(dialect.name), dialect)
        return compiled


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text, and how values go in and come out."""

    text: str
    positional: bool
    names: tuple[str, ...]
    picked: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    constants: Mapping[str, Any]
    converts: tuple[tuple[int, Convert], ...]
    results: tuple[tuple[int, Convert], ...]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        if self.constants:
            values = {**self.constants, **values}
        given = list(self.picked(values))
        for place, convert in self.converts:
            value = given[place]
            if value is not None:
                given[place] = convert(value)
        return given if self.positional else dict(zip(self.names, given, strict=True))

    def execute(self, tx: Connection, given: Any) -> list[tuple[Any, ...]]:
        if tx.dialect.name != "sqlite":
            return [tuple(row) for row in tx.exec_driver_sql(self.text, given)]
        try:
            found: list[tuple[Any, ...]] = _driver(tx).execute(self.text, given).fetchall()
        except sqlite3.Error as error:
            raise _wrapped(tx, self.text, given, error) from error
        return found

    def execute_all(self, tx: Connection, given: list[Any]) -> int:
        if tx.dialect.name != "sqlite":
            options = {"preserve_rowcount": True}
            return tx.exec_driver_sql(self.text, given, execution_options=options).rowcount
        try:
            return _driver(tx).executemany(self.text, given).rowcount
        except sqlite3.Error as error:
            raise _wrapped(tx, self.text, given, error) from error


def say(tx: Connection, command: str) -> None:
    """Give a command that takes no values and finds nothing."""
    if tx.dialect.name != "sqlite":
        tx.exec_driver_sql(command)
        return
    try:
        _driver(tx).execute(command)
    except sqlite3.Error as error:
        raise _wrapped(tx, command, (), error) from error


def _driver(tx: Connection) -> sqlite3.Connection:
    connection: sqlite3.Connection = tx.connection.dbapi_connection  # type: ignore[assignment]
    return connection


def _wrapped(tx: Connection, text: str, given: Any, error: sqlite3.Error) -> BaseException:
    """As SQLAlchemy would raise it: those who tell of a ledger's troubles know no other."""
    return DBAPIError.instance(text, given, error, sqlite3.Error, dialect=tx.dialect)


def _compile(statement: Statement, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)
    names = tuple(compiled.positiontup if compiled.positional else compiled.binds)
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    found = [_result(column, dialect) for column in columns]
    return _Compiled(
        text=compiled.string,
        positional=compiled.positional,
        names=names,
        picked=_picker(names),
        constants={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        converts=_present([_bind(type_, dialect) for type_ in types]),
        results=_present(found),
    )


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _bind(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """How a value that is not None goes in. A type of ours is asked directly where the driver takes what it
    makes: SQLAlchemy's way around it costs as much as the conversion itself."""
    usual: Convert | None = type_.bind_processor(dialect)
    if isinstance(type_, TypeDecorator) and type_.impl_instance.bind_processor(dialect) is None:
        return partial(type_.process_bind_param, dialect=dialect)
    return usual


def _result(column: ColumnElement[Any], dialect: Dialect) -> Convert | None:
    type_: TypeEngine[Any] = column.type.dialect_impl(dialect)
    return type_.result_processor(dialect, None)


def _present(converts: Sequence[Convert | None]) -> tuple[tuple[int, Convert], ...]:
    return tuple((place, convert) for place, convert in enumerate(converts) if convert is not None)


def _converted(row: tuple[Any, ...], converts: tuple[tuple[int, Convert], ...]) -> tuple[Any, ...]:
    values = list(row)
    for place, convert in converts:
        values[place] = convert(values[place])
    return tuple(values)


# --- lists of values: a statement has room for so many, and what is left of it repeats the last ---------


def roomy(number: int) -> int:
    """How much room a statement has that takes this many values: few sizes, so that few are compiled."""
    return next((size for size in _SIZES if size >= number), -(-number // _SIZES[-1]) * _SIZES[-1])


def among(column: ColumnElement[Any], room: int) -> ColumnElement[bool]:
    """That a column is one of the values that `filled` names."""
    return column.in_([bindparam(f"among_{place}", type_=column.type) for place in range(room)])


def filled(values: Sequence[Any], room: int) -> dict[str, Any]:
    """The parameters of `among`."""
    padded = [*values, *[values[-1]] * (room - len(values))]
    return {f"among_{place}": value for place, value in enumerate(padded)}
