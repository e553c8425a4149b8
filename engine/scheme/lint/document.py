"""The mapping against the target's form: fields unknown, missing, out of order, or no fields at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.findings import nearest
from engine.language import tr
from engine.mapping.parse import RULE_KEYS
from engine.nodes import Node
from engine.scheme.lint.look import Look, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.connector.catalog import Field, Form, Interface
    from engine.errors import Position

__all__ = ["Written", "check_document", "check_guard", "written_fields"]

_OPTIONS = {
    "FormId": 'target: "form"',
    "Operation": 'target: "interface"',
    "IsAutoSubmitAndAudit": 'target: "until: audit"',
    "IsVerifyBaseDataField": 'target: "options: {IsVerifyBaseDataField: true}"',
}


@dataclass(frozen=True, slots=True)
class Written:
    """One group of fields that the mapping writes: the document itself, an object, or a block's row."""

    path: tuple[str, ...]
    node: Node


def written_fields(node: Node, path: tuple[str, ...] = ()) -> Iterator[Written]:
    """Each group of fields of a mapping, outermost first."""
    yield Written(path, node)
    for key, child in node.items():
        for group in _groups(child):
            yield from written_fields(group, (*path, key))


def _groups(node: Node) -> list[Node]:
    """The groups of fields that a field's value holds: rows of its blocks, or the object itself."""
    if node.is_list:
        return [group for part in node.value for group in _groups(part)]
    if not node.is_mapping or node.get("value") is not None:
        return []
    if node.get("each") is not None:
        row = node.get("row")
        return [row] if row is not None and row.is_mapping else []
    return [node]


def check_document(look: Look, form: Form | None, interface: Interface | None) -> None:
    """Everything the form's catalog can tell about the mapping; without a form, the call options alone."""
    mapping = look.node("target", "mapping")
    if not mapping.is_mapping:
        return
    options = {*_OPTIONS, *(interface.options if interface else ())}
    for group in written_fields(mapping):
        fields = _fields_at(form, group.path) if form else None
        for key, place in group.node.keys.items():
            known = fields.get(key) if fields else None
            if known is None and key in options:
                _option(look, key, place, interface)
            elif fields and known is None and form is not None:
                _unknown(look, form, group, key, place, fields)
            elif known is not None:
                _check_base(look, known, group.node.value[key])
        if fields:
            _check_complete(look, group, fields)
            _check_order(look, group.node, fields)


def _fields_at(form: Form, path: tuple[str, ...]) -> Mapping[str, Field] | None:
    """The fields that may stand in a group; None where the catalog does not list them."""
    if not path:
        return form.fields
    field = form.field(path)
    return field.fields if field is not None and field.type != "base" else None


def _option(look: Look, key: str, place: Position, interface: Interface | None) -> None:
    where = _OPTIONS.get(key, f'target: "options: {{{key}: …}}"')
    message = tr('"{key}" is a call option, no field of the document', key=key)
    hint = tr("remove it; it belongs in the {where}", where=where)
    look.error("S422", place, message, hint)


def _unknown(
    look: Look, form: Form, group: Written, key: str, place: Position, fields: Mapping[str, Field]
) -> None:
    """A field that the catalog lacks. A real form has more fields than a catalog lists, but a target may pass
    over a misspelt one in silence: what looks misspelt is an error, unless the scheme gives it a label."""
    path = group.path
    elsewhere = form.field((key,)) if path else None
    message = tr('"{form}" has no field "{field}"', form=form.name, field=".".join((*path, key)))
    hint = did_you_mean(key, fields)
    if elsewhere is not None and nearest(key, fields) is None:
        hint = tr('"{field}" is a field of the document itself, not of its rows', field=key)
    if form.open and not _misspelt(key, group.node.value[key], fields) and elsewhere is None:
        look.warning("S421", place, message, hint)
        return
    if form.open:
        sure = tr("if the form has it, say so with a label: {line}", line=f"{key}: {{value: …, label: …}}")
        hint = tr("{hint}; {more}", hint=hint, more=sure) if hint else sure
    look.error("S421", place, message, hint)


def _misspelt(key: str, node: Node, fields: Mapping[str, Field]) -> bool:
    """Whether an unknown field looks like a known one that was meant; a label of its own says it was not."""
    labelled = node.is_mapping and node.get("value") is not None and node.get("label") is not None
    return not labelled and nearest(key, fields) is not None


def _check_base(look: Look, field: Field, node: Node) -> None:
    """An object in a base-data field is sent as written: its key must be the vendor's, capitals and all."""
    if field.type != "base" or field.base is None or not node.is_mapping:
        return
    if any(key in RULE_KEYS for key in node.value):
        return  # a rule, well or badly written
    for key in node.keys:
        misspelt = key != field.base and key.casefold() == field.base.casefold()
        # A vendor's own keys (FNumber, FUserID) begin with F; any other is a slip, passed over in silence.
        if misspelt or key[:1].casefold() != field.base[:1].casefold():
            message = tr('"{field}" takes "{base}", not "{key}"', field=field.name, base=field.base, key=key)
            hint = tr("write the number alone: it is wrapped by itself")
            look.error("S426", node.keys[key], message, hint)


def _check_complete(look: Look, group: Written, fields: Mapping[str, Field]) -> None:
    """Required and usual fields are written. One that is there, misspelt, is an error already."""
    given = group.node.value
    misspelt = {
        nearest(key, fields) for key in given if key not in fields and _misspelt(key, given[key], fields)
    }
    for name, field in fields.items():
        if name in given and field.required and given[name].value in ("", None):
            shown = ".".join((*group.path, name))
            message = tr(
                'the required field "{field}" ({label}) is empty', field=shown, label=field.label or name
            )
            look.error("S423", given[name].position, message, tr("write what it is to hold"))
            continue
        if name in group.node.value or name in misspelt or not (field.required or field.usual):
            continue
        shown, label = ".".join((*group.path, name)), field.label or name
        hint = tr("add {line}", line=f"{name}: …")
        if field.required:
            message = tr('the required field "{field}" ({label}) is missing', field=shown, label=label)
            look.error("S423", group.node.position, message, hint)
        else:
            message = tr('"{field}" ({label}) is usually written', field=shown, label=label)
            look.hint("S424", group.node.position, message, hint)


def _check_order(look: Look, node: Node, fields: Mapping[str, Field]) -> None:
    """The target applies fields in their order, so that a unit's type must come before the unit."""
    order = list(node.value)
    for index, name in enumerate(order):
        kind = fields[name].unit_type if name in fields else None
        if kind in order[index + 1 :]:
            message = tr('"{field}" stands before "{kind}", which says what it is', field=name, kind=kind)
            hint = tr('put "{kind}" above "{field}"', kind=kind, field=name)
            look.warning("S425", node.keys[name], message, hint)


def check_guard(look: Look) -> None:
    """The field that the guard sums is written by the mapping."""
    guard = look.scheme.target.guard
    if guard is None or guard.of is None:
        return
    path = tuple(guard.of.split("."))
    written = {
        (*group.path, key)
        for group in written_fields(look.node("target", "mapping"))
        for key in group.node.keys
    }
    if path not in written:
        message = tr('the mapping does not write "{field}"', field=guard.of)
        names = sorted(".".join(name) for name in written if len(name) == len(path) or name[-1] == path[-1])
        look.error(
            "S708", look.node("target", "guard", "of").position, message, did_you_mean(guard.of, names)
        )
