"""The JSON Schema of a project's schemes: that of the language, with what the project has filled in."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from engine.language import current, tr
from engine.mapping.filters import KNOWN_FILTERS
from engine.scheme.editor.choices import only, suggested, text_of
from engine.scheme.editor.facts import source_paths
from engine.scheme.editor.forms import form_definitions
from engine.scheme.shape import schema as language_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.connector.catalog import Field
    from engine.scheme.editor.facts import Facts
    from engine.scheme.model import Scheme

__all__ = ["project_schema"]

_ANY_TEXT = {"type": "string", "minLength": 1}
_LEAF = {"type": ["string", "number", "boolean", "null"]}
_WORDS = ("title", "description", "examples")
_VALUES = ("constant", "rule", "block", "rows", "nested")
_DRAFT = "http://json-schema.org/draft-07/schema#"


def project_schema(facts: Facts, scheme: Scheme | None = None) -> dict[str, Any]:
    """The schema of one scheme, or of any that is going to be written in the project.

    It is for editors: it knows names and labels, and takes whatever it does not know; `validate` judges.
    Draft 7, which all editors read; descriptions are in the language that is spoken.
    """
    made: dict[str, Any] = _spoken(copy.deepcopy(language_schema()))
    made["$schema"] = _DRAFT
    made["$id"] = f"urn:integration-engine:scheme:1:{scheme.id if scheme else 'project'}"
    known = made["$defs"]
    _about_connections(known, facts)
    _about_source(known, facts)
    _about_target(known, facts)
    _about_leaves(known, facts, scheme)
    _without_words(known)
    return made


def _about_connections(known: dict[str, Any], facts: Facts) -> None:
    named = [(name, catalog.label) for name, catalog in facts.connections.items()]
    if not named:
        return
    tables = [part for part in known["table"]["anyOf"] if "connection" in part["properties"]]
    for part in (known["source"], known["target"], *tables):
        part["properties"]["connection"] |= only(named)
    for part in tables:
        part["properties"]["interface"] |= suggested(
            ((each.name, each.label) for _, each in facts.interfaces("lookup")), _ANY_TEXT
        )


def _about_source(known: dict[str, Any], facts: Facts) -> None:
    source = known["source"]
    interfaces = [each for _, each in facts.interfaces("source")]
    named = [(each.name, text_of(each.label, each.description)) for each in interfaces]
    source["properties"]["interface"] |= only([*named, ("callback", tr("fed by other schemes"))])
    source["allOf"] = source.get("allOf", []) + [
        _where("interface", each.name, {"request": {"properties": dict(_properties(each.fields.values()))}})
        for each in interfaces
    ]


def _about_target(known: dict[str, Any], facts: Facts) -> None:
    target = known["target"]
    interfaces = [each for _, each in facts.interfaces("target")]
    named = [(each.name, text_of(each.label, each.description)) for each in interfaces]
    target["properties"]["interface"] |= only(named)
    forms = facts.forms()
    found = {each.form: each for each in facts.discovered.values() if each.form}
    labels = {name: form.label for name, form in forms.items()} | {
        name: (forms[name].label if name in forms else name) for name in found
    }
    target["properties"]["form"] |= suggested(labels.items(), _ANY_TEXT)
    conditions = [
        _where("form", name, {"mapping": {"$ref": f"#/$defs/form_{name}"}, **_keys(facts, name)})
        for name in labels
    ]
    for name in labels:
        known |= form_definitions(name, forms.get(name), found.get(name))
    for each in interfaces:
        parts: dict[str, Any] = {"options": {"properties": dict(_properties(each.options.values()))}}
        if each.stages:
            parts["until"] = only((stage, "") for stage in each.stages)
        if not each.forms and each.fields:
            parts["mapping"] = {"properties": dict(_properties(each.fields.values(), leaf=True))}
        conditions.append(_where("interface", each.name, parts))
    target["allOf"] = target.get("allOf", []) + conditions


def _keys(facts: Facts, form: str) -> dict[str, Any]:
    known = facts.forms().get(form)
    if known is None or not known.keys:
        return {}
    return {
        "key": suggested(
            ((key, known.fields[key].label) for key in known.keys if key in known.fields), _ANY_TEXT
        )
    }


def _about_leaves(known: dict[str, Any], facts: Facts, scheme: Scheme | None) -> None:
    """Paths where a path may stand, tables where one is named, and the filters of templates."""
    paths: list[tuple[str, str, str]] = []
    if scheme is not None and not scheme.is_callback:
        catalog = facts.connections.get(scheme.source.connection or "")
        interface = catalog.interfaces.get(scheme.source.interface) if catalog else None
        paths = source_paths(facts.discovered.get(scheme.id), interface)
    every = {path: told for path, told, _ in paths}
    single = {path: told for path, told, kind in paths if kind not in ("array", "object")}
    known["leaf"] = suggested(single.items(), _LEAF)
    filters = tr("filters: {names}", names=", ".join(sorted(KNOWN_FILTERS)))
    known["constant"]["allOf"] = [{"$ref": "#/$defs/leaf"}]
    rule = known["rule"]["properties"]
    for told in (rule["value"], known["target"]["properties"]["mapping"]):
        told["description"] = f"{told['description']} {filters}"
    for key in ("value", "default"):
        rule[key]["allOf"] = [{"$ref": "#/$defs/leaf"}]
    tables = dict.fromkeys(scheme.tables, "") if scheme is not None else {}
    rule["lookup"] |= suggested(tables.items(), _ANY_TEXT)
    rows = {f"{path}[*]": told for path, told, kind in paths if kind == "array" and "[*]" not in path}
    known["block"]["properties"]["each"] |= suggested(rows.items(), _ANY_TEXT)
    for key in ("id", "number"):
        whole = {path: told for path, told in every.items() if path in single and path.startswith("$")}
        known["source"]["properties"][key] |= suggested(whole.items(), _ANY_TEXT)


def _without_words(known: dict[str, Any]) -> None:
    """``value``: what a mapping takes, as ``mapped``, without words of its own, so that an editor shows those
    of the field."""
    for name in _VALUES:
        shown = {key: part for key, part in known[name].items() if key not in _WORDS}
        known[f"value_{name}"] = shown
    for name in ("fields", "nested", "value_nested"):
        known[name] = known[name] | {"additionalProperties": {"$ref": "#/$defs/value"}}
    known["value"] = {"anyOf": [{"$ref": f"#/$defs/value_{name}"} for name in _VALUES]}


def _where(key: str, value: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """`parts` are the properties where `key` has this value."""
    return {
        "if": {"properties": {key: {"const": value}}, "required": [key]},
        "then": {"properties": dict(parts)},
    }


def _properties(fields: Iterable[Field], *, leaf: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in fields:
        told = text_of(one.label, one.type, tr("required") if one.required else "", one.description)
        shown: dict[str, Any] = {"title": one.label or one.name, "description": told}
        if leaf:
            shown["allOf"] = [{"$ref": "#/$defs/value"}]
        elif one.enum:
            shown |= suggested(((value, "") for value in one.enum), _LEAF)
        yield one.name, shown


def _spoken(part: Any) -> Any:
    """The schema with its descriptions in the language that is spoken, and without the engine's own marks."""
    if isinstance(part, list):
        return [_spoken(one) for one in part]
    if not isinstance(part, dict):
        return part
    if current() == "zh" and isinstance(part.get("x-description-zh"), str):
        part["description"] = part["x-description-zh"]
    return {key: _spoken(value) for key, value in part.items() if not key.startswith("x-")}
