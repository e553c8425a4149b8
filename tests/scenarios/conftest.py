"""Fixtures for whole runs against servers that the product does not know."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OUTSIDE = Path(__file__).parent / "outside"


def _load(name: str) -> Any:
    """Load a helper as `outside_<name>`, whichever way pytest imports tests."""
    full = f"outside_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, _OUTSIDE / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


for _name in ("serving", "filters", "dingtalk", "kingdee", "world"):
    _load(_name)


@pytest.fixture(scope="session")
def outside_loop() -> Iterator[Any]:
    loop = _load("serving").Loop()
    yield loop
    loop.close()


@pytest.fixture
def world(tmp_path: Path, outside_loop: Any) -> Iterator[Any]:
    world = _load("world").World(tmp_path, outside_loop)
    world.open()
    yield world
    world.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are cut short."""
    import asyncio

    from engine.clock import SystemClock

    async def sleep(self: SystemClock, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))

    monkeypatch.setattr(SystemClock, "sleep", sleep)
