"""The protocol's test bench, as a fixture: tests import nothing from each other."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


def _load() -> Any:
    name = "protocol_harness"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "harness.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load()


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """Makes a `Bench` in the test's folder."""
    harness = _load()

    def make(name: str = "bench", **options: Any) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        return harness.Bench(folder, **options)

    return make
