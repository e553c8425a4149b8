"""Bugs planted into the engine are found, on the kind of target where they can do harm; without them the very
same histories end well."""

from __future__ import annotations

from pathlib import Path

import pytest
from dst.plants import PLANTS, Plant
from dst.world import play

MOST = 100


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name.replace(" ", "-"))
def test_a_planted_bug_is_found(plant: Plant, tmp_path: Path) -> None:
    for seed in range(MOST):
        with plant.plant():
            outcome = play(plant.setup(seed), tmp_path)
        if any(text.startswith(plant.harm) for text in outcome.violations):
            break
    else:
        pytest.fail(f"{MOST} histories did not show '{plant.name}'")
    sound = play(plant.setup(seed), tmp_path)
    assert not sound.violations, sound.report()
