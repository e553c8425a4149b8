"""Find the text in a YAML line that lacks its quotes, and write the line as it was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

__all__ = ["Repair", "repair_line"]

_SIGNS = ("{{", "{%", "[", "@", "`", "*", "&", "!", "%", "|", ">")
_KEY = re.compile(
    r"""^(?P<lead>\s*(?:-\s+)*)(?P<key>"[^"]*"|'[^']*'|[^\s"'{\[#@`][^#"'{}\[\]]*?)\s*:\s+(?=\S)"""
)


@dataclass(frozen=True, slots=True)
class Repair:
    """The mended line: `value`, which stands from `start` to `end` (columns from 0) in it, got quotes."""

    line: str
    value: str
    start: int
    end: int
    sign: str

    def column_before(self, column: int) -> int:
        """The column in the line as it was, of a column in the mended line."""
        if column <= self.start:
            return column
        written = len(_quoted(self.value))
        if column < self.start + written:
            return min(self.start + max(column - self.start - 1, 0), self.end)
        return column - (written - (self.end - self.start))


def repair_line(source: str, column: int) -> Repair | None:
    """The line with quotes around the value at `column` (from 0), or None where it lacks no quotes.

    Only a line that is good YAML by itself afterwards is offered.
    """
    body = source.rstrip("\r\n")
    ending = source[len(body) :]
    for start, end in _candidates(body, column):
        value = body[start:end].strip()
        sign = _sign(value)
        if sign is None:
            continue
        stop = start + len(body[start:end].rstrip())
        line = body[:start] + _quoted(value) + body[stop:]
        if _reads(line, start + len(_quoted(value))):
            return Repair(line + ending, value, start, stop, f'"{sign.strip()}"')
    return None


def _sign(value: str) -> str | None:
    """What in an unquoted value YAML took for its own, or None when quotes are not what it lacks."""
    if value[:1] in ('"', "'") or (value[:1] == "{" and value[:2] not in ("{{", "{%")):
        return None
    if value[:1] == "[" and value.count("[") != value.count("]"):
        return None
    first = next((sign for sign in _SIGNS if value.startswith(sign)), None)
    return first or next((sign for sign in ("[", "{", ": ") if sign in value), None)


def _candidates(body: str, column: int) -> list[tuple[int, int]]:
    """Spans that may be one value around `column`: inside a flow mapping first, then the rest of the line."""
    spans = []
    start = _flow_start(body, column)
    if start is not None:
        spans.append((start, _flow_end(body, start)))
    key = _KEY.match(body)
    if key is not None:
        spans.append((key.end(), _comment(body, key.end())))
    item = re.match(r"^\s*(?:-\s+)+(?=\S)", body)
    if item is not None:
        spans.append((item.end(), _comment(body, item.end())))
    return spans


def _flow_start(body: str, column: int) -> int | None:
    """Where the value that holds `column` begins, when it is inside ``{…: value, …}``."""
    starts = [
        found.end()
        for found in re.finditer(
            r"""(?:[{,]\s*)(?:"[^"]*"|'[^']*'|[^\s"',{}][^"',{}:]*):\s+(?=[^\s"'])""", body
        )
        if found.end() <= column
    ]
    return starts[-1] if starts else None


def _flow_end(body: str, start: int) -> int:
    """The end of a value in a flow mapping: the comma or brace that closes it, brackets skipped."""
    depth = 0
    quote = ""
    for index in range(start, len(body)):
        sign = body[index]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
        elif sign in ",}]" and not depth:
            return index
    return len(body)


def _comment(body: str, start: int) -> int:
    found = re.search(r"\s#", body[start:])
    return start + found.start() if found else len(body)


def _quoted(value: str) -> str:
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def _reads(line: str, mended: int) -> bool:
    """Whether the line is YAML now, or at least as far as the column where its mended value ends."""
    try:
        return yaml.compose(line, Loader=yaml.SafeLoader) is not None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        further = mark is not None and mark.line == 0 and mark.column > mended
        # A line that opens a flow mapping and closes it further down is good too.
        return further or _opens_only(line)
    except (yaml.YAMLError, RecursionError):
        return False


def _opens_only(line: str) -> bool:
    try:
        list(yaml.scan(line, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    text = re.sub(r"""'(?:[^']|'')*'|"[^"]*\"""", "", line)
    return text.count("{") > text.count("}") or text.count("[") > text.count("]")
