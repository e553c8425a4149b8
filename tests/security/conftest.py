"""Makes the harness importable, and the world of whole runs, whose servers can be made to answer badly."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_spec = importlib.util.spec_from_file_location(
    "scenarios_conftest", Path(__file__).parents[1] / "scenarios" / "conftest.py"
)
assert _spec
assert _spec.loader
_scenarios = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_scenarios)

outside_loop = _scenarios.outside_loop
world = _scenarios.world
hurried = _scenarios.hurried


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")


@pytest.fixture
def spoilt(tmp_path: Path, outside_loop: Any) -> Iterator[Any]:
    """A world whose two servers hand each answer to `world.spoil(system, path, response)` on its way out."""
    from outside_world import World

    made: Any = World(tmp_path, outside_loop)
    made.spoil = lambda system, path, response: response
    for system in ("dingtalk", "kingdee"):
        _through(made, system)
    made.open()
    yield made
    made.close()


def _through(world: Any, system: str) -> None:
    server = getattr(world, system)
    handle = server.handle

    async def spoiling(request: Any) -> Any:
        response = await handle(request)
        return world.spoil(system, request.path, response) if response.body else response

    server.handle = spoiling
