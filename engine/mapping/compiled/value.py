"""A value under construction."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Value"]


@dataclass(frozen=True, slots=True)
class Value:
    """A variable or literal, and what is known of it.

    ``text``: a str; ``plain``: of a class in `PLAIN`; ``day``: a day's text; ``data``: any value of a
    template; ``raw``: a record's own value, which may be missing and is not as templates see it yet;
    ``set``: a name that a template sets, which may be missing.
    """

    name: str
    kind: str = "data"
