"""Writing down what the wizard was told: schemes, their params' values, and the connection file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError
from engine.language import tr
from engine.yaml_edit import quoted, with_value
from engine.yaml_nodes import decode_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.market.wizard.plan import Plan

__all__ = ["write_draft", "write_values"]


def write_draft(plan: Plan, to: Path) -> Path:
    """Write a new scheme; never over a file that is there. Raises ConfigurationError."""
    assert plan.draft is not None
    file = to / f"{plan.id}.yaml"
    try:
        to.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(plan.draft.text())
    except OSError as error:
        raise _unwritten(file, error) from error
    return file


def write_values(
    values: Mapping[str, Mapping[str, str]],
    files: Mapping[str, Path],
    environment: str | None,
    settings: Path,
) -> list[Path]:
    """Write params' values: into connections.yaml for an environment, else as the schemes' own defaults.

    `values` by the scheme's id in the copy; `files` the schemes' files. Returns what was changed.
    """
    changed: list[Path] = []
    for scheme, params in values.items():
        file = settings if environment is not None else files[scheme]
        before = decode_text(file.read_bytes(), str(file)) if file.exists() else ""
        text = before
        for name, value in params.items():
            if environment is None:
                path = ["params", name, "default"]
            else:
                path = ["values", environment, scheme, "params", name]
            text = with_value(text, path, quoted(value), name=str(file))
        if text != before:
            _replace(file, text)
            changed.append(file)
    return changed


def _replace(file: Path, text: str) -> None:
    """Write a file anew, whole or not at all. It may hold secrets: nobody else may read it meanwhile."""
    file = file.resolve()  # where a link leads, so that it stays a link
    beside = file.with_name(file.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text.encode())
        if file.exists():
            beside.chmod(file.stat().st_mode & 0o777)
        os.replace(beside, file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _unwritten(file, error) from error


def _unwritten(file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        tr('"{name}" cannot be written: {reason}', name=file, reason=error.strerror or str(error))
    )
