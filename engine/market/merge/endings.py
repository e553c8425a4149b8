"""What a file has around its lines: a byte order mark, line endings, a last line feed or none.

A merge works on texts without them; the user's own are put back in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["Endings"]


@dataclass(frozen=True, slots=True)
class Endings:
    """How one text ends its lines."""

    original: str

    @staticmethod
    def plain(text: str) -> str:
        """The text with line feeds only, the last line's included, and no byte order mark."""
        bare = text.removeprefix("\ufeff").replace("\r\n", "\n")
        return bare if not bare or bare.endswith("\n") else bare + "\n"

    def convert(self, text: str) -> str:
        """A text with the original's mark and line endings, where those are the same in all lines."""
        mark = "\ufeff" if self.original.startswith("\ufeff") else ""
        windows = self.original.count("\r\n")
        bare = text.removeprefix("\ufeff")
        if windows and windows == self.original.count("\n"):
            bare = bare.replace("\r\n", "\n").replace("\n", "\r\n")
        elif not windows and "\n" in self.original:
            bare = bare.replace("\r\n", "\n")
        return mark + bare

    def restore(self, text: str) -> str:
        """A text of line feeds in the manner of the original; where that mixes, each line keeps its own."""
        mark = "\ufeff" if self.original.startswith("\ufeff") else ""
        body = self.original.removeprefix("\ufeff")
        many, windows = body.count("\n"), body.count("\r\n")
        if windows and windows == many:
            text = text.replace("\n", "\r\n")
        elif windows:
            text = _mixed(body, text, windows * 2 > many)
        if body and not body.endswith("\n"):
            text = text.removesuffix("\n").removesuffix("\r")
        return mark + text


def _mixed(body: str, text: str, windows: bool) -> str:
    old = body.split("\n")
    lines = text.split("\n")
    carriage = [windows] * len(lines)
    matcher = SequenceMatcher(None, [line.removesuffix("\r") for line in old], lines, autojunk=False)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            carriage[block.b + offset] = old[block.a + offset].endswith("\r")
    ends = ["\r\n" if own else "\n" for own in carriage[:-1]]
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))
