"""Programs that are measured: how long they take, what they cost, how large they grow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["ROOT", "Cost", "measured", "serving", "spoken"]

ROOT = Path(__file__).parents[1]
_KEPT = 1_000_000
_GROWN = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: seconds by the clock, seconds of processor time, megabytes at most."""

    wall: float
    cpu: float
    peak: float
    output: str
    """The end of what it printed."""

    def as_json(self) -> dict[str, Any]:
        """All but what it printed."""
        return {name: value for name, value in asdict(self).items() if name != "output"}


def measured(
    command: Sequence[str],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    good: Sequence[int] = (0,),
) -> Cost:
    """Run a command to its end. Raises RuntimeError, with what it said, for another exit code.

    It may keep its bytecode, as it does for a user, whatever this shell says.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=out,
            stderr=complaints,
        )
        peak = _Peak(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in good:
            raise RuntimeError(f"{' '.join(command)}\n{_end(out)[-2000:]}\n{_end(complaints)[-2000:]}")
        return Cost(wall, used.ru_utime + used.ru_stime, peak.told(used.ru_maxrss), _end(out))


def _end(printed: IO[bytes]) -> str:
    printed.seek(max(0, printed.seek(0, os.SEEK_END) - _KEPT))
    return printed.read().decode("utf-8", "replace")


class _Peak:
    """The most that a process had in memory; watched, since Linux's own figure begins with its parent's."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._kilobytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            try:
                found = _GROWN.search(Path(f"/proc/{self._pid}/status").read_text())
            except OSError:
                return
            if found is None:  # ended
                return
            self._kilobytes = int(found[1])
            time.sleep(0.02)

    def told(self, otherwise: int) -> float:
        """Megabytes; where there is no /proc, what the system says."""
        self._thread.join()
        return (self._kilobytes or otherwise / (1024 if sys.platform == "darwin" else 1)) / 1024


@contextmanager
def serving(claims: int) -> Iterator[str]:
    """Both systems in a process of their own, at the address that is given."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.systems", "--claims", str(claims)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.terminate()
        process.wait()


def spoken(base: str, **settings: Any) -> dict[str, Any]:
    """Tell the systems to begin anew (with `latency=…`), or ask what they saw."""
    body = json.dumps(settings).encode() if settings else None
    asked = urllib.request.Request(f"{base}/bench", data=body, method="POST" if body else "GET")
    with urllib.request.urlopen(asked) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
