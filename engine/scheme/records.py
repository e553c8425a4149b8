"""Records that tests name: inline, or in a JSON or YAML file beside the scheme."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import Position, SchemeError
from engine.language import tr
from engine.scheme.files import safe_file
from engine.yaml_nodes import decode_text, read_yaml_text

if TYPE_CHECKING:
    from pathlib import Path

    from engine.scheme.model import TestSpec

__all__ = ["read_record", "read_record_file"]


def read_record(test: TestSpec, folder: Path) -> dict[str, Any]:
    """The record of a test. Raises SchemeError."""
    if test.record_file is None:
        found: dict[str, Any] = test.record.plain() if test.record is not None else {}
        return found
    path = safe_file(folder, test.record_file, test.record_position)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SchemeError(
            tr('"{name}" cannot be read: {reason}', name=test.record_file, reason=error.strerror),
            position=test.record_position,
        ) from error
    return read_record_file(data, str(folder / test.record_file))


def read_record_file(data: bytes, name: str) -> dict[str, Any]:
    """A record from JSON, or YAML when the name says so; amounts are never floats. Raises SchemeError."""
    text = decode_text(data, name)
    if name.endswith((".yaml", ".yml")):
        record = read_yaml_text(text, name).plain()
    else:
        try:
            record = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            place = Position(name, getattr(error, "lineno", 1), getattr(error, "colno", 1))
            problem = getattr(error, "msg", str(error))
            raise SchemeError(tr("not JSON: {problem}", problem=problem), position=place) from None
    if not isinstance(record, dict):
        raise SchemeError(tr("a record must be a mapping"), position=Position(name))
    return record


def _refuse(word: str) -> Any:
    raise ValueError(tr("{word} is no number", word=word))
