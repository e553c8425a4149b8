"""Texts on one line, without what cannot be seen, steers, or turns the direction of writing."""

from __future__ import annotations

import re

__all__ = ["on_one_line", "seen"]

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def seen(text: str) -> str:
    """The text with a sign in place of each character that would not be seen."""
    return _UNSEEN.sub("\ufffd", text)


def on_one_line(value: object) -> str:
    """A value as text, whose gaps are single blanks."""
    return seen(" ".join(str(value).split()))
