"""Conditions on a row, with SQL's three truths: true, false, and unknown where a null is compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

__all__ = [
    "AllOf",
    "AnyOf",
    "Column",
    "Comparison",
    "Condition",
    "ConditionError",
    "IsNull",
    "Like",
    "Literal",
    "Negation",
    "OneOf",
    "Row",
    "Truth",
    "parse_moment",
]

Row = Mapping[str, Any]
Truth = bool | None

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "<>": lambda left, right: bool(left != right),
    "!=": lambda left, right: bool(left != right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
}
_MOMENTS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%Y%m%d")


class ConditionError(ValueError):
    """A condition that cannot be read or compared; the text is for the caller."""


class Operand(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str | None: ...

    @property
    def type(self) -> str | None: ...

    def read(self, row: Row) -> Any: ...


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the filter."""

    value: Any
    name: None = None
    type: None = None

    def read(self, row: Row) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Column:
    """A field of the form, read from a row under `name`."""

    name: str
    type: str
    reader: Callable[[Row], Any]

    def read(self, row: Row) -> Any:
        return self.reader(row)


class Condition(Protocol):
    """Anything a row can satisfy."""

    def holds(self, row: Row) -> Truth: ...

    def pins(self, name: str) -> frozenset[str] | None:
        """The only texts that column `name` can have where this holds; None when it is not narrowed down."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``."""

    left: Operand
    operator: str
    right: Operand

    def holds(self, row: Row) -> Truth:
        kind = self.left.type or self.right.type
        left, right = _as(self.left.read(row), kind), _as(self.right.read(row), kind)
        if left is None or right is None:
            return None
        return _OPERATORS[self.operator](left, right)

    def pins(self, name: str) -> frozenset[str] | None:
        if self.operator != "=" or self.left.name != name or not isinstance(self.right, Literal):
            return None
        return frozenset({str(self.right.value)})


@dataclass(frozen=True, slots=True)
class OneOf:
    """``left in (…)``."""

    left: Operand
    choices: tuple[Literal, ...]

    def holds(self, row: Row) -> Truth:
        value = _as(self.left.read(row), self.left.type)
        if value is None:
            return None
        return any(value == _as(choice.value, self.left.type) for choice in self.choices)

    def pins(self, name: str) -> frozenset[str] | None:
        return frozenset(str(choice.value) for choice in self.choices) if self.left.name == name else None


@dataclass(frozen=True, slots=True)
class Like:
    """``left like 'pattern'`` with % for any text and _ for any one character."""

    left: Operand
    pattern: str

    def holds(self, row: Row) -> Truth:
        value = _as(self.left.read(row), "text")
        if value is None:
            return None
        parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in self.pattern)
        return re.fullmatch("".join(parts), value, re.DOTALL) is not None

    def pins(self, name: str) -> frozenset[str] | None:
        return None


@dataclass(frozen=True, slots=True)
class IsNull:
    """``left is null``."""

    left: Operand

    def holds(self, row: Row) -> Truth:
        return self.left.read(row) is None

    def pins(self, name: str) -> frozenset[str] | None:
        return None


@dataclass(frozen=True, slots=True)
class Negation:
    """``not inner``; unknown stays unknown."""

    inner: Condition

    def holds(self, row: Row) -> Truth:
        truth = self.inner.holds(row)
        return None if truth is None else not truth

    def pins(self, name: str) -> frozenset[str] | None:
        return None


@dataclass(frozen=True, slots=True)
class AllOf:
    """``a and b``."""

    parts: tuple[Condition, ...]

    def holds(self, row: Row) -> Truth:
        truths = [part.holds(row) for part in self.parts]
        if False in truths:
            return False
        return None if None in truths else True

    def pins(self, name: str) -> frozenset[str] | None:
        known = [pins for part in self.parts if (pins := part.pins(name)) is not None]
        return frozenset.intersection(*known) if known else None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """``a or b``."""

    parts: tuple[Condition, ...]

    def holds(self, row: Row) -> Truth:
        truths = [part.holds(row) for part in self.parts]
        if True in truths:
            return True
        return None if None in truths else False

    def pins(self, name: str) -> frozenset[str] | None:
        known = [part.pins(name) for part in self.parts]
        if any(pins is None for pins in known):
            return None
        return frozenset[str]().union(*(pins for pins in known if pins is not None))


def parse_moment(text: str) -> datetime | None:
    """A date or time as callers write them, without zone; None when it is neither."""
    text = text.strip().removesuffix("Z").split(".")[0]
    for pattern in _MOMENTS:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - Kingdee's times carry no zone
        except ValueError:
            continue
    return None


def _as(value: Any, kind: str | None) -> Any:
    if value is None:
        return None
    if kind in ("decimal", "integer"):
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise ConditionError(f"从数据类型 nvarchar 转换为 numeric 时出错：{value}") from None
    if kind in ("date", "datetime"):
        moment = parse_moment(str(value))
        if moment is None:
            raise ConditionError(f"从字符串转换日期和/或时间时，转换失败：{value}")
        return moment
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
