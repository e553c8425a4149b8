"""Find scalars in a YAML text by their paths, and put others in their places; all else stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from engine.errors import Position, SchemeError
from engine.language import tr
from engine.yaml_edit import quoted
from engine.yaml_loader import LimitReached, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Step = str | int

__all__ = ["scalar_at", "scalar_spans", "scalars", "with_scalars"]


def scalars(text: str, name: str) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Each scalar of a text with the path of keys and numbers that leads to it. Raises SchemeError."""
    for path, node in _walk(_root(text, name), (), set()):
        if isinstance(node, ScalarNode):
            yield path, node.value


def scalar_spans(text: str, name: str) -> list[tuple[int, int]]:
    """Where the keys and values of a text stand; what stands elsewhere is YAML's own, or a comment."""
    found = []
    for _, node in _walk(_root(text, name), (), set()):
        if isinstance(node, ScalarNode):
            found.append(_span(node))
        elif isinstance(node, MappingNode):
            found += [_span(key) for key, _ in node.value]
    return found


def scalar_at(text: str, line: int, column: int, name: str) -> tuple[Step, ...]:
    """The path of the scalar at a place: the last of its line that begins there or before, else the first.

    Empty where none begins in that line. Lines and columns count from 1. Raises SchemeError.
    """
    found: tuple[Step, ...] = ()
    for path, node in _walk(_root(text, name), (), set()):
        if isinstance(node, ScalarNode) and node.start_mark.line + 1 == line:
            if found and node.start_mark.column + 1 > column:
                break
            found = path
    return found


def with_scalars(text: str, values: Mapping[tuple[Step, ...], str], name: str) -> str:
    """The text with other values in the places of these scalars. Raises SchemeError."""
    spans = [
        (*_span(node), values[path])
        for path, node in _walk(_root(text, name), (), set())
        if isinstance(node, ScalarNode) and path in values
    ]
    for start, end, value in sorted(spans, reverse=True):
        text = text[:start] + quoted(value) + text[end:]
    return text


def _root(text: str, name: str) -> Any:
    try:
        return compose(text)
    except LimitReached as error:
        raise SchemeError(error.message, position=Position(name, error.mark.line + 1)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Position(name, mark.line + 1 if mark else 1)
        raise SchemeError(tr("not YAML: {problem}", problem=error), position=place) from None


def _walk(node: Any, path: tuple[Step, ...], seen: set[int]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Every node with its path; what aliases repeat stands in one place only."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield path, node
    if isinstance(node, MappingNode):
        for key, child in node.value:
            if isinstance(key, ScalarNode):
                yield from _walk(child, (*path, key.value), seen)
    elif isinstance(node, SequenceNode):
        for place, child in enumerate(node.value):
            yield from _walk(child, (*path, place), seen)


def _span(node: Any) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index
