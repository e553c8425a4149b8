"""True answers spoilt by a seed: other types, holes, cut or alien bodies, odd texts and numbers, redirects.

A spoilt answer is nonsense, or honest about failing; it is no plausible lie. That nothing was found, that a
page was the last, or that a bill is there which is not, is a system's word, and is believed.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

from aiohttp import web

LEAVES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        10**30,
        2**63,
        "",
        " ",
        "null",
        "NaN",
        "[]",
        "{}",
        [],
        {},
        [[]],
        [None],
    ),
    *(
        "\ud800",
        "a\0b",
        "\x1b]0;x\x07\x1b[2J",
        "\u202e",
        "\ufeff",
        "e\u0301",
        "𠮷",
        "=HYPERLINK(1)",
        "{{ 7*7 }}",
    ),
    *("9" * 30, "9" * 5000, "1e999999999", "-0", "--5", "1,2,3", "١٢٣", "12345678901234567890123456789.01"),
    *("x" * 200_000, [0] * 1000, {"a": {"a": {"a": {}}}}, ["a", ["b", {"c": None}]]),
)
BODIES: tuple[bytes, ...] = (
    *(b"", b" ", b"null", b"true", b"[]", b"{}", b"0", b'""', b"[NaN]", b"Infinity", b'{"a":1}{"a":2}'),
    *(
        b"<html><body>busy</body></html>",
        b"\xff\xfe\x00",
        b'"\xed\xa0\x80"',
        b"\x1f\x8b\x08\x00junk",
        b"\xef\xbb\xbf{}",
    ),
    *(b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"9" * 9999),
    b'"' + b"x" * 10_000_000 + b'"',
)
STATUSES = (200, 200, 200, 204, 301, 302, 307, 400, 401, 403, 404, 418, 429, 500, 502, 503, 504)


class Spoiler:
    """Spoils one answer in `every`, until `rest` is called; which and how depends on the seed and on how many
    answers of that address came before."""

    def __init__(self, seed: int, every: int = 3) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.every = every
        self.spoilt: list[str] = []
        self.resting = False

    def __call__(self, system: str, path: str, response: web.Response) -> web.Response:
        self.answers[path] += 1
        self.random = random.Random(f"{self.seed} {path} {self.answers[path]}")
        if self.resting or self.random.randrange(self.every):
            return response
        body = bytes(response.body or b"")
        self.spoilt.append(path)
        kind = self.random.randrange(6)
        if kind == 0:
            alien = self.random.choice(BODIES)
            return web.Response(body=b"{}" if alien == b"[]" and body.startswith(b"[") else alien, status=200)
        if kind == 1:
            return web.Response(body=body[: self.random.randrange(len(body))], status=200)
        if kind == 2:
            status = self.random.choice(STATUSES[3:])
            there = {
                "Location": "http://127.0.0.1:9/stolen",
                "Retry-After": self.random.choice(["1", "x", "-5", "1e9"]),
            }
            return web.Response(body=b"" if status == 204 else body, status=status, headers=there)
        return web.Response(body=self._changed(path, body), content_type="application/json")

    def rest(self) -> None:
        """Answer truly from now on."""
        self.resting = True

    def _changed(self, path: str, body: bytes) -> bytes:
        true = json.loads(body)
        for _ in range(10):
            changed = copy.deepcopy(true)
            for _ in range(self.random.choice((1, 1, 2))):
                changed = self._one(changed)
            if not _lies(true, changed):
                return json.dumps(changed).encode()
        return b"{}"

    def _one(self, value: Any) -> Any:
        """The value with one part of it, at any depth, gone, doubled or replaced."""
        if not isinstance(value, dict | list) or not value or self.random.randrange(6) == 0:
            return self.random.choice(LEAVES)
        place = (
            self.random.choice(sorted(value))
            if isinstance(value, dict)
            else self.random.randrange(len(value))
        )
        act = self.random.randrange(8)
        if act == 0:
            del value[place]
        elif act == 1 and isinstance(value, list):
            value.append(copy.deepcopy(value[place]))
        else:
            value[place] = self._one(value[place])
        return value


def _lies(true: Any, changed: Any) -> bool:
    """Whether the change is one that nobody could tell from a true answer, and that hides something."""
    if isinstance(true, list):  # a query: fewer rows, or none, are an answer
        return not isinstance(changed, list) or len(changed) < len(true) or _hides_a_row(true, changed)
    if not isinstance(true, dict) or not isinstance(changed, dict):
        return False
    was, now = true.get("result"), changed.get("result")
    if not isinstance(was, dict) or "list" not in was or not isinstance(now, dict):
        return False
    ids = now.get("list")
    if not isinstance(ids, list):
        return False
    honest = all(isinstance(one, str) and one.strip() for one in ids)
    ended = "next_cursor" in was and now.get("next_cursor") in (None, "")
    other = now.get("next_cursor") != was.get("next_cursor")
    return ended or (honest and (other or not set(was["list"]) <= set(ids)))


def _hides_a_row(true: list[Any], changed: list[Any]) -> bool:
    return any(
        not isinstance(row, list) or len(row) < len(was) or row[:2] != was[:2]
        for row, was in zip(changed, true, strict=False)
        if isinstance(was, list)
    )
