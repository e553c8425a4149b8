"""The output that docs/reconcile.md shows is what the commands before it print, but for dates and numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from engine.run.reconcile.model import Cause

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reconcile.md").read_text(encoding="utf-8")
STEPS = re.search(r"## 试一试.*?```sh\n(.*?)```.*?```text\n(.*?)```", PAGE, re.DOTALL)


def masked(text: str) -> list[str]:
    """Without what differs from day to day: dates, numbers of claims, how many days there are."""
    text = re.sub(r"\d{21}", "NUMBER", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "DAY", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    assert STEPS is not None
    shutil.copytree(ROOT / "schemes", tmp_path / "schemes")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")},
        "ENGINE_LANG": "zh",
        "ENGINE_NOW": "2026-11-24 10:00",
    }
    shown = ""
    for line in STEPS[1].splitlines():
        command = line.split("#")[0].split()
        done = subprocess.run(
            [sys.executable, "-c", "from engine.cli.main import run; run()", *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        shown = done.stdout
    printed = masked(shown.partition("\n  调用")[0])
    assert printed == masked(STEPS[2])


def test_every_cause_stands_in_the_table() -> None:
    assert not [cause for cause in Cause if f"`{cause}`" not in PAGE]
