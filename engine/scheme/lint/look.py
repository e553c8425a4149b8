"""What a check is given: the scheme, what its words can mean here, and where to put what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.findings import Finding, Severity, nearest
from engine.language import tr
from engine.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engine.errors import Position
    from engine.scheme.model import Scheme
    from engine.scheme.reach import Reach

__all__ = ["Look", "did_you_mean", "walk"]


@dataclass(frozen=True, slots=True)
class Look:
    """One scheme under examination.

    `callers` are the files of the schemes whose callbacks led here, outermost first: they keep a circle of
    callbacks from being followed for ever.
    """

    scheme: Scheme
    reach: Reach
    findings: list[Finding] = field(default_factory=list)
    callers: tuple[Path, ...] = ()

    def error(self, code: str, position: Position, message: str, hint: str | None = None) -> None:
        """What keeps the scheme from running."""
        self.findings.append(Finding(code, position, message, hint=hint))

    def warning(self, code: str, position: Position, message: str, hint: str | None = None) -> None:
        """What is probably wrong."""
        self.findings.append(Finding(code, position, message, Severity.WARNING, hint))

    def hint(self, code: str, position: Position, message: str, hint: str | None = None) -> None:
        """What could be better."""
        self.findings.append(Finding(code, position, message, Severity.HINT, hint))

    def node(self, *path: str) -> Node:
        """The node at a path of keys; where it is missing, the nearest one around it that is there."""
        node = self.scheme.node
        for key in path:
            child = node.get(key)
            if child is None:
                return Node(None, node.position)
            node = child
        return node

    def key(self, *path: str) -> Position:
        """Where the last key of a path stands; where it is missing, the mapping that lacks it."""
        above = self.node(*path[:-1])
        return above.keys.get(path[-1], above.position)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known name, or all of them, as a hint."""
    names = list(known)
    close = nearest(word, names)
    if close is not None:
        return tr('did you mean "{word}"?', word=close)
    return tr("known are {names}", names=", ".join(names) or "-")


def walk(node: Node, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Node]]:
    """Every node below one, with its path; the node itself first."""
    yield path, node
    if node.is_list:
        for index, child in enumerate(node.value):
            yield from walk(child, (*path, index))
    for key, child in node.items():
        yield from walk(child, (*path, key))
