"""A cheap look at what the benchmarks measure, for tests: ratios in one process, by its processor time.

    python -m benchmarks.guard [--claims N]

Prints one JSON object: how many times the processor time of the job by hand the engine takes, and how many
modules its commands load. Neither depends on how busy the machine is. Starting is left out of the ratio: a
first, small run loads and compiles what there is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import by_hand
from benchmarks.processes import ROOT, serving, spoken
from benchmarks.whole_job import BATCH, READERS, SENDERS, WINDOWS, workspace
from engine.cli.main import run

COMMANDS = {
    "help": ["--help"],
    "validate": ["validate", "schemes/expense_to_paybill.yaml"],
}


def whole_job(claims: int, rounds: int = 2) -> float:
    """The engine's processor time as a multiple of that of the same job by hand."""
    with serving(claims // 10) as base:
        _spent(_engine, base)
    with serving(claims) as base:
        engine = min(_spent(_engine, base) for _ in range(rounds))
        hand = min(_spent(_by_hand, base) for _ in range(rounds))
    return engine / hand


def modules(arguments: Sequence[str]) -> int:
    """How many modules a command has loaded when it ends."""
    code = (
        "import sys\nfrom engine.cli.main import run\n"
        "try:\n    run(sys.argv[1:])\nfinally:\n    print(len(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stderr.split()[-1])


def _spent(work: Callable[[Path, str], None], base: str) -> float:
    """The processor time of one job, all its threads together; refuses a job that was not done."""
    spoken(base, latency=0)
    with tempfile.TemporaryDirectory() as kept, contextlib.chdir(workspace(Path(kept), base)):
        began = time.process_time()
        work(Path(kept), base)
        spent = time.process_time() - began
    seen = spoken(base)
    if not seen["bills"] or seen["stages"] != {"C": seen["bills"]} or seen["twice"]:
        raise SystemExit(f"{work.__name__}: {seen}")
    return spent


def _engine(_: Path, __: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        run(["run", "expense_to_paybill", "--env", "bench", "--json"])


def _by_hand(folder: Path, base: str) -> None:
    async def work() -> None:
        ledger = by_hand.Ledger(str(folder / "by_hand.db"))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await by_hand.Job(base, ledger, http, BATCH).run(WINDOWS, READERS, SENDERS)

    asyncio.run(work())


def main() -> None:
    """Print what was found."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=500)
    given = reader.parse_args()
    os.environ["ENGINE_LANG"] = "en"
    found: dict[str, Any] = {"modules": {name: modules(words) for name, words in COMMANDS.items()}}
    found["whole job"] = whole_job(given.claims)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
