"""Commands given in the wrong folder, where nothing is."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest


@pytest.fixture
def elsewhere(prompt: Any) -> Any:
    """A prompt in a folder without schemes and without a ledger."""
    shutil.rmtree(prompt.folder / "schemes", ignore_errors=True)
    return prompt


def test_what_is_not_here_is_told_with_where_here_is(elsewhere: Any) -> None:
    said = elsewhere("why", "202405081021000178717")
    assert said.code == 1
    assert "ledger.db" in said.out
    assert "run the command where yours are" in elsewhere("run", "expense_to_paybill").err
    assert elsewhere("runs", "list").out == "no runs yet in this ledger\n"


def test_the_ledger_is_pruned_by_age(prompt: Any) -> None:
    told = prompt("ledger", "prune", "--older-than", "90d", "--dry-run", "--json")
    assert told.code == 0
    found = json.loads(told.out)
    assert found["dry_run"] is True
    assert {
        name: found[name] for name in ("payloads", "snapshots", "events", "runs", "lookups", "budgets")
    } == {**dict.fromkeys(("payloads", "snapshots", "events", "runs", "lookups", "budgets"), 0)}
    assert "gone, of before" in prompt("ledger", "prune").out
    young = prompt("ledger", "prune", "--older-than", "30d")
    assert young.code == 2
    assert "at least 31d" in young.err
