"""Texts: what is joined of parts, or cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.allowance import TEXT_MOST
from engine.mapping.compiled.sequences import sequence
from engine.mapping.compiled.trees import NO_WAY
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside

if TYPE_CHECKING:
    from engine.mapping.compiled.expressions import Expressions

__all__ = ["concatenated", "cut", "glued", "joined", "output"]

_CUT_MOST: Final = TEXT_MOST


def concatenated(to: Expressions, node: Any) -> Value:
    """Texts joined by ``~``."""
    return glued(to, [to.text(part) for part in node.nodes])


def output(to: Expressions, tree: Any) -> Value:
    """The text of a template that is more than one expression."""
    parts = [
        to.writer.literal(part.data) if type(part).__name__ == "TemplateData" else to.text(part)
        for statement in tree.body
        for part in statement.nodes
    ]
    return glued(to, parts)


def glued(to: Expressions, parts: list[str]) -> Value:
    """Parts as one text, measured before they are joined."""
    if not parts:
        return Value("''", "text")
    worked_out = [part for part in parts if part.isidentifier()]
    if worked_out:
        lengths = " + ".join(f"len({part})" for part in worked_out)
        fixed = sum(len(part) for part in parts if not part.isidentifier())
        # a literal is never shorter than the text it stands for
        to.line(f"if {lengths} > {max(TEXT_MOST - fixed, 0)}: raise UNUSUAL")
    if len(parts) > 4:
        return to.put(f"''.join(({', '.join(parts)}))", "text")
    return to.put(" + ".join(parts), "text")


def joined(to: Expressions, node: Any) -> Value:
    """The filter ``join``."""
    if len(node.args) > 1 or node.kwargs:
        raise Outside(NO_WAY)
    separator = to.scalar_text(node.args[0]) if node.args else "''"
    source = node.node
    is_choice = type(source).__name__ == "Filter" and source.name == "select" and not source.args
    if is_choice and not source.kwargs and type(source.node).__name__ == "List":
        # what select drops weighs nothing, and join weighs the rest
        return _joined_choice(to, [to.data(part) for part in source.node.items], separator)
    return to.put(f"join({sequence(to, source)}, {separator})", "text")


def _joined_choice(to: Expressions, values: list[Value], separator: str) -> Value:
    """``[…] | select | join``: what is empty is left out."""
    made, parts = to.writer.local(), [value.name for value in values]
    chosen = f"{made} = join_chosen(({''.join(f'{part}, ' for part in parts)}), {separator})"
    unknown = [part for part in parts if part.isidentifier()]
    odd = any(value.kind != "text" and not value.name.isidentifier() for value in values)
    if odd or separator.isidentifier() or not unknown or len(parts) > 10:
        to.line(chosen)
        return Value(made, "text")
    with to.writer.block(f"if {' and '.join(f'{part}.__class__ is str' for part in unknown)}:"):
        fixed = sum(len(part) for part in parts if part not in unknown) + len(separator) * len(parts)
        lengths = " + ".join(f"len({part})" for part in unknown)
        to.line(f"if {lengths} > {TEXT_MOST - fixed}: raise UNUSUAL")
        to.line(f"{made} = {parts[0]}")
        for part in parts[1:]:
            to.line(f"if {part}: {made} = {made} + {separator} + {part} if {made} else {part}")
    with to.writer.block("else:"):
        to.line(chosen)
    return Value(made, "text")


def cut(to: Expressions, node: Any) -> Value:
    """The filter ``cut``."""
    length = node.args[0] if len(node.args) == 1 and not node.kwargs else None
    number: Any = getattr(length, "value", None) if type(length).__name__ == "Const" else None
    if type(number) is not int or not 0 <= number <= _CUT_MOST:
        raise Outside(NO_WAY)
    return to.put(f"{to.text(node.node)}[:{number}]", "text")
