"""The real command, killed at any moment and started again: nothing lost, nothing twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest


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


@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again(company: Callable[..., Any], seed: int) -> None:
    _storms(company, seed, 6, lambda: None)


@pytest.mark.parametrize("seed", range(6, 8))
def test_killed_again_and_again_on_postgresql(
    company: Callable[..., Any], seed: int, databases: Callable[[], str]
) -> None:
    _storms(company, seed, 4, databases)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_killed_between_the_products_own_simulators(simulated: Callable[..., Any], unique: bool) -> None:
    """They are served by a process of their own, which outlives every kill."""
    _storms(simulated, 20 + unique, 4, lambda: None, unique)


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
    assert not total.bad()
