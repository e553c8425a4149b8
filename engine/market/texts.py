"""Files of a copy as text and back: another encoding or other line ends, are no edit."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Position, SchemeError
from engine.language import tr
from engine.market.merge.endings import Endings

__all__ = ["Text", "read_text", "same"]


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, with its mark and line ends, and the encoding that it was read in."""

    text: str
    encoding: str

    def data(self, text: str) -> bytes:
        """Another text as bytes in this one's encoding."""
        return text.encode(self.encoding)


def read_text(data: bytes, name: str) -> Text:
    """A file's text. Tables may be in GB18030, as spreadsheet programs save them. Raises SchemeError."""
    for encoding in ("utf-8", "gb18030") if name.endswith(".csv") else ("utf-8",):
        try:
            return Text(data.decode(encoding), encoding)
        except UnicodeDecodeError:
            continue
    raise SchemeError(tr("the file is not UTF-8"), position=Position(name))


def same(one: bytes, other: bytes, name: str) -> bool:
    """Whether two versions of a file say the same, line ends and encoding aside."""
    if one == other:
        return True
    try:
        return Endings.plain(read_text(one, name).text) == Endings.plain(read_text(other, name).text)
    except SchemeError:
        return False
