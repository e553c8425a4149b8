"""The engine stays about as fast as it is: guarded against a factor, not against a percent.

Ratios within one process by its processor time, and counts: neither depends on how busy the machine is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from benchmarks.processes import ROOT


@cache
def found() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.guard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_whole_job_takes_a_few_times_the_processor_time_of_one_by_hand() -> None:
    assert found()["whole job"] < 10


def test_commands_load_what_they_need() -> None:
    """Starting takes as long as what is loaded: some 160 modules for help."""
    assert found()["modules"]["help"] < 250
    assert found()["modules"]["validate"] < 600
