"""Real processes, on a ledger in a file or on PostgreSQL.

Against the servers of `tests/scenarios/outside`, or against the product's own simulators.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_OUTSIDE = _HERE.parent / "scenarios" / "outside"


def _load(full: str, path: Path) -> Any:
    """Load a helper under one name, whichever way pytest imports tests, and for the soak as well."""
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


for _name in ("serving", "filters", "dingtalk", "kingdee", "world"):
    _load(f"outside_{_name}", _OUTSIDE / f"{_name}.py")
_load("processes_figures", _HERE / "figures.py")
_load("processes_simulated", _HERE / "simulated.py")
killing = _load("processes_killing", _HERE / "killing.py")


@pytest.fixture(scope="session")
def processes_loop() -> Iterator[Any]:
    loop = sys.modules["outside_serving"].Loop()
    yield loop
    loop.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> str | None:
    """The ledger's URL; None for the project's own file."""
    return request.getfixturevalue("postgresql") if request.param == "postgresql" else None


@pytest.fixture
def company(tmp_path: Path, processes_loop: Any) -> Iterator[Callable[..., Any]]:
    """Make a company: a folder, two servers, and claims that wait for their payment."""
    opened: list[Any] = []

    def make(**options: Any) -> Any:
        made = killing.Company(tmp_path / f"company{len(opened)}", processes_loop, **options)
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.close()


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make a company whose systems are the product's simulators, in a process of their own."""
    opened: list[Any] = []

    def make(**options: Any) -> Any:
        folder = tmp_path / f"simulated{len(opened)}"
        opened.append(sys.modules["processes_simulated"].Simulated(folder, **options))
        return opened[-1]

    yield make
    for made in opened:
        made.close()
