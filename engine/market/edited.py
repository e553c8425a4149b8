"""What was changed in a copy since it was copied, and where it stands now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import EngineError, Position
from engine.market.compare import differences
from engine.market.origin import origins, read_base
from engine.market.texts import read_text
from engine.yaml_nodes import read_yaml_text

if TYPE_CHECKING:
    from pathlib import Path

    from engine.market.compare import Change
    from engine.nodes import Node

__all__ = ["edits_of"]

_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def edits_of(scheme: Path) -> list[tuple[Position, Change]]:
    """The changes of values in a copied scheme and its tables, each with its place in the file.

    There are none for a scheme that is no copy. What cannot be read is left out: nothing fails here.
    """
    try:
        for origin in origins(scheme.parent):
            base = read_base(origin)
            if scheme.name in base:
                mine = {
                    name: (origin.to / name).read_bytes() for name in base if (origin.to / name).is_file()
                }
                return [
                    (_place(change, mine[change.file], origin.to), change)
                    for change in differences(base, mine)
                    if change.file in mine and _counts(change, scheme.name)
                ]
    except (EngineError, OSError):
        pass
    return []


def _counts(change: Change, scheme: str) -> bool:
    """Whether a change can be why a test fails: a value of this scheme, or of a table or sample."""
    of_another = change.file.endswith(".yaml") and change.file != scheme
    return change.kind in ("changed", "added", "removed") and not of_another


def _place(change: Change, data: bytes, folder: Path) -> Position:
    name = str(folder / change.file)
    text = read_text(data, name).text
    if change.file.endswith(".csv"):
        key = change.path.partition("]")[0].removeprefix("[")
        lines = enumerate(text.splitlines(), 1)
        return Position(name, next((line for line, row in lines if _begins(row, key)), 1))
    return _in_yaml(read_yaml_text(text, name), change.path)


def _begins(row: str, key: str) -> bool:
    return key in (cell.strip().strip('"') for cell in row.split(","))


def _in_yaml(node: Node, path: str) -> Position:
    """Where a path leads, as far as it can be followed."""
    for number, name in _STEP.findall(path):
        child = node.get(name) if name else _item(node, number)
        if child is None:
            break
        node = child
    return node.position


def _item(node: Node, name: str) -> Node | None:
    items = node.value if node.is_list else ()
    for item in items:
        named = item.get("name")
        if named is not None and named.value == name:
            found: Node = item
            return found
    return items[int(name)] if name.isdecimal() and int(name) < len(items) else None
