"""Rows of a page's tables: the fields of a catalog, and what each field of a document is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.document.markdown import code, text
from engine.document.walk import each_field, each_mapped
from engine.mapping.rules import Constant, Items, PathLeaf, Rule, TemplateLeaf

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.connector.catalog import Field as CatalogField
    from engine.mapping.rules import Block, Leaf, MappingSpec

__all__ = ["field_rows", "mapping_rows"]

Row = tuple[str, ...]


def field_rows(fields: Mapping[str, CatalogField]) -> list[Row]:
    """A row for each field: its path, label, type, whether it must be given, description."""
    rows: list[Row] = []
    for path, field in each_field(fields):
        kind = field.type + (f" {code(field.base)}" if field.base else "")
        needed = (
            "是 yes"
            if field.required
            else "引擎 engine"
            if field.moved
            else "常用 usual"
            if field.usual
            else ""
        )
        more = [field.description, "、".join(filter(None, field.enum))]
        rows.append((code(path), text(field.label), kind, needed, text("；".join(filter(None, more)))))
    return rows


def mapping_rows(
    spec: MappingSpec, fields: Mapping[str, CatalogField], unsure: Collection[str] = ()
) -> list[Row]:
    """A row for each field of the document: its path, label, where it comes from, and the rules for it.

    `unsure`: the names or paths of fields that are marked as not confirmed.
    """
    rows: list[Row] = []
    for mapped in each_mapped(spec.fields, fields, rows="[]"):
        path, entry = mapped.path, mapped.entry
        label = text(mapped.known.label if mapped.known else "")
        if mapped.name in unsure or path.replace("[]", "") in unsure:
            label = f"{label}（未证实 not confirmed）"
        if isinstance(entry, Rule):
            rows.append(
                (code(path), text(entry.label) if entry.label else label, _leaf(entry.leaf), _rules(entry))
            )
        elif isinstance(entry, Items):
            rows.append((code(path), label, ", ".join(map(_leaf, entry.leaves)), ""))
        else:
            rows.append((code(path), label, _rows(entry), _block_rules(entry)))
    return rows


def _leaf(leaf: Leaf | None) -> str:
    match leaf:
        case PathLeaf(path=path):
            return code(path.text)
        case TemplateLeaf(template=template):
            return code(template.text)
        case Constant(value=value):
            return f"固定 constant {code(value)}" if value not in (None, "") else "空 empty"
    return ""


def _rules(rule: Rule) -> str:
    said = [
        f"查表 lookup {code(rule.lookup)}" if rule.lookup else "",
        f"默认 default {_leaf(rule.default)}" if rule.default is not None else "",
        "必有 required" if rule.required else "",
        f"类型 type {code(rule.type)}" if rule.type else "",
        f"格式 format {code(rule.format)}" if rule.format else "",
        f"最长 max\\_length {rule.max_length}" if rule.max_length else "",
        f"当 when {_condition(rule.when)}" if rule.when is not None else "",
    ]
    return "；".join(filter(None, said))


def _rows(block: Block) -> str:
    return f"每行 each {code(block.each.text)}" if block.each is not None else "一行 one row"


def _block_rules(block: Block) -> str:
    said = [
        f"当 where {_condition(block.where)}" if block.where is not None else "",
        "表可以没有 optional" if block.optional else "",
    ]
    return "；".join(filter(None, said))


def _condition(condition: object) -> str:
    return code(getattr(condition, "text", getattr(condition, "value", "")))
