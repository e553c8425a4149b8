"""All benchmarks in one run, as a page: `make bench`.

python -m benchmarks.report [--claims N] [--many N] [--rounds N] [--size] [--write FILE]
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import mapping, memory, starting, targets, whole_job
from benchmarks.peers import PEERS
from benchmarks.targets import Target

__all__ = ["page"]

HEAD = """# 性能 · Performance

<!-- Written by `make bench`; do not edit. -->

由 `make bench` 在一台机器上一次测出：引擎用它平常的命令和平常的台账，
与手写的同样一件事、与别的工具轮流跑，对着同样的服务器。绝对数字随机器而变，看比例。

Measured by `make bench` in one run on one machine: the engine by its ordinary command with its ordinary
ledger, the same job by hand (aiohttp, orjson, sqlite3; `benchmarks/by_hand.py`), and other tools
(`benchmarks/peers`), in turn, against the same servers. The numbers are the machine's; the ratios are what
counts.
"""

Section = tuple[str, list[Target]]
"""A part of the page, and what it says of what is wanted."""


def page(claims: int, many: int, rounds: int, size: bool) -> str:
    """The whole page."""
    machine = _machine()
    sections = [
        _whole_job(claims, rounds),
        _mapping(min(claims, 2000)),
        _memory(claims, many),
        *_own_sections(),
        _starting(size),
    ]
    wanted = [target.row() for _, found in sections for target in found]
    summary = f"## What is wanted\n\n{_table(('what', 'wanted', 'measured', 'holds'), wanted)}"
    return "\n".join([HEAD, machine, summary, *(text for text, _ in sections)])


def _own_sections() -> list[Section]:
    """What the ledger's growth and the pace say, where they are there and have a `section` function."""
    made = []
    for name in ("growth", "pace"):
        if importlib.util.find_spec(f"benchmarks.{name}") is not None:
            section = getattr(importlib.import_module(f"benchmarks.{name}"), "section", None)
            if section is not None:
                made.append(section())
    return made


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


def _whole_job(claims: int, rounds: int) -> Section:
    found = whole_job.report(claims, [0.0, 0.02], rounds, whole_job.able())
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
                f"{each['disk']:.0f}" if each["disk"] else "",
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
        f"of {whole_job.BATCH}. The start of the process counts. A source half only lists and gets."
    )
    absent = [peer.name for peer in PEERS if not peer.installed()]
    if absent:
        text += f"\n\nNot installed, and left out: {'; '.join(absent)}. `make peers` installs them."
    return f"## The whole job\n\n{text}\n\n{_table(heads, rows)}", targets.of_whole_job(found)


def _mapping(claims: int) -> Section:
    found = mapping.report(claims, 5)
    rows = [
        (name, f"{took:.1f}", f"{found['ratio'][name]:.2f} ×") for name, took in found["microseconds"].items()
    ]
    text = f"## Mapping\n\nOne claim to one bill.\n\n{_table(('who', 'µs a claim', 'of by hand'), rows)}"
    return text, targets.of_mapping(found["ratio"])


def _memory(claims: int, many: int) -> Section:
    found = memory.report([500, claims, many])
    rows = [
        (each["claims"], f"{each['peak']:.0f}", f"{each['cpu_ms']:.2f}", f"{each['disk']:.0f}")
        for each in found
    ]
    text = "The engine alone, each run with a new ledger; the servers' memory is not in it."
    heads = ("claims", "peak MB", "CPU ms a claim", "ledger MB")
    return f"## Memory\n\n{text}\n\n{_table(heads, rows)}", targets.of_memory(found)


def _starting(size: bool) -> Section:
    found = starting.report(7)
    rows = [
        (name, f"{cost['wall_ms']:.0f} ms", f"{cost['cpu_ms']:.0f} ms", f"{cost['peak']:.0f}")
        for name, cost in found.items()
    ]
    installed = starting.installed_megabytes() if size else None
    text = f"## Start\n\n{_table(('command', 'by the clock', 'CPU', 'peak MB'), rows)}"
    if installed is not None:
        text += f"\nInstalled with all it depends on, without bytecode: {installed:.1f} MB"
        text += " (of 2^20 bytes, as `du` and the peaks above count).\n"
    return text, targets.of_starting(found, installed)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    marks = ["---", *("---:" for _ in heads[1:])]
    lines = [heads, marks, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def main() -> None:
    """Measure, print, and write where that is asked for."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=memory.FEW)
    reader.add_argument("--many", type=int, default=memory.MANY, help="claims of the largest run, for memory")
    reader.add_argument("--rounds", type=int, default=1)
    reader.add_argument("--size", action="store_true", help="also install everything anew, to weigh it")
    reader.add_argument("--write", type=Path)
    given = reader.parse_args()
    made = page(given.claims, given.many, given.rounds, given.size)
    sys.stdout.write(made)
    if given.write:
        given.write.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
