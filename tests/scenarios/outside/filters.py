"""Kingdee's FilterString, as far as its documents show it: comparisons, in-lists, and, or, brackets."""

from __future__ import annotations

import re
from collections.abc import Callable

Value = str
Row = dict[str, str]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.]*)|(?P<number>-?\d+(?:\.\d+)?)|(?P<op><>|>=|<=|[=<>(),]))"
)


class BadFilter(Exception):
    """The filter cannot be read."""


def tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if not match or match.lastgroup is None:
            raise BadFilter(text[at:])
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def compile_filter(text: str) -> Callable[[Row], bool]:
    """Turn a filter into a test on a row of texts; an empty one takes all."""
    left = tokens(text)
    if not left:
        return lambda row: True
    test = _either(left)
    if left:
        raise BadFilter(str(left))
    return test


def _word(left: list[tuple[str, str]], word: str) -> bool:
    if left and left[0][0] in ("name", "op") and left[0][1].lower() == word:
        left.pop(0)
        return True
    return False


def _either(left: list[tuple[str, str]]) -> Callable[[Row], bool]:
    parts = [_both(left)]
    while _word(left, "or"):
        parts.append(_both(left))
    return lambda row: any(part(row) for part in parts)


def _both(left: list[tuple[str, str]]) -> Callable[[Row], bool]:
    parts = [_one(left)]
    while _word(left, "and"):
        parts.append(_one(left))
    return lambda row: all(part(row) for part in parts)


def _literal(left: list[tuple[str, str]]) -> str:
    kind, text = left.pop(0)
    if kind == "text":
        return text[1:-1].replace("''", "'")
    if kind == "number":
        return text
    raise BadFilter(text)


def _one(left: list[tuple[str, str]]) -> Callable[[Row], bool]:
    if not left:
        raise BadFilter("ends early")
    if _word(left, "("):
        inner = _either(left)
        if not _word(left, ")"):
            raise BadFilter(")")
        return inner
    kind, name = left.pop(0)
    if kind != "name":
        raise BadFilter(name)
    if _word(left, "in"):
        if not _word(left, "("):
            raise BadFilter("in")
        values = {_literal(left)}
        while _word(left, ","):
            values.add(_literal(left))
        if not _word(left, ")"):
            raise BadFilter(")")
        return lambda row: row[name] in values
    if not left:
        raise BadFilter("ends early")
    _, op = left.pop(0)
    value = _literal(left)
    compare: dict[str, Callable[[str], bool]] = {
        "=": lambda cell: cell == value,
        "<>": lambda cell: cell != value,
        ">": lambda cell: _order(cell, value) > 0,
        ">=": lambda cell: _order(cell, value) >= 0,
        "<": lambda cell: _order(cell, value) < 0,
        "<=": lambda cell: _order(cell, value) <= 0,
    }
    if op not in compare:
        raise BadFilter(op)
    test = compare[op]
    return lambda row: test(row[name])


def _order(a: str, b: str) -> int:
    try:
        x, y = float(a), float(b)
        return (x > y) - (x < y)
    except ValueError:
        return (a > b) - (a < b)
