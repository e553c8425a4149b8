"""Who holds a lease, and whether that process is dead: a run after a crash need not wait for its lease.

Only a process of this very machine and process namespace can be called dead; of any other nothing is known,
and its lease expires by itself. Where there is no /proc, all leases expire by themselves.
"""

from __future__ import annotations

import os
from contextlib import suppress
from getpass import getuser
from pathlib import Path

__all__ = ["is_dead", "own_name", "who"]


def own_name(run: str) -> str:
    """This process's name as a lease's owner."""
    pid = os.getpid()
    return f"{run}|{_machine()}|{pid}|{_started(pid)}"


def who() -> str:
    """The user who gives the command, as the machine knows him."""
    try:
        return getuser()
    except (OSError, KeyError, ImportError):
        return "?"


def is_dead(owner: str) -> bool:
    """True when the owner was a process of this machine that is surely gone."""
    _, _, place = owner.partition("|")
    machine, _, process = place.partition("|")
    pid, _, started = process.partition("|")
    if not machine or machine != _machine() or not pid.isdigit() or not started:
        return False
    return _started(int(pid)) != started


def _machine() -> str:
    """This boot of this machine, and this namespace of process numbers; '' where that cannot be told."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot[:13]}.{Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; '' when there is none of that number."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    return ""
