"""The simulators of an environment in a child process that a killed parent does not take along."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.connector.simulator.serve import GRACE_SECONDS, SimulatorSpec, order
from engine.connector.simulator.state import make_folder
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["Sandbox"]

LOG_NAME = "sandbox.log"
_LOG_BYTES = 1_000_000

# The child sees the modules its parent sees, and never the current folder's.
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    "from engine.connector.simulator.serve import main; main()"
)


class Sandbox:
    """Starts and stops the simulators; also an async context manager that gives their settings.

    The child leads its own session, so that Ctrl-C at the terminal reaches only the command. It holds none
    of the parent's standard streams: its complaints go to `sandbox.log` in the folder.
    """

    def __init__(
        self, folder: Path, specs: Sequence[SimulatorSpec], *, shift: timedelta = timedelta()
    ) -> None:
        self._folder = folder
        self._specs = tuple(specs)
        self._shift = shift
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> dict[str, dict[str, Any]]:
        """Start serving; gives each connection's settings by name. Raises ConfigurationError."""
        answer = _read(await asyncio.to_thread(self._launch))
        if "connections" in answer:
            connections: dict[str, dict[str, Any]] = answer["connections"]
            return connections
        await self.stop()
        log = self._folder / LOG_NAME
        raise ConfigurationError(
            answer.get("error") or tr("the sandbox's simulators did not start"),
            hint=answer.get("hint") or tr('"{path}" says why', path=log),
        )

    async def stop(self) -> None:
        """Stop serving: at once, or when the last late commit has landed."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)

    async def __aenter__(self) -> dict[str, dict[str, Any]]:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _launch(self) -> str:
        make_folder(self._folder)
        shown = json.dumps([entry for entry in sys.path if entry])
        log_file = self._folder / LOG_NAME
        full = log_file.exists() and log_file.stat().st_size > _LOG_BYTES
        with log_file.open("w" if full else "a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, shown],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(order(self._folder, self._specs, self._shift) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline()


def _read(line: str) -> dict[str, Any]:
    try:
        answer = json.loads(line or "{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        try:
            process.communicate("stop\n", timeout=GRACE_SECONDS + 2)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            process.kill()
