"""Which answer a finding is about: from its place in the file that was written to the question's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.market.edits import scalar_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from engine.errors import Position

__all__ = ["question_of"]

_SOURCE = {"connection": "source", "id": "id_path", "number": "number_path"}
_TARGET = {"connection": "target", "interface": "target_interface"}


def question_of(text: str, place: Position, scheme: str, asked: Collection[str]) -> str | None:
    """The id of the question whose answer stands at a place of a scheme's text; None where none does.

    `scheme` is the scheme's id in the market; `asked` the ids of all questions of this wizard.
    """
    try:
        path = scalar_at(text, place.line, place.column, place.file)
    except SchemeError:
        return None
    return next((name for name in _names(path, scheme) if name in asked), None)


def _names(path: tuple[str | int, ...], scheme: str) -> list[str]:
    match path:
        case ("name",):
            return ["name"]
        case ("params", str(name), *_):
            return [f"{scheme}.{name}", name]
        case ("source", "request", str(name), *_):
            return [f"request.{name}"]
        case ("source", str(name)):
            return [_SOURCE.get(name, name)]
        case ("target", "mapping", str(table), int(), "each"):
            return [f"rows.{table}"]
        case ("target", "mapping", str(table), int(), "row", str(name), *_):
            return [f"map.{table}.{name}"]
        case ("target", "mapping", str(name), *_):
            return [f"map.{name}"]
        case ("target", str(name)):
            return [_TARGET.get(name, name)]
    return []
