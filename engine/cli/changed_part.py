"""Two long texts side by side: the part in which they differ, with some of what stands around it."""

from __future__ import annotations

from itertools import takewhile

__all__ = ["changed_part"]

_AROUND = 24


def changed_part(before: str, after: str, most: int) -> tuple[str, str]:
    """Both texts, each of `most` characters or little more, so that the first difference is seen.

    What is left out is ``…``. Texts that are short enough are whole.
    """
    if max(len(before), len(after)) <= most:
        return before, after
    same = _alike(before, after)
    rest = min(len(before), len(after)) - same
    tail = min(_alike(before[::-1], after[::-1]), rest)
    start = max(same - _AROUND, 0)
    return _part(before, start, tail, most), _part(after, start, tail, most)


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _part(text: str, start: int, tail: int, most: int) -> str:
    """From `start` to a little behind the difference, which ends `tail` characters before the text does."""
    end = min(len(text) - tail + _AROUND, start + most, len(text))
    start, end = (0 if start <= 1 else start), (len(text) if end >= len(text) - 1 else end)
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
