"""What a simulator is built from: shared state on disk, a clock that can be moved, faults, a server process.

A simulator is a class on `Simulator`; its connector names it by import path. `Sandbox` runs the simulators
of an environment in a child process; `reset`, `advance`, `set_faults` and `list_faults` serve the commands.
"""

from __future__ import annotations

from engine.connector.simulator.base import Simulator
from engine.connector.simulator.clock import SandboxClock, read_offset
from engine.connector.simulator.control import FaultState, advance, list_faults, reset, set_faults
from engine.connector.simulator.process import Sandbox
from engine.connector.simulator.serve import SimulatorSpec, serve_forever
from engine.connector.simulator.state import SandboxState, Store

__all__ = [
    "FaultState",
    "Sandbox",
    "SandboxClock",
    "SandboxState",
    "Simulator",
    "SimulatorSpec",
    "Store",
    "advance",
    "list_faults",
    "read_offset",
    "reset",
    "serve_forever",
    "set_faults",
]
