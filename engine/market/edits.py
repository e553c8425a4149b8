"""Change single values of a YAML text and leave every other sign of it as it is, comments included."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from engine.errors import Position, SchemeError, UsageError
from engine.language import tr
from engine.yaml_loader import TAG, LimitReached, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    Step = str | int

__all__ = ["as_yaml", "scalar_spans", "scalars", "with_scalars", "with_value"]

_PLAIN = re.compile(r"[^\W\d_][\w./-]*")
_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n"})  # text here, and switches to other YAML readers


def as_yaml(value: str) -> str:
    """A text as a YAML scalar that is read as that very text wherever it stands."""
    if _PLAIN.fullmatch(value) and value.lower() not in _SWITCHES:
        node = compose(value)
        if isinstance(node, ScalarNode) and node.tag == f"{TAG}str" and node.value == value:
            return value
    return json.dumps(value, ensure_ascii=False)


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


def with_scalars(text: str, values: Mapping[tuple[Step, ...], str], name: str) -> str:
    """The text with other values in the places of these scalars. Raises SchemeError."""
    spans = [
        (*_span(node), values[path])
        for path, node in _walk(_root(text, name), (), set())
        if isinstance(node, ScalarNode) and path in values
    ]
    for start, end, value in sorted(spans, reverse=True):
        text = text[:start] + as_yaml(value) + text[end:]
    return text


def with_value(text: str, path: Sequence[str], value: str, name: str) -> str:
    """The text with a value, written as YAML, under a path of keys; mappings that lack are added.

    Raises SchemeError for a text that is no YAML, UsageError where something else stands on the way.
    """
    root = _root(text, name)
    if root is None:
        return text + ("" if not text or text.endswith("\n") else "\n") + _block(path, value, 0) + "\n"
    node, done = root, 0
    while done < len(path) and isinstance(node, MappingNode):
        child = next((below for key, below in node.value if key.value == path[done]), None)
        if child is None:
            return _added(text, node, path[done:], value)
        node, done = child, done + 1
    if isinstance(node, ScalarNode) and (done == len(path) or node.value in ("", "~", "null")):
        return _replaced(text, node, path, done, value)
    place = Position(name, node.start_mark.line + 1, node.start_mark.column + 1)
    raise UsageError(
        tr('"{path}" cannot be written: something else stands there', path=".".join(path)),
        position=place,
        hint=tr("write it by hand"),
    )


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


def _added(text: str, node: MappingNode, path: Sequence[str], value: str) -> str:
    """The text with one entry more in a mapping, behind its last one."""
    end = node.end_mark.index
    if node.flow_style:
        before = text[: end - 1].rstrip()
        comma = "" if before.endswith(("{", ",")) else ", "
        return before + comma + _flow(path, value) + text[end - 1 :]
    last = node.value[-1][1]
    at = _end_of_line(text, max(_span(last)[1], _span(node.value[-1][0])[1]))
    indent = node.value[0][0].start_mark.column
    lines = text[:at].rstrip("\r\n ")
    return f"{lines}\n{_block(path, value, indent)}{text[len(lines) :] if at < len(text) else chr(10)}"


def _end_of_line(text: str, index: int) -> int:
    """The end of a value's last line; a value of several lines ends where the next one starts."""
    back = text[:index].rstrip()
    found = text.find("\n", len(back))
    return len(text) if found < 0 else found


def _replaced(text: str, node: ScalarNode, path: Sequence[str], done: int, value: str) -> str:
    start, end = _span(node)
    rest = path[done:]
    if not rest:
        gap = " " if text[start - 1 : start] == ":" else ""
        return text[:start] + gap + value + text[end:]
    gap = "" if text[start - 1 : start] in (" ", "\n") else " "
    return text[:start] + gap + "{" + _flow(rest, value) + "}" + text[end:]


def _flow(path: Sequence[str], value: str) -> str:
    first, *rest = path
    return f"{as_yaml(first)}: {'{' + _flow(rest, value) + '}' if rest else value}"


def _block(path: Sequence[str], value: str, indent: int) -> str:
    first, *rest = path
    head = f"{' ' * indent}{as_yaml(first)}:"
    return f"{head}\n{_block(rest, value, indent + 2)}" if rest else f"{head} {value}"
