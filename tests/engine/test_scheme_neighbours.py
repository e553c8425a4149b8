"""Two schemes that read the same approvals would pay for each twice: whoever copies the second is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.scheme.neighbours import readers_of_the_same

MARKET = Path(__file__).parents[2] / "schemes/market"


@pytest.mark.parametrize(
    ("name", "other", "told"),
    [
        ("expense_to_reimbursement", "expense_to_paybill", True),
        ("expense_to_paybill", "expense_to_paybill_v1", True),
        ("expense_to_paybill", "travel_to_paybill", False),
        ("expense_to_paybill", "paybill_writeback", False),
    ],
)
def test_readers_of_the_same_template_are_found(tmp_path: Path, name: str, other: str, told: bool) -> None:
    for each in (name, other):
        shutil.copy(next(MARKET.rglob(f"{each}.yaml")), tmp_path)
    assert readers_of_the_same(tmp_path / f"{name}.yaml") == ([other] if told else [])
    (tmp_path / "broken.yaml").write_text("id: broken\nsource: [", encoding="utf-8")
    assert readers_of_the_same(tmp_path / f"{name}.yaml") == ([other] if told else [])
