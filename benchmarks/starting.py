"""How long the command takes to start, and how much is installed.

    python -m benchmarks.starting [--rounds N] [--size] [--json]

Bytecode is kept between the rounds, as it is for everybody who has installed the engine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, measured

__all__ = ["installed_megabytes", "report"]

COMMANDS = {
    "engine --help": ["--help"],
    "engine validate, one scheme": ["validate", "schemes/expense_to_paybill.yaml"],
}


def report(rounds: int) -> dict[str, dict[str, float]]:
    """Each command's best round, in milliseconds by the clock and of processor time."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as kept:
        env = {"PYTHONPYCACHEPREFIX": kept, "PYTHONDONTWRITEBYTECODE": ""}
        for name, arguments in COMMANDS.items():
            command = [sys.executable, "-c", "from engine.cli import main; main()", *arguments]
            measured(command, env=env)  # compiles
            costs = [measured(command, env=env) for _ in range(rounds)]
            found[name] = {
                "wall_ms": min(cost.wall for cost in costs) * 1000,
                "cpu_ms": min(cost.cpu for cost in costs) * 1000,
                "peak": max(cost.peak for cost in costs),
            }
    return found


def installed_megabytes() -> float:
    """What the engine and all that it depends on take on disk, without bytecode; needs the package index."""
    with tempfile.TemporaryDirectory() as kept:
        options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--target", kept]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, str(ROOT)], check=True)
        return sum(file.stat().st_size for file in Path(kept).rglob("*") if file.is_file()) / 2**20


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--rounds", type=int, default=7)
    reader.add_argument("--size", action="store_true")
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    found: dict[str, Any] = {"commands": report(given.rounds)}
    if given.size:
        found["installed"] = installed_megabytes()
    if given.json:
        print(json.dumps(found))
        return
    for name, cost in found["commands"].items():
        print(f"{name:30} {cost['wall_ms']:6.0f} ms {cost['cpu_ms']:6.0f} ms CPU {cost['peak']:5.0f} MB")
    if given.size:
        print(f"installed {found['installed']:.1f} MB")


if __name__ == "__main__":
    main()
