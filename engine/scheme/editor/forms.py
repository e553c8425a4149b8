"""A form's fields as definitions of a JSON Schema: for each field its label, and for each table its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.language import tr
from engine.scheme.editor.choices import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.catalog import Field, Form
    from engine.scheme.discovered.model import Discovered

__all__ = ["form_definitions"]


def form_definitions(name: str, form: Form | None, found: Discovered | None) -> dict[str, Any]:
    """``form_NAME`` and what it refers to: the catalog's fields, and those discovered that it lacks."""
    known: dict[str, dict[str, Any]] = {"": {}}
    if form is not None:
        for field in form.fields.values():
            _add(known, "", field)
    for one in found.fields if found is not None else ():
        table, field_name = (one.names[0], one.names[-1]) if len(one.names) > 1 else ("", one.names[0])
        refers = tr("base data {name}", name=one.refers) if one.refers else one.type
        needed = tr("required") if one.required else ""
        known.setdefault(table, {}).setdefault(
            field_name, {"title": one.label, "description": text_of(one.label, refers, needed)}
        )
        if one.type == "array":
            known.setdefault(one.names[-1], {})
    return {
        f"form_{name}{'_' if table else ''}{table}": {
            "type": "object",
            "properties": {key: _value(name, key, shown, known) for key, shown in fields.items()},
            "additionalProperties": {"$ref": "#/$defs/mapped"},
        }
        for table, fields in known.items()
    }


def _add(known: dict[str, dict[str, Any]], table: str, field: Field) -> None:
    needed = tr("required") if field.required else tr("usual") if field.usual else ""
    kind = tr("base data") if field.type == "base" else field.type
    told = text_of(field.label, kind, needed, field.description)
    known[table][field.name] = {"title": field.label or field.name, "description": told}
    if field.type == "array":
        known.setdefault(field.name, {})
        for inner in field.fields.values():
            _add(known, field.name, inner)


def _value(form: str, name: str, shown: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """A field takes whatever a mapping takes; a table's rows know their columns besides."""
    if name not in known or not name:
        return {**shown, "allOf": [{"$ref": "#/$defs/value"}]}
    row = {"$ref": f"#/$defs/form_{form}_{name}"}
    block = {"properties": {"row": row}, "allOf": [{"$ref": "#/$defs/value_block"}]}
    return {**shown, "anyOf": [block, {"type": "array", "items": block}, row]}
