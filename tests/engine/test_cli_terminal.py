"""How text is fitted into a terminal: nothing is lost, and no line is too wide."""

from __future__ import annotations

import asyncio
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.live import Live
from engine.cli.terminal import cells, folded, padded, side_by_side, width

TEXTS = st.text("ab  张三，é\u0301\n", max_size=60)


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("张三", 4), ("e\u0301", 1), ("", 0), ("￥1", 3)])
def test_chinese_signs_take_two_columns(text: str, columns: int) -> None:
    assert cells(text) == columns
    assert cells(padded(text, 9)) == 9


@given(TEXTS, st.integers(2, 20))
def test_folding_loses_nothing_and_fits(text: str, columns: int) -> None:
    lines = folded(text, columns)
    assert all(cells(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_lines_break_between_words() -> None:
    assert folded("hello world this is 一个中文句子 ok", 11) == [
        "hello world",
        "this is",
        "一个中文句",
        "子 ok",
    ]
    assert folded('    "a": "很长很长很长"', 9)[0] == '    "a":'


def test_pieces_keep_their_style_across_lines() -> None:
    assert folded([("ab", "bold"), ("cd", None)], 3) == ["\x1b[1mab\x1b[0mc", "d"]


@given(TEXTS, TEXTS, st.integers(17, 60))
def test_frames_stand_beside_each_other(left: str, right: str, columns: int) -> None:
    lines = side_by_side([("one", left), ("two", right)], columns)
    assert len({cells(line) for line in lines}) == 1
    assert cells(lines[0]) <= columns


@pytest.mark.parametrize(("told", "expected"), [("61", 61), ("x", None), ("0", None), ("²", None)])
def test_the_width_is_what_columns_says(
    monkeypatch: pytest.MonkeyPatch, told: str, expected: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", told)
    assert width() == expected or (expected is None and width() > 1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_said_meanwhile_stands_above_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)

    async def work() -> None:
        with Live(lambda: ["one", "two"]):
            sys.stderr.write("said\n")
            await asyncio.sleep(0.2)

    asyncio.run(work())
    erase = "\r\x1b[1A\x1b[J"
    assert shown.getvalue() == f"one\ntwo{erase}said\none\ntwo{erase}"
    assert sys.stderr is shown
