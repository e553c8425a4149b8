"""The target: connection, interface, form, stages, options, and the key that keeps documents single."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.connector.catalog import Form
from engine.language import tr
from engine.mapping.templates import is_template
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.lint.source import known_interface

if TYPE_CHECKING:
    from engine.connector.catalog import Catalog, Interface
    from engine.errors import Position
    from engine.nodes import Node

__all__ = ["check_target", "form_of"]


def check_target(look: Look) -> Form | None:
    """Whether the target can take the documents; the form they are made for, where it is known."""
    target = look.scheme.target
    at = {key: look.node("target", key).position for key in ("connection", "interface")}
    if not target.connection or not target.interface:
        return None
    interface = known_interface(
        look, target.connection, target.interface, "target", at["connection"], at["interface"]
    )
    catalog = look.reach.catalog(target.connection)
    if interface is None or catalog is None:
        return None
    _check_stage(look, interface)
    _check_options(look, interface)
    if target.batch is not None and target.batch > interface.batch:
        message = tr(
            '"{interface}" takes at most {most} documents at once',
            interface=interface.name,
            most=interface.batch,
        )
        look.error(
            "S707",
            look.node("target", "batch").position,
            message,
            tr("write {line}", line=f"batch: {interface.batch}"),
        )
    form = form_of(look, interface, catalog)
    if form is not None:
        _check_key(look, interface, form)
    return form


def form_of(look: Look, interface: Interface, catalog: Catalog) -> Form | None:
    """The form that is written: a named one, or the interface's own fields where it has no forms."""
    name = look.scheme.target.form
    place = look.node("target", "form").position
    if not interface.forms:
        if name is not None:
            message = tr('"{interface}" writes no form', interface=interface.name)
            look.error("S304", look.key("target", "form"), message, tr("remove it"))
        return Form(interface.name, interface.label, interface.fields, interface.keys)
    if name is None:
        if look.node("target", "form").value is None:
            message = tr(
                'the target lacks "form": "{interface}" writes one of several', interface=interface.name
            )
            look.error(
                "S203",
                look.node("target").position,
                message,
                tr("known are {names}", names=", ".join(catalog.forms)),
            )
        return None
    form = catalog.forms.get(name)
    if form is None:
        message = tr(
            '"{connection}" has no form "{name}"', connection=look.scheme.target.connection, name=name
        )
        look.error("S304", place, message, did_you_mean(name, catalog.forms))
        return look.reach.form(look.scheme.target.connection, name)
    return form


def _check_stage(look: Look, interface: Interface) -> None:
    until = look.scheme.target.until
    if until is None or until in interface.stages:
        return
    place = look.node("target", "until").position
    if not interface.stages:
        message = tr('"{interface}" has one stage only', interface=interface.name)
        look.error("S705", look.key("target", "until"), message, tr("remove it"))
        return
    look.error(
        "S705", place, tr('there is no stage "{name}"', name=until), did_you_mean(until, interface.stages)
    )


_REPLACED = {"IsAutoSubmitAndAudit": "until: audit"}


def _check_options(look: Look, interface: Interface) -> None:
    options = look.node("target", "options")
    for name, node in options.items():
        place = options.keys[name]
        if name in _REPLACED:
            message = tr('"{name}" is never sent: submit and audit are stages of their own', name=name)
            look.error("S706", place, message, tr("write {line} in the target", line=f'"{_REPLACED[name]}"'))
        elif name not in interface.options:
            message = tr('"{interface}" has no option "{name}"', interface=interface.name, name=name)
            look.error("S706", place, message, did_you_mean(name, interface.options))
        elif interface.options[name].type == "boolean" and not isinstance(node.value, bool):
            look.error("S706", node.position, tr('"{name}" must be true or false', name=name))


# --- the key ----------------------------------------------------------------------------------------------

_TIME = re.compile(
    r"\|\s*(?:date|datetime|time|unix_ms)\b|\b(?:create_time|finish_time|modified_time|now|today|run_id|random)\b"
)


def _check_key(look: Look, interface: Interface, form: Form) -> None:
    key = look.scheme.target.key
    if not key:
        return
    place = look.node("target", "key").position
    rule = look.node("target", "mapping").get(key)
    known = form.keys or interface.keys
    if known and key not in known:
        message = tr('"{key}" cannot be the key of "{form}": it cannot be asked for', key=key, form=form.name)
        look.error("S702", place, message, did_you_mean(key, known))
    elif rule is None:
        message = tr('the mapping lacks the key "{key}"', key=key)
        hint = tr("add e.g. {line}", line=f'{key}: "DD{{{{ extend.business_id }}}}"')
        look.error("S701", look.node("target", "mapping").position, message, hint)
        return
    _check_unique(look, interface, key, place)
    if rule is not None:
        _check_identity(look, rule, interface)


def _check_unique(look: Look, interface: Interface, key: str, place: Position) -> None:
    connection = look.reach.connection(look.scheme.target.connection)
    if connection is None or interface.asking != "first" or key in connection.unique:
        return
    look.warning(
        "S703",
        place,
        tr(
            '"{connection}" does not say that it keeps "{key}" unique: a request that outlives the settle'
            " time could then make a second document",
            connection=connection.name,
            key=key,
        ),
        tr("when the target keeps it unique, say so in connections.yaml: {line}", line=f"unique: [{key}]"),
    )


def _check_identity(look: Look, rule: Node, interface: Interface) -> None:
    """The key comes from the record's identity alone: the same at every run, another for every record."""
    leaf = rule.get("value") or rule
    text = leaf.value
    if leaf.is_mapping or leaf.is_list:
        return
    identities = [look.scheme.source.id, look.scheme.source.number]
    written = tuple(path.text.lstrip("$.") for path in identities)
    if interface.asking != "first" and look.scheme.is_callback and not _tells_error(text):
        written = ("result.number", "result.id")
    if not isinstance(text, str) or not (is_template(text) or text.startswith("$")):
        message = tr("the key is the same for every record")
    elif any(name in _dotted(text) for name in written):
        if not _TIME.search(text) or any(_TIME.search(name) for name in written):
            return
        message = tr("the key holds a time: another run or a correction would make another document")
    elif _TIME.search(text):
        message = tr("the key is made from a time, not from the record's identity")
    else:
        message = tr("the key is not made from the record's identity")
    names = tr(" or ").join(f'"{name}"' for name in dict.fromkeys(written))
    look.error("S704", leaf.position, message, tr("make it from {names}", names=names))


def _tells_error(text: object) -> bool:
    """True for a callback's text on a failure: it has an `error` to tell, and no `result` to name."""
    return isinstance(text, str) and re.search(r"\berror\b", text) is not None


def _dotted(text: str) -> str:
    """The text with ``record['extend']['x']`` written as ``record.extend.x``."""
    return re.sub(r"""\[\s*['"]([^'"]+)['"]\s*\]""", r".\1", text)
