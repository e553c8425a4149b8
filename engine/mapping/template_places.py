"""Where the words of a template stand: Jinja's tree knows lines only, a message needs columns too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import Position

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Places"]

_AFTER = {".": "field", "|": "filter", "is": "test", "not": "test"}


class Places:
    """The places of a template's words, by what they are: ``name``, ``field``, ``filter`` or ``test``."""

    def __init__(self, text: str, position: Position, environment: Environment) -> None:
        self._text = text
        self._position = position
        self._found: dict[tuple[str, str], int] = {}
        self.floats: list[str] = []
        cursor, before = 0, ""
        for _, kind, word in environment.lex(text):
            at = text.find(word, cursor)
            if at < 0:
                continue  # Jinja has changed the line ends
            cursor = at + len(word)
            if kind == "name":
                self._found.setdefault((_AFTER.get(before, "name"), word), at)
            elif kind == "float":
                self.floats.append(word)
            if kind != "whitespace":
                before = word

    def of(self, kind: str, word: str) -> Position:
        """The first place of `word` as a `kind`, else the template's beginning."""
        at = self._found.get((kind, word))
        return self._position if at is None else self.at(at)

    def line(self, number: int | None) -> Position:
        """The beginning of a line of the template, counted from 1; of the template where Jinja knows none."""
        place = self._position
        return place if number is None or number <= 1 else Position(place.file, place.line + number - 1, 1)

    def at(self, offset: int) -> Position:
        """The place of a character."""
        before = self._text[:offset]
        line = before.count("\n")
        place = self._position
        if not line:
            return Position(place.file, place.line, place.column + offset)
        return Position(place.file, place.line + line, offset - before.rfind("\n"))
