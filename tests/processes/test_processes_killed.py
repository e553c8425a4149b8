"""The real command, killed at any moment and started again: nothing lost, nothing twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import pytest

FEWEST_KILLS = 50
"""Real kills in one run of the tests; `make soak` adds a thousand."""


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many kills a form of a test must see, as its mark says."""
    return int(request.node.get_closest_marker("kills").args[0])


@pytest.fixture
def databases(postgresql_server: Any) -> Iterator[Callable[[], str]]:
    """A database for each set of claims: they are other companies' on the same numbers."""
    made: list[str] = []

    def make() -> str:
        made.append(postgresql_server.make())
        return str(postgresql_server.url(made[-1]))

    yield make
    for name in made:
        postgresql_server.drop(name)


@pytest.mark.kills(6)
@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again(company: Callable[..., Any], seed: int, kills: int) -> None:
    _storms(company, seed, kills, lambda: None)


@pytest.mark.kills(4)
@pytest.mark.parametrize("seed", range(6, 8))
def test_killed_again_and_again_on_postgresql(
    company: Callable[..., Any], seed: int, kills: int, databases: Callable[[], str]
) -> None:
    _storms(company, seed, kills, databases)


@pytest.mark.kills(4)
@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_killed_between_the_products_own_simulators(
    simulated: Callable[..., Any], unique: bool, kills: int
) -> None:
    """They are served by a process of their own, which outlives every kill."""
    _storms(simulated, 20 + unique, kills, lambda: None, unique)


def test_at_least_fifty_real_kills_are_in_every_check() -> None:
    """That is promised; who shortens one of the tests above has to lengthen another."""
    assert sum(_kills_of(test) for test in list(globals().values())) >= FEWEST_KILLS


def _kills_of(test: object) -> int:
    """The kills of a test in all its parametrised forms; none where it does not run in every check."""
    marks: dict[str, list[Any]] = {}
    for mark in getattr(test, "pytestmark", ()):
        marks.setdefault(mark.name, []).append(mark.args)
    if "kills" not in marks or marks.keys() & {"skip", "skipif", "xfail", "soak"}:
        return 0
    forms = prod(len(values) for _, values in marks.get("parametrize", ()))
    return int(marks["kills"][0][0]) * forms


def test_a_planted_bug_is_seen(company: Callable[..., Any]) -> None:
    """An engine that sends again without asking pays twice after a kill; the audit says so."""
    made = company(unique=False, plant="resend without asking")
    made.kingdee.fail("batchsave", "kill_after")
    assert made.finish(made.start()).code == -9
    made.finish(made.start())
    assert made.audit().twice > 0


def _storms(
    company: Callable[..., Any],
    seed: int,
    kills: int,
    ledger: Callable[[], str | None],
    unique: bool | None = None,
) -> None:
    """Sets of claims, one after another, until there were so many kills; on both kinds of target."""
    killing = sys.modules["processes_killing"]
    total = killing.Figures()
    while total.kills < kills:
        kind = bool((seed + total.sets) % 2) if unique is None else unique
        made = company(unique=kind, ledger=ledger())
        total.add(killing.Storm(made, 1000 * seed + total.sets, kills - total.kills).play())
    assert total.kills >= kills
    assert not total.bad()
