"""What the schemes beside a callback scheme give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.scheme.load import scheme_files
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["data_of_callers"]


def data_of_callers(id: str, folder: Path) -> set[str]:
    """The names in `data` of all callbacks in a folder that name the scheme `id`."""
    names: set[str] = set()
    for file in scheme_files(folder):
        try:
            callback = read_yaml(file, []).get("callback")
        except SchemeError:
            continue
        if callback is None:
            continue
        for node in callback.value if callback.is_list else (callback,):
            scheme, data = node.get("scheme"), node.get("data")
            if scheme is not None and scheme.value == id and data is not None:
                names |= set(data.keys)
    return names
