"""Other tools that could do the job, or its first half: each installed in a place of its own.

    python -m benchmarks.peers        installs what is missing, into a cache folder (or BENCH_PEERS)

What each of them runs is what somebody who knows the tool would write, with the concurrency that it offers:
`node_red.py`, `airbyte_source.py`, `dlt_source.py`. None of them keeps a ledger.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.peers import node_red

__all__ = ["PEERS", "Load", "Peer"]


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls may be under way, and how many bills go in one."""

    readers: int
    senders: int
    batch: int


class Peer(Protocol):
    """A tool that is measured beside the engine."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def delivers(self) -> bool:
        """Whether it does the whole job, or only its first half: list and get."""

    def installed(self) -> bool:
        """Whether it can be run."""

    def install(self) -> None:
        """Install it; raises CalledProcessError."""

    def command(self, folder: Path, base: str, load: Load) -> Sequence[str]:
        """The command that does the job once, with `folder` for what it needs and keeps."""


@dataclass(frozen=True, slots=True)
class PythonPeer:
    """A package from PyPI in a virtual environment of its own, and a script for it."""

    name: str
    package: str
    script: str
    delivers: bool = False

    @property
    def _python(self) -> Path:
        return _shelf() / self.package / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def installed(self) -> bool:
        """Whether its environment is there, whole."""
        return self._python.exists() and (_shelf() / self.package / "done").exists()

    def install(self) -> None:
        """Make its environment."""
        subprocess.run([sys.executable, "-m", "venv", str(_shelf() / self.package)], check=True)
        options = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([str(self._python), "-m", "pip", "install", *options, self.package], check=True)
        (_shelf() / self.package / "done").touch()

    def command(self, folder: Path, base: str, load: Load) -> Sequence[str]:
        """Its script, run by its own Python."""
        script = Path(__file__).with_name(self.script)
        return [str(self._python), str(script), base, "--workers", str(load.readers)]


@dataclass(frozen=True, slots=True)
class NodeRed:
    """Node-RED without its editor; needs node and npm."""

    name: str = "Node-RED, no ledger"
    delivers: bool = True

    @property
    def _entry(self) -> Path:
        return _shelf() / "node-red/node_modules/node-red/red.js"

    def installed(self) -> bool:
        """Whether it and node are there."""
        return shutil.which("node") is not None and self._entry.exists()

    def install(self) -> None:
        """Install it for this user alone. Its fourth generation is the last that node 18 and 20 can run."""
        folder = _shelf() / "node-red"
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run([shutil.which("npm") or "npm", "install", *options, "node-red@4"], check=True)

    def command(self, folder: Path, base: str, load: Load) -> Sequence[str]:
        """Node-RED on a flow that is written for these servers."""
        node_red.write(folder, base, readers=load.readers, senders=load.senders, batch=load.batch)
        return ["node", str(self._entry), "--userDir", str(folder)]


PEERS: tuple[Peer, ...] = (
    NodeRed(),
    PythonPeer("airbyte-cdk, source half only", "airbyte-cdk", "airbyte_source.py"),
    PythonPeer("dlt, source half only", "dlt", "dlt_source.py"),
)


def _shelf() -> Path:
    given = os.environ.get("BENCH_PEERS")
    return Path(given) if given else Path.home() / ".cache/integration-engine/peers"
