"""What is asked of Jinja's trees before they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.ways import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NODES_MOST", "NO_WAY", "all_nodes", "argument", "branches", "is_loop", "measure"]


NO_WAY: Final = "it uses what only Jinja works out"
TOO_LARGE: Final = "the template is too long or too deep"
NODES_MOST: Final = 150
"""What templates of so many nodes can build stays far below the limit on building."""
_DEEPEST: Final = 20


def measure(tree: Any, most: int) -> None:
    """Refuse trees of more than `most` nodes, and those that are too deep."""
    level, count = [tree], 0
    for _ in range(_DEEPEST):
        count += len(level)
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level and count <= most:
            return
    raise Outside(TOO_LARGE)


def branches(tree: Any) -> bool:
    """Whether a part of the tree may be left out."""
    return any(type(node).__name__ in ("CondExpr", "And", "Or", "If", "For") for node in all_nodes(tree))


def all_nodes(node: Any) -> Iterator[Any]:
    """A node and all within it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(found.iter_child_nodes())


def is_loop(node: Any) -> bool:
    """Whether a node is the name ``loop``."""
    return type(node).__name__ == "Name" and node.name == "loop"


def argument(node: Any, place: int, name: str) -> Any:
    """The node of an argument of a call or filter, or None."""
    if len(node.args) > place:
        return node.args[place]
    return next((pair.value for pair in node.kwargs if pair.key == name), None)
