"""The methods that a template may call on a text; each keeps its result within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.language import tr
from engine.mapping.allowance import TEXT_MOST, too_much

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["TEXT_METHODS", "TextMethod", "joined", "replaced"]


def replaced(text: str, old: str, new: str, count: int = -1) -> str:
    """The text with `old` replaced. Raises RecordError before a result that is too long is built."""
    if len(new) > len(old) and len(text) + text.count(old) * (len(new) - len(old)) > TEXT_MOST:
        raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
    return text.replace(old, new, count)


def joined(separator: str, texts: Iterable[str]) -> str:
    """The texts with `separator` between. Raises RecordError when that is too long."""
    parts: list[str] = []
    length = 0
    for text in texts:
        length += len(text) + len(separator)
        if length > TEXT_MOST + len(separator):
            raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
        parts.append(text)
    return separator.join(parts)


def _filled(text: str, width: int) -> str:
    if width > TEXT_MOST:
        raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
    return text.zfill(width)


_OWN: dict[str, Callable[..., Any]] = {"replace": replaced, "join": joined, "zfill": _filled}

TEXT_METHODS: Final = frozenset(
    {
        *_OWN,
        *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"),
        *("split", "rsplit", "splitlines", "partition", "rpartition"),
        *("upper", "lower", "title", "capitalize", "swapcase", "casefold"),
        *("startswith", "endswith", "find", "rfind", "index", "count"),
        *("isdigit", "isdecimal", "isnumeric", "isalpha", "isalnum", "isspace", "isupper", "islower"),
    }
)
"""No ``format``, ``format_map``, ``translate``, ``encode``; nor ``center``, ``ljust``, ``rjust``,
``expandtabs``, whose width is the only bound of their result."""


class TextMethod:
    """A text's method, not called yet."""

    __slots__ = ("_name", "_text")

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = _OWN.get(self._name)
        if own is not None:
            return own(self._text, *args, **kwargs)
        return getattr(self._text, self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        return "<method>"
