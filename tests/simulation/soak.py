"""The long soak: many thousands of histories, the planted bugs, three months of quota; writes the scorecard.

python tests/simulation/soak.py --histories 10000 --write docs/reliability.md
python tests/simulation/soak.py --show 58 --not-unique      # one history, event by event
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from dst.plants import PLANTS, Plant
from dst.quota import Report, simulate
from dst.scorecard import Planted, Score, scorecard
from dst.setup import draw_setup
from dst.world import play

_CHUNK = 20
_PLANTED = 60
_FORECAST_OFF = 0.12
"""By how much of a month's calls its forecast, made in the middle, may be off."""


@dataclass(slots=True)
class _Job:
    """A stretch of seeds, on both kinds of target; left out after `until`, in Unix time."""

    first: int
    count: int
    folder: Path
    until: float | None


def main() -> int:
    """Soak, and say how it went; 1 when any history did not end well."""
    given = _arguments()
    if given.show is not None:
        return _show(given.show, unique=not given.not_unique)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
            jobs = [(folder / f"quota{limit}", given.quota_days, limit) for limit in given.quotas]
            quotas = pool.map_async(_quota, jobs, 1)
            planted = pool.map_async(_plant, [(folder / f"plant{n}", n) for n in range(len(PLANTS))], 1)
            score = _histories(pool, folder, given.first, given.histories, given.minutes)
            reports, found = quotas.get(), planted.get()
    text = scorecard(score, found, reports, _commit())
    print(text)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    if given.write:
        Path(given.write).write_text(text, encoding="utf-8")
    paid = not any(report.unpaid or report.untold for report in reports)
    foreseen = all(report.worst_forecast < _FORECAST_OFF for report in reports)
    well = not score.violations and all(plant.histories for plant in found) and paid and foreseen
    return 0 if well else 1


def _commit() -> str:
    """The commit that is checked out, marked where files differ from it."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    told = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, help="begin no more histories after so long")
    parser.add_argument("--show", type=int, metavar="SEED", help="play one history, and print it whole")
    parser.add_argument("--not-unique", action="store_true", help="with --show: numbers are not unique")
    parser.add_argument("--quota-days", type=int, default=90)
    parser.add_argument("--quotas", type=int, nargs="+", default=[5000, 2500], help="calls a month")
    parser.add_argument("--write", help="where the scorecard goes")
    return parser.parse_args()


def _histories(
    pool: multiprocessing.pool.Pool, folder: Path, first: int, histories: int, minutes: float | None
) -> Score:
    total = Score()
    until = None if minutes is None else time.time() + 60 * minutes
    end = first + histories // 2
    jobs = [_Job(seed, min(_CHUNK, end - seed), folder, until) for seed in range(first, end, _CHUNK)]
    for part in pool.imap_unordered(_chunk, jobs):
        total.add(part)
        for text in part.reports:
            print(text, flush=True)
        print(f"{total.histories} histories, {len(total.violations)} bad", file=sys.stderr, flush=True)
    return total


def _chunk(job: _Job) -> Score:
    folder = job.folder / f"{os.getpid()}"
    folder.mkdir(exist_ok=True)
    score = Score()
    if job.until is not None and time.time() > job.until:
        return score
    for seed in range(job.first, job.first + job.count):
        for unique in (True, False):
            score.count(play(draw_setup(seed, unique), folder))
    return score


def _show(seed: int, *, unique: bool) -> int:
    with tempfile.TemporaryDirectory() as name:
        outcome = play(draw_setup(seed, unique), Path(name))
    print(outcome.report())
    return 1 if outcome.violations else 0


def _plant(job: tuple[Path, int]) -> Planted:
    folder, number = job
    folder.mkdir()
    plant: Plant = PLANTS[number]
    found = 0
    first: str | None = None
    for seed in range(_PLANTED):
        with plant.plant():
            outcome = play(plant.setup(seed), folder)
        harm = [text for text in outcome.violations if text.startswith(plant.harm)]
        found += bool(harm)
        first = first or (harm[0] if harm else None)
    return Planted(plant.name, plant.unique, plant.harm, found, _PLANTED, first or "")


def _quota(job: tuple[Path, int, int]) -> Report:
    folder, days, month_limit = job
    folder.mkdir()
    # with half the calls, people wait for up to eight days
    return simulate(folder, days=days, month_limit=month_limit, tail=3.0 if month_limit >= 5000 else 10.0)


if __name__ == "__main__":
    sys.exit(main())
