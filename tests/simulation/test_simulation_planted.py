"""Bugs planted into the engine are found: on the kind of target where they can do harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from dst.plants import PLANTS, Plant
from dst.setup import draw_setup
from dst.world import play

MOST = 150


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name.replace(" ", "-"))
def test_a_planted_bug_is_found(plant: Plant, tmp_path: Path) -> None:
    with plant.plant():
        for seed in range(MOST):
            outcome = play(draw_setup(seed, plant.unique), tmp_path)
            if any(text.startswith(plant.harm) for text in outcome.violations):
                return
    pytest.fail(f"{MOST} histories did not show '{plant.name}'")
