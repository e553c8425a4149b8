"""Examples that show what a value looks like, and not whose it is."""

from __future__ import annotations

import re

__all__ = ["masked"]

_LONGEST = 40
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(:\d\d)?)?")
_RANDOM = re.compile(r"[x9_-]{12,}")
_WORD = re.compile(r"[A-Z][A-Z_]{1,30}")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")


def masked(text: str, *, chosen: bool = False) -> str:
    """A value's shape: digits become 9, letters x, Chinese characters 某, a date its format.

    Kept as they are: what was chosen from a list, and words such as COMPLETED, which nobody is called.
    """
    text = " ".join(text.split())
    if found := _DATE.fullmatch(text):
        text = "yyyy-MM-dd" + (f"{found[1]}HH:mm{':ss' if found[2] else ''}" if found[1] else "")
    elif not (chosen or _WORD.fullmatch(text)):
        text = _HAN.sub(lambda found: "某" * min(len(found[0]), 4), text)
        text = "".join(_sign(sign) for sign in text)
        text = _RANDOM.sub(_shortened, text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _sign(sign: str) -> str:
    if sign == "某":
        return sign
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "x"
    return sign


def _shortened(found: re.Match[str]) -> str:
    """What was made at random, such as an id, looks different each time: only its length is kept."""
    return f"xxxx…({len(found[0])})" if "x" in found[0] else found[0]
