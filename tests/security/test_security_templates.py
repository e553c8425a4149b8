"""Templates of copied schemes, worked out in a process with little memory and processor time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile import templates

ROOT = Path(__file__).parents[2]
PEAK = 250 * 1024
"""Kilobytes; a process that did nothing but import the engine takes some 80 MB."""


def _expression(text: str) -> str:
    return text if text.startswith("{%") else f"{{{{ {text} }}}}"


def _worked_out(texts: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/security/hostile/templates.py")],
        input=json.dumps(texts),
        env={**os.environ, "PYTHONPATH": str(ROOT), "ENGINE_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]  # else the limits of the process have ended it
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", ["INSIDE", "BOMBS", "STATEMENTS"])
def test_a_hostile_template_is_refused_within_bounds(kind: str) -> None:
    found = _worked_out([_expression(text) for text in getattr(templates, kind)])
    assert {text: told for text, told in found["found"].items() if told != "refused"} == {}
    assert found["peak"] < PEAK


def test_what_only_looks_hostile_ends_within_the_same_bounds() -> None:
    found = _worked_out([_expression(text) for text in templates.HARMLESS])
    assert set(found["found"].values()) == {"value"}, found["found"]
    assert found["peak"] < PEAK
