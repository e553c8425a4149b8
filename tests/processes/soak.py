"""The long storm of kills against the real command; prints what came of it, or adds it to a scorecard.

python tests/processes/soak.py --kills 1000 --append docs/reliability.md
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_MOST_KILLS = 12  # of one set of claims
_ON_POSTGRESQL = _BETWEEN_SIMULATORS = 0.3
_TITLE = "## Real processes"
_PLANTED_SETS = 20
_PLANT = "resend without asking"
_MOMENTS = {
    "call": "some milliseconds after a chosen call reached the systems",
    "time": "at a chosen time after its start",
    "fault": "around the effect of a chosen call, or while calls went wrong",
}


@dataclass(frozen=True, slots=True)
class _Job:
    """A worker's share: its seeds are `first`, `first + step` …, until there were `kills`."""

    first: int
    step: int
    kills: int
    folder: Path


def main() -> int:
    """Kill, and say how it went; 1 when anything was lost, double or odd, or a planted bug went unseen."""
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
        working = [pool.submit(_work, job) for job in jobs]
        seen = pool.submit(_planted, Path(name) / "planted")
        for figures in working:
            total.add(figures.result())
        planted = seen.result()
    text = section(total, planted, f"seeds from {given.first} on, commit {_commit()}")
    print(text, *total.other, f"{time.monotonic() - began:.0f} s", sep="\n")
    if given.append:
        _append(Path(given.append), text)
    return 1 if total.bad() or total.kills < given.kills or not planted.twice else 0


def section(figures: Any, planted: Any, made_with: str) -> str:
    """The figures as a section of the scorecard, in Markdown."""
    moments = [f"| {meaning} | {figures.moments[name]:,} |" for name, meaning in _MOMENTS.items()]
    kinds = [f"| {kind} | {kills:,} |" for kind, kills in sorted(figures.kinds.items())]
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
            "The real `engine run`, killed with `kill -9` and started again until all is delivered, between",
            f"systems that are reached over TCP (`tests/processes/soak.py`; {made_with}).",
            "",
            "| killed | times |",
            "| --- | ---: |",
            *moments,
            "",
            "| on, and between | kills |",
            "| --- | ---: |",
            *kinds,
            "",
            "| what came of it | |",
            "| --- | ---: |",
            *(f"| {name} | {number:,} |" for name, number in outcome.items()),
            "",
            f"With a bug planted (*{_PLANT}*), {planted.kills} kills made the same audit find",
            f"{planted.twice} bills or comments twice." + ("" if planted.twice else " **It is blind.**"),
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
    """One set of claims, whose seed says where and between which systems it is played."""
    chance = random.Random(f"kinds of {seed}")
    name = server.make() if chance.random() < _ON_POSTGRESQL else None
    place = folder / f"set{seed}"
    made_of: dict[str, Any] = {
        "ledger": server.url(name) if name else None,
        "unique": chance.random() < 0.5,
    }
    if chance.random() < _BETWEEN_SIMULATORS:
        company = killing.Simulated(place, **made_of)
    else:
        company = killing.Company(place, loop, **made_of)
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


def _planted(folder: Path) -> Any:
    """The figures of an engine with a bug, killed until the audit finds something twice, or gives up."""
    killing = _killing()
    loop = sys.modules["outside_serving"].Loop()
    folder.mkdir()
    total = killing.Figures()
    try:
        while not total.twice and total.sets < _PLANTED_SETS:
            company = killing.Company(folder / f"set{total.sets}", loop, unique=False, plant=_PLANT)
            try:
                total.add(killing.Storm(company, total.sets, _MOST_KILLS).play())
            finally:
                company.close()
    finally:
        loop.close()
    return total


def _commit() -> str:
    """The commit that was soaked, and whether the code differs from it."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=_HERE, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


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
