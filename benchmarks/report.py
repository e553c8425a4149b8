"""All benchmarks in one run, as a page: `make bench`.

python -m benchmarks.report [--claims N] [--rounds N] [--size] [--write FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import mapping, starting, whole_job

__all__ = ["page"]

_TARGETS = {"engine --help": 150, "engine validate, one scheme": 300}
_MOST_INSTALLED = 45

HEAD = """# 性能 · Performance

<!-- Written by `make bench`; do not edit. -->

由 `make bench` 在一台机器上一次测出：引擎用它平常的命令和平常的台账，
与手写的同样一件事轮流跑，对着同样的服务器。绝对数字随机器而变，看比例。

Measured by `make bench` in one run on one machine: the engine by its ordinary command with its ordinary
ledger, and the same job by hand (aiohttp, orjson, sqlite3; `benchmarks/by_hand.py`), in turn, against the
same servers. The numbers are the machine's; the ratios are what counts.
"""


def page(claims: int, rounds: int, size: bool) -> str:
    """The whole page."""
    parts = [HEAD, _machine(), _whole_job(claims, rounds), _mapping(min(claims, 2000)), _starting(size)]
    return "\n".join(parts)


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*: (.+)", info.read_text())):
        cpu = found[1]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    about = [
        ("processor", f"{cpu}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("load of others at the start", f"{load:.1f}"),
        ("day", date.today().isoformat()),  # noqa: DTZ011
    ]
    return _table(("machine", ""), about)


def _whole_job(claims: int, rounds: int) -> str:
    found = whole_job.report(claims, [0.0, 0.02], rounds, whole_job.NAMES)
    by_hand = {each["latency"]: each for each in found if each["name"] == whole_job.BY_HAND}
    rows = []
    for each in found:
        against = by_hand[each["latency"]]
        rows.append(
            (
                each["name"],
                f"{each['latency'] * 1000:.0f} ms",
                f"{each['per_second']:.0f}",
                f"{each['per_second'] / against['per_second']:.0%}",
                f"{each['cpu_ms']:.2f}",
                f"{each['cpu_ms'] / against['cpu_ms']:.1f} ×",
                f"{each['peak']:.0f}",
                f"{each['disk']:.0f}",
            )
        )
    heads = (
        "who",
        "latency of a call",
        "claims/s",
        "of by hand",
        "CPU ms a claim",
        "of by hand",
        "peak MB",
        "ledger MB",
    )
    text = (
        f"{claims} claims of 5.7 KB and five lines, 80 % of them to be paid: list, get, look up the person, "
        f"ask by key, save, submit, audit; {whole_job.READERS} readers, {whole_job.SENDERS} senders, batches "
        f"of {whole_job.BATCH}. The start of the process counts."
    )
    return f"## The whole job\n\n{text}\n\n{_table(heads, rows)}"


def _mapping(claims: int) -> str:
    found = mapping.report(claims, 5)
    rows = [
        (name, f"{took:.1f}", f"{found['ratio'][name]:.2f} ×") for name, took in found["microseconds"].items()
    ]
    return f"## Mapping\n\nOne claim to one bill.\n\n{_table(('who', 'µs a claim', 'of by hand'), rows)}"


def _starting(size: bool) -> str:
    rows = [
        (name, f"{cost['wall_ms']:.0f} ms", f"{cost['cpu_ms']:.0f} ms", f"{_TARGETS[name]} ms")
        for name, cost in starting.report(7).items()
    ]
    text = f"## Start\n\n{_table(('command', 'by the clock', 'CPU', 'at most'), rows)}"
    if size:
        text += (
            f"\nInstalled with all it depends on, without bytecode: {starting.installed_megabytes():.1f} MB "
        )
        text += f"(at most {_MOST_INSTALLED} MB wanted).\n"
    return text


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    marks = ["---", *("---:" for _ in heads[1:])]
    lines = [heads, marks, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def main() -> None:
    """Measure, print, and write where that is asked for."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=20_000)
    reader.add_argument("--rounds", type=int, default=1)
    reader.add_argument("--size", action="store_true", help="also install everything anew, to weigh it")
    reader.add_argument("--write", type=Path)
    given = reader.parse_args()
    made = page(given.claims, given.rounds, given.size)
    sys.stdout.write(made)
    if given.write:
        given.write.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
