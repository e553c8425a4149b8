"""Setting one value in a YAML text, and leaving every other byte as it is: comments, order, quotes, lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import Position, SchemeError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["quoted", "with_value"]

_INDENT = 2
_FLOW = frozenset(",[]{}")
"""What ends a plain text within brackets, and nowhere else."""


def with_value(text: str, path: Sequence[str | int], value: str, *, name: str) -> str:
    """The text with the scalar at `path` of nested mappings set to `value`, a YAML scalar (see `quoted`).

    A number leads to an entry of a list that is there. Mappings on the way that are missing are made, at the
    end of the one that is there. `name` stands in positions. Raises SchemeError for a text that is no YAML,
    and where something else than a mapping is in the way.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Position(name, mark.line + 1, mark.column + 1) if mark else Position(name)
        raise SchemeError(tr("this is no YAML that a value could be written into"), position=place) from error
    if root is None or _is_empty(root):
        lead = text if not text or text.endswith("\n") else text + newline
        return lead + _nested([str(step) for step in path], value, 0, newline) + newline
    return _set(text, root, list(path), value, name, newline)


def quoted(value: str) -> str:
    """A text as a YAML scalar that means exactly this text, within brackets too."""
    plain = yaml.safe_dump(value, allow_unicode=True, width=2**31, default_style=None).rstrip("\n")
    plain = plain.removesuffix("\n...").removesuffix("...").rstrip()
    if plain == value and not _FLOW & set(value):
        return value
    escaped = yaml.safe_dump(value, allow_unicode=True, width=2**31, default_style='"').rstrip("\n")
    return escaped.removesuffix("...").rstrip()


def _set(text: str, root: Any, steps: list[str | int], value: str, name: str, newline: str) -> str:
    node, depth, in_flow = root, 0, False
    path = [str(step) for step in steps]
    while True:
        step = steps[depth]
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            in_flow = in_flow or node.flow_style
            node, depth = node.value[step], depth + 1
            continue
        if not isinstance(node, yaml.MappingNode):
            raise SchemeError(
                tr('"{path}" is no mapping: nothing can be set in it', path=".".join(path[:depth]) or name),
                position=_place(node, name),
            )
        found = next((pair for pair in node.value if pair[0].value == path[depth]), None)
        if found is None:
            return _inserted(text, node, path[depth:], value, newline)
        in_flow = in_flow or node.flow_style
        key, node = found
        depth += 1
        if depth == len(path):
            return _replaced(text, key, node, value, name)
        if _is_null(node) and (in_flow or node.value):
            return _replaced(text, key, node, "{" + _flow(path[depth:], value) + "}", name)
        if _is_empty(node):
            at = _end(text, key, node)
            inner = key.start_mark.column + _INDENT
            return text[:at] + newline + _nested(path[depth:], value, inner, newline) + text[at:]


def _replaced(text: str, key: Any, node: Any, value: str, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise SchemeError(tr('"{path}" is no single value', path=key.value), position=_place(node, name))
    if node.start_mark.index == node.end_mark.index:  # nothing stands behind the colon
        at = key.end_mark.index
        if text[at : at + 1] == ":":
            return f"{text[: at + 1]} {value}{text[at + 1 :]}"
        return f"{text[:at]}: {value}{text[at:]}"
    if node.style in ("|", ">"):
        end = node.end_mark.index
        tail = "\n" if text[:end].endswith("\n") else ""
        return text[: node.start_mark.index] + value + tail + text[end:]
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def _inserted(text: str, node: Any, path: Sequence[str], value: str, newline: str) -> str:
    """A new last entry of a mapping, in the mapping's own style."""
    if node.flow_style:
        at = node.end_mark.index - 1
        comma = ", " if node.value else ""
        return text[:at].rstrip() + comma + _flow(path, value) + text[at:]
    key, last = node.value[-1]
    at = _end(text, key, last)
    first = node.value[0][0]
    return text[:at] + newline + _nested(path, value, first.start_mark.column, newline) + text[at:]


def _end(text: str, key: Any, node: Any) -> int:
    """Where the last line of an entry ends, with a comment on that line."""
    if _is_empty(node) and not getattr(node, "flow_style", False):
        at = text.index(":", key.end_mark.index)
    elif isinstance(node, yaml.ScalarNode) or node.flow_style:
        at = node.end_mark.index
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return len(text[:at].rstrip("\r\n"))
    elif isinstance(node, yaml.MappingNode):
        return _end(text, *node.value[-1])
    else:
        return _end(text, node.value[-1], node.value[-1])
    line = text.find("\n", at)
    return len(text) if line < 0 else line - (text[line - 1] == "\r")


def _nested(path: Sequence[str], value: str, indent: int, newline: str) -> str:
    lines = [f"{' ' * (indent + _INDENT * depth)}{quoted(key)}:" for depth, key in enumerate(path)]
    lines[-1] += f" {value}"
    return newline.join(lines)


def _flow(path: Sequence[str], value: str) -> str:
    opened = "".join(f"{quoted(key)}: {{" for key in path[:-1])
    return f"{opened}{quoted(path[-1])}: {value}" + "}" * (len(path) - 1)


def _is_empty(node: Any) -> bool:
    """Whether nothing is written there."""
    return _is_null(node) and not node.value


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _place(node: Any, name: str) -> Position:
    return Position(name, node.start_mark.line + 1, node.start_mark.column + 1)
