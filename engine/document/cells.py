"""What stands in the cells of a document's tables: types, descriptions, leaves and rules in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.document.walk import without_rows
from engine.language import tr
from engine.mapping.rules import Constant, Items, PathLeaf, Rule, TemplateLeaf

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.connector.catalog import Field
    from engine.mapping.rules import Block, Leaf
    from engine.mapping.templates import Template

__all__ = [
    "condition",
    "described",
    "filled_from",
    "in_turn",
    "leaf_text",
    "named",
    "plain_value",
    "rules_in_words",
    "wire_type",
]

_ON_THE_WIRE = {"base": "string", "boolean": "bool", "path": "string"}
_TEXTS = ("decimal", "date", "datetime")
"""Types of which an interface's tables speak as texts; what kind of text stands in the description."""


def wire_type(field: Field | None) -> str:
    """A field's type as interface documents have it: string, integer, bool, object, array."""
    if field is None:
        return ""
    return "string" if field.type in _TEXTS else _ON_THE_WIRE.get(field.type, field.type)


def described(field: Field) -> str:
    """All that a catalog says of a field beside its label and type."""
    said = [
        tr("required") if field.required else tr("usually given") if field.usual else "",
        _kind(field),
        field.description,
        tr("one of: {values}", values=", ".join(filter(None, field.enum))) if any(field.enum) else "",
        tr("default: {value}", value=plain_value(field.default)) if field.default is not None else "",
    ]
    return in_turn(said)


def _kind(field: Field) -> str:
    match field.type:
        case "base":
            return tr("base data, sent under {key}", key=field.base) if field.base else tr("base data")
        case "decimal":
            return tr("a decimal number")
        case "date":
            return tr("a date")
        case "datetime":
            return tr("a date and time")
    return ""


def in_turn(said: Iterable[str]) -> str:
    """What is said of a thing, one after the other."""
    return tr("; ").join(filter(None, said))


def named(path: str, label: str) -> str:
    """A path with its label behind it, where that says more than its last name."""
    name = without_rows(path).rpartition(".")[2]
    return tr("{path} ({label})", path=path, label=label) if label not in ("", name) else path


def plain_value(value: Any) -> str:
    """A value of a scheme, which may be a tree with templates in it, as text."""
    text = getattr(value, "text", value)
    if text is None or isinstance(text, str):
        return text or ""
    if isinstance(text, dict | list | tuple | bool):
        return jsontext.dumps(_plain(text))
    return str(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    return getattr(value, "text", value)


def leaf_text(leaf: Leaf | None) -> str:
    """A path, template or constant as the scheme has it."""
    match leaf:
        case PathLeaf(path=path):
            return path.text
        case TemplateLeaf(template=template):
            return template.text
        case Constant(value=value):
            return plain_value(value)
    return ""


def filled_from(entry: Rule | Items | Block) -> str:
    """What fills a field, as the scheme has it; for rows, the table they come from."""
    if isinstance(entry, Rule):
        return leaf_text(entry.leaf)
    if isinstance(entry, Items):
        return ", ".join(map(leaf_text, entry.leaves))
    return entry.each.text if entry.each is not None else ""


def rules_in_words(entry: Rule | Items | Block) -> str:
    """How a field is filled beyond where its value comes from."""
    if isinstance(entry, Items):
        return ""
    said = _of_rule(entry) if isinstance(entry, Rule) else _of_block(entry)
    return in_turn(said)


def _of_rule(rule: Rule) -> list[str]:
    default = leaf_text(rule.default)
    return [
        tr("a constant") if isinstance(rule.leaf, Constant) else "",
        tr("translated by the table {table}", table=rule.lookup) if rule.lookup else "",
        tr("default: {value}", value=default or tr("empty")) if rule.default is not None else "",
        tr("required") if rule.required else "",
        tr("as {type}", type=rule.type) if rule.type else "",
        tr("format {format}", format=rule.format) if rule.format else "",
        tr("at most {count} characters", count=rule.max_length) if rule.max_length else "",
        tr("only if {condition}", condition=condition(rule.when)) if rule.when is not None else "",
    ]


def _of_block(block: Block) -> list[str]:
    return [
        tr("a row for each") if block.each is not None else tr("one row"),
        tr("only if {condition}", condition=condition(block.where)) if block.where is not None else "",
        tr("the table may be missing") if block.optional else "",
    ]


def condition(given: Template | Constant | None) -> str:
    """A condition as the scheme has it."""
    return plain_value(given.value) if isinstance(given, Constant) else "" if given is None else given.text
