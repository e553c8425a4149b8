"""The long storm of kills against the real command; prints what came of it, or adds it to a scorecard.

python tests/processes/soak.py --kills 1000 --append docs/reliability.md
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_MOST_KILLS = 12  # of one set of claims
_POSTGRESQL = 4  # every fourth set
_TITLE = "## Real processes"
_MOMENTS = {
    "call": "some milliseconds after a chosen call reached the systems",
    "time": "at a chosen time after its start",
    "fault": "right before, right after, or long before the effect of a chosen call",
}


@dataclass(frozen=True, slots=True)
class _Job:
    """A worker's share: its seeds are `first`, `first + step` …, until there were `kills`."""

    first: int
    step: int
    kills: int
    folder: Path


def main() -> int:
    """Kill, and say how it went; 1 when anything was lost, double or odd."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--first", type=int, default=100_000, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--append", help="the scorecard whose section of real processes is written anew")
    given = parser.parse_args()
    share = -(-given.kills // given.workers)
    began = time.monotonic()
    total = _killing().Figures()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(given.workers, context) as pool:
        jobs = [_Job(given.first + n, given.workers, share, Path(name)) for n in range(given.workers)]
        for figures in pool.map(_work, jobs):
            total.add(figures)
    text = section(total)
    print(text, *total.other, f"{time.monotonic() - began:.0f} s", sep="\n")
    if given.append:
        _append(Path(given.append), text)
    return 1 if total.bad() or total.kills < given.kills else 0


def section(figures: Any) -> str:
    """The figures as a section of the scorecard, in Markdown."""
    moments = [f"| {meaning} | {figures.moments[name]:,} |" for name, meaning in _MOMENTS.items()]
    outcome = {
        "sets of claims": figures.sets,
        "claims": figures.claims,
        "runs": figures.runs,
        "kills": figures.kills,
        "requests that took effect after their sender was dead": figures.late,
        "lost bills or comments": figures.lost,
        "bills or comments twice": figures.twice,
        "wrong amounts, stages or counts, and records left open": len(figures.other),
    }
    return "\n".join(
        [
            _TITLE,
            "",
            "The real `engine run`, killed with `kill -9` and started again until all is delivered, against",
            "two servers over TCP (`tests/processes`): half of the targets keep the key unique; every fourth",
            "ledger lies on a real PostgreSQL, the others in a file.",
            "",
            "| killed | times |",
            "| --- | ---: |",
            *moments,
            "",
            "| what came of it | |",
            "| --- | ---: |",
            *(f"| {name} | {number:,} |" for name, number in outcome.items()),
            "",
        ]
    )


def _append(path: Path, text: str) -> None:
    before = path.read_text(encoding="utf-8").partition(_TITLE)[0] if path.exists() else ""
    path.write_text(f"{before.rstrip()}\n\n{text}".lstrip(), encoding="utf-8")


def _work(job: _Job) -> Any:
    """Play sets of claims until there were enough kills."""
    killing = _killing()
    loop = sys.modules["outside_serving"].Loop()
    folder = job.folder / f"worker{job.first}"
    folder.mkdir()
    server = _load("tests_conftest", _HERE.parent / "conftest.py").start_postgresql(f"soak{os.getppid()}")
    total = killing.Figures()
    seed = job.first
    try:
        while total.kills < job.kills and len(total.bad()) < 10:
            total.add(_play(killing, loop, server, folder, seed, min(_MOST_KILLS, job.kills - total.kills)))
            print(f"{total.kills} of {job.kills} kills, {total.bad()}", file=sys.stderr, flush=True)
            seed += job.step
    finally:
        server.close()
        loop.close()
    return total


def _play(killing: Any, loop: Any, server: Any, folder: Path, seed: int, kills: int) -> Any:
    name = server.make() if seed % _POSTGRESQL == 0 else None
    place = folder / f"set{seed}"
    company = killing.Company(
        place, loop, ledger=server.url(name) if name else None, unique=bool(seed // _POSTGRESQL % 2)
    )
    try:
        found = killing.Storm(company, seed, kills).play()
        found.other = [f"seed {seed}: {text}" for text in found.other]
        if found.lost or found.twice:
            found.other.append(f"seed {seed}: {found.lost} lost, {found.twice} twice")
        return found
    finally:
        company.close()
        if name:
            server.drop(name)
        shutil.rmtree(place, ignore_errors=True)


def _killing() -> Any:
    return _load("processes_conftest", _HERE / "conftest.py").killing


def _load(name: str, path: Path) -> Any:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


if __name__ == "__main__":
    sys.exit(main())
