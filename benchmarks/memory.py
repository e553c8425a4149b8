"""How much memory a run takes, and that it does not grow with the number of claims.

    python -m benchmarks.memory [--claims N]… [--json]

Each run is a process of its own, with a ledger of its own. The servers make each claim when it is asked for
and hold only what a bill became, in their own process.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.processes import serving
from benchmarks.whole_job import ENGINE, once

__all__ = ["FEW", "MANY", "report"]

FEW = 20_000
MANY = 200_000


def report(counts: Sequence[int]) -> list[dict[str, Any]]:
    """The most megabytes that a run of so many claims had, for each count."""
    found = []
    for claims in counts:
        with serving(claims) as base:
            ran = once(ENGINE, base, claims, 0.0)
        found.append({name: ran[name] for name in ("claims", "peak", "cpu_ms", "wall", "disk")})
        print(f"{claims:9} claims {ran['peak']:6.1f} MB {ran['wall']:7.1f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, action="append")
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    found = report(given.claims or [500, FEW, MANY])
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
