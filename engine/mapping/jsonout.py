"""JSON text piece by piece, so that a limit holds before the whole is built."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.language import tr
from engine.mapping.allowance import TEXT_MOST, too_much
from engine.mapping.scope import unwrap
from engine.mapping.values import plain_number, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["json_text"]

_NESTED_MOST = 100


def json_text(value: Any) -> str:
    """The value as compact JSON: Chinese as it is, amounts as numbers digit for digit, times as texts.

    Raises RecordError beyond the limit of a template's output.
    """
    pieces: list[str] = []
    left = TEXT_MOST

    def emit(piece: str) -> None:
        nonlocal left
        left -= len(piece)
        if left < 0:
            raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
        pieces.append(piece)

    _write(unwrap(value), emit, 0)
    return "".join(pieces)


def _write(value: Any, emit: Callable[[str], None], depth: int) -> None:
    if depth > _NESTED_MOST:
        raise ValueError(tr("a value is nested too deeply"))
    if value is None or isinstance(value, (bool, int, str)):
        emit(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, Decimal):
        emit(plain_number(value))
    elif isinstance(value, dict):
        _write_parts("{}", value.items(), lambda pair: _write_field(pair, emit, depth), emit)
    elif isinstance(value, (list, tuple)):
        _write_parts("[]", value, lambda part: _write(part, emit, depth + 1), emit)
    else:
        emit(json.dumps(to_text(value), ensure_ascii=False))


def _write_parts(around: str, parts: Any, write: Callable[[Any], None], emit: Callable[[str], None]) -> None:
    emit(around[0])
    for index, part in enumerate(parts):
        if index:
            emit(",")
        write(part)
    emit(around[1])


def _write_field(pair: tuple[Any, Any], emit: Callable[[str], None], depth: int) -> None:
    emit(json.dumps(to_text(pair[0]), ensure_ascii=False) + ":")
    _write(pair[1], emit, depth + 1)
