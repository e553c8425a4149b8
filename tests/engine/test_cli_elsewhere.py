"""Commands given in the wrong folder, where nothing is."""

from __future__ import annotations

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
