"""What the commands do to a sandbox: begin anew, move its clock, switch faults."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.connector.simulator import faults
from engine.connector.simulator.clock import move_offset
from engine.connector.simulator.state import FILE_NAME, SandboxState
from engine.errors import ConfigurationError, UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

__all__ = ["FaultState", "advance", "list_faults", "reset", "set_faults"]

_SPECIAL = {
    "banned": "the caller's address is shut out, as DingTalk does for five minutes",
    "audit_fails": "audits are refused",
    "unique_number": "the target keeps bill numbers unique; switch it off to allow doubles",
    "submit_fails": "submits are refused",
    "number_ignored": "the target numbers bills itself, whatever number is given",
    "missing_dindex": "a batch's answer leaves its last bill out",
}
KNOWN: dict[str, str] = {**faults.GENERIC, **_SPECIAL}


@dataclass(frozen=True, slots=True)
class FaultState:
    """A fault as it stands: `connection` is '' for all; `rate` is 0 to 1."""

    name: str
    connection: str
    rate: float
    meaning: str


def reset(folder: Path) -> None:
    """Forget everything: instances, bills, sessions, quotas, faults, and the clock's offset.

    Running servers go on with the empty state and seed it anew at their next call.
    """
    if not (folder / FILE_NAME).exists():
        return
    try:
        state = SandboxState(folder)
    except ConfigurationError:
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
        return
    try:
        with state.transaction() as store:
            store.wipe()
    finally:
        state.close()


def advance(folder: Path, duration: timedelta) -> timedelta:
    """Move the sandbox's clock on; gives its whole offset. Raises UsageError for a negative duration."""
    if duration.total_seconds() < 0:
        raise UsageError(tr("the sandbox's clock only moves forward"))
    state = SandboxState(folder)
    try:
        with state.transaction() as store:
            return move_offset(store, duration)
    finally:
        state.close()


def set_faults(folder: Path, rates: Mapping[str, str | float]) -> None:
    """Set faults by name, or by ``connection.name`` for one connection; a rate is 0 to 1, ``on`` or ``off``.

    All are set or none: an unknown name or a bad rate raises UsageError first.
    """
    wanted = {_known(name): _rate(name, value) for name, value in rates.items()}
    state = SandboxState(folder)
    try:
        with state.transaction() as store:
            for name, value in wanted.items():
                store.put(faults.KIND, name, {"rate": str(value)})
    finally:
        state.close()


def list_faults(folder: Path) -> list[FaultState]:
    """All faults there are, then those set for one connection, with their rates."""
    if not (folder / FILE_NAME).exists():
        stored: dict[str, float] = {}
    else:
        state = SandboxState(folder)
        try:
            with state.reading() as store:
                stored = {key: float(doc["rate"]) for key, doc in store.all(faults.KIND)}
        finally:
            state.close()
    shared = [
        FaultState(name, "", stored.get(name, faults.DEFAULT_RATES.get(name, 0.0)), tr(meaning))
        for name, meaning in KNOWN.items()
    ]
    for key, value in stored.items():
        connection, _, name = key.rpartition(".")
        if connection:
            shared.append(FaultState(name, connection, value, tr(KNOWN[name])))
    return shared


def _known(name: str) -> str:
    bare = name.rpartition(".")[2]
    if bare in KNOWN:
        return name
    near = get_close_matches(bare, KNOWN, n=1)
    raise UsageError(
        tr('no fault "{name}"; there are {known}', name=bare, known=", ".join(KNOWN)),
        hint=tr('did you mean "{near}"?', near=near[0]) if near else None,
    )


def _rate(name: str, value: str | float) -> float:
    words = {"on": 1.0, "off": 0.0}
    try:
        rate = words.get(str(value).lower())
        rate = float(value) if rate is None else rate
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(
            tr(
                'the rate of "{name}" is "{value}"; it must be from 0 to 1, on, or off',
                name=name,
                value=value,
            )
        )
    return rate
