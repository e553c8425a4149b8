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


LOOKING = [
    ("why", "202405081021000178717"),
    ("records", "list", "expense_to_paybill"),
    ("records", "show", "expense_to_paybill", "202405081021000178717"),
    ("records", "retry", "expense_to_paybill", "--failed"),
    ("records", "skip", "expense_to_paybill", "202405081021000178717", "--reason", "paid in cash"),
    ("records", "adopt", "expense_to_paybill", "202405081021000178717", "--reason", "paid in cash"),
    ("records", "handle", "expense_to_paybill", "202405081021000178717", "--reason", "paid in cash"),
    ("runs", "list"),
    ("runs", "show", "7f3a"),
    ("ledger", "status"),
    ("ledger", "backup"),
    ("ledger", "prune"),
]


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_looking_makes_no_ledger(empty_prompt: Any, command: tuple[str, ...]) -> None:
    """In a folder where no ledger is, one is told where it was looked for, and the folder stays empty."""
    said = empty_prompt(*command)
    assert said.code == 2
    assert said.out == ""
    place = empty_prompt.folder / ".engine" / "ledger.db"
    assert f'there is no ledger "{place}"' in said.err
    assert "the first `engine run` makes it" in said.err
    told = empty_prompt(*command, "--json")
    assert told.code == 2
    assert told.json["error"]["class"] == "usage"
    assert str(place) in told.json["error"]["message"]
    assert "台账" in empty_prompt(*command, language="zh").err
    assert list(empty_prompt.folder.iterdir()) == []


def test_a_wrong_path_given_for_the_ledger_stays_empty(empty_prompt: Any) -> None:
    said = empty_prompt("why", "202405081021000178717", "--ledger", "leger.db")
    assert said.code == 2
    assert str(empty_prompt.folder / "leger.db") in said.err
    assert list(empty_prompt.folder.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "reconcile", "preview", "discover"])
def test_a_scheme_that_is_not_here_leaves_nothing_behind(empty_prompt: Any, command: str) -> None:
    said = empty_prompt(command, "expense_to_paybill")
    assert said.code == 2
    assert "run the command where yours are" in said.err
    assert list(empty_prompt.folder.iterdir()) == []


def test_a_new_ledger_is_looked_into_like_any(elsewhere: Any) -> None:
    elsewhere("ledger", "upgrade")
    said = elsewhere("why", "202405081021000178717")
    assert said.code == 1
    assert "ledger.db" in said.out
    assert elsewhere("runs", "list").out == "no runs yet in this ledger\n"


def test_the_ledger_is_pruned_by_age(prompt: Any) -> None:
    prompt("ledger", "upgrade")
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
