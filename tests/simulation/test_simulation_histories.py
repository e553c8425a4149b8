"""Hundreds of histories of storm and calm; each is made anew from its seed, to the last event."""

from __future__ import annotations

from pathlib import Path

import pytest
from dst.setup import draw_setup
from dst.world import play

HISTORIES = 500
CHUNK = 25


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulation")


@pytest.mark.parametrize("first", range(0, HISTORIES // 2, CHUNK))
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
def test_every_history_ends_well(first: int, unique: bool, folder: Path) -> None:
    for seed in range(first, first + CHUNK):
        outcome = play(draw_setup(seed, unique), folder)
        if outcome.violations:
            pytest.fail(outcome.report(), pytrace=False)


def test_a_clock_that_jumps_while_a_comment_is_unclear_sends_it_once(folder: Path) -> None:
    """What was unclear in one round of callbacks was asked for too soon in the next."""
    outcome = play(draw_setup(700_124, True), folder)
    assert not outcome.violations, outcome.report()


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
def test_a_seed_gives_the_same_history_again(unique: bool, folder: Path) -> None:
    for seed in (1, 7, 11):
        first, second = (play(draw_setup(seed, unique), folder) for _ in range(2))
        assert first.history.lines() == second.history.lines()
        assert first.digest == second.digest
        other = play(draw_setup(seed + 1000, unique), folder)
        assert other.digest != first.digest
