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
    _storms(company, seed, 7, lambda: None)


@pytest.mark.parametrize("seed", range(6, 8))
def test_killed_again_and_again_on_postgresql(
    company: Callable[..., Any], seed: int, databases: Callable[[], str]
) -> None:
    _storms(company, seed, 5, databases)


def _storms(company: Callable[..., Any], seed: int, kills: int, ledger: Callable[[], str | None]) -> None:
    """Sets of claims, one after another, until there were so many kills; on both kinds of target."""
    killing = sys.modules["processes_killing"]
    total = killing.Figures()
    while total.kills < kills:
        made = company(unique=bool((seed + total.sets) % 2), ledger=ledger())
        total.add(killing.Storm(made, 1000 * seed + total.sets, kills - total.kills).play())
    assert not total.bad()
