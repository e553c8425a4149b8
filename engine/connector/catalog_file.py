"""Read a connector's catalog strictly: a typo is an error. `engine.connector.catalog` has the format."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from engine.connector.catalog import Catalog, Field, Form, Interface
from engine.errors import SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine.nodes import Node

__all__ = ["TYPES", "load_catalog"]

TYPES = ("string", "integer", "decimal", "boolean", "date", "datetime", "base", "object", "array", "path")
_ROLES = ("source", "lookup", "target")
_ASKING = ("first", "unclear", "never")


@cache
def load_catalog(path: Path) -> Catalog:
    """The catalog in a file; read once a process. Raises SchemeError at the place of a mistake."""
    root = _mapping(read_yaml(path), "catalog")
    values = _entries(root, _CATALOG, required=("connector",))
    return Catalog(
        connector=values["connector"],
        label=values.get("label", ""),
        settings=values.get("settings", {}),
        interfaces=values.get("interfaces", {}),
        forms=values.get("forms", {}),
    )


def _mapping(node: Node, name: str) -> Node:
    if not node.is_mapping:
        raise SchemeError(tr('"{name}" must be a mapping', name=name), position=node.position)
    return node


def _entries(
    node: Node, readers: Mapping[str, Callable[[Node], Any]], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Each entry read by the reader of its key; unknown and missing keys are errors."""
    values: dict[str, Any] = {}
    for key, child in node.items():
        reader = readers.get(key)
        if reader is None:
            close = nearest(key, readers)
            raise SchemeError(
                tr('unknown key "{key}"', key=key),
                position=node.keys.get(key, child.position),
                hint=tr('did you mean "{word}"?', word=close)
                if close
                else tr("known are {names}", names=", ".join(readers)),
            )
        values[key] = reader(child)
    for key in required:
        if key not in values:
            raise SchemeError(tr('"{key}" is missing', key=key), position=node.position)
    return values


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise SchemeError(tr("a text belongs here"), position=node.position)
    return node.value.strip()


def _boolean(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise SchemeError(tr("true or false belongs here"), position=node.position)
    return node.value


def _integer(node: Node) -> int:
    if type(node.value) is not int or node.value < 1:
        raise SchemeError(tr("a whole number above 0 belongs here"), position=node.position)
    return node.value


def _one_of(*known: str) -> Callable[[Node], str]:
    def read(node: Node) -> str:
        text = _text(node)
        if text not in known:
            raise SchemeError(
                tr('"{value}" is unknown; known are {names}', value=text, names=", ".join(known)),
                position=node.position,
            )
        return text

    return read


def _texts(node: Node) -> tuple[str, ...]:
    if not node.is_list:
        raise SchemeError(tr("a list belongs here"), position=node.position)
    return tuple(str(child.value) for child in node.value)


def _roles(node: Node) -> tuple[str, ...]:
    _texts(node)
    return tuple(_one_of(*_ROLES)(child) for child in node.value)


def _text_map(node: Node) -> dict[str, str]:
    return {key: _text(child) for key, child in _mapping(node, "mapping").items()}


def _fields(node: Node) -> dict[str, Field]:
    return {key: _field(key, child) for key, child in _mapping(node, "fields").items()}


def _field(name: str, node: Node) -> Field:
    values = _entries(_mapping(node, name), _FIELD)
    if values.get("type") == "base" and "base" not in values:
        raise SchemeError(tr('"{key}" is missing', key="base"), position=node.position)
    return Field(name=name, **values)


def _interfaces(node: Node) -> dict[str, Interface]:
    return {
        key: Interface(name=key, **_entries(_mapping(child, key), _INTERFACE, required=("roles",)))
        for key, child in _mapping(node, "interfaces").items()
    }


def _forms(node: Node) -> dict[str, Form]:
    read: dict[str, Form] = {}
    for key, child in _mapping(node, "forms").items():
        values = _entries(_mapping(child, key), _FORM, required=("label", "fields"))
        form = Form(name=key, **values)
        named = [*form.keys, *form.compare.values(), *filter(None, (form.amount, form.date))]
        named += [path for path in form.aliases.values() if not path.startswith("options.")]
        for path in named:
            if form.field(tuple(path.split("."))) is None:
                raise SchemeError(
                    tr('the form "{form}" has no field "{path}"', form=key, path=path),
                    position=child.position,
                )
        read[key] = form
    return read


_FIELD: dict[str, Callable[[Node], Any]] = {
    "label": _text,
    "type": _one_of(*TYPES),
    "description": _text,
    "required": _boolean,
    "usual": _boolean,
    "moved": _boolean,
    "secret": _boolean,
    "base": _text,
    "unit_type": _text,
    "default": lambda node: node.plain(),
    "enum": _texts,
    "choices": _text,
    "fields": _fields,
}
_INTERFACE: dict[str, Callable[[Node], Any]] = {
    "label": _text,
    "method": _one_of("GET", "POST"),
    "description": _text,
    "roles": _roles,
    "family": _text,
    "metered": _boolean,
    "fields": _fields,
    "response": _fields,
    "open": _boolean,
    "keys": _texts,
    "options": _fields,
    "forms": _boolean,
    "stages": _texts,
    "asking": _one_of(*_ASKING),
    "takes_back": _boolean,
    "batch": _integer,
    "aliases": _text_map,
    "draft": _text_map,
    "callback": _fields,
}
_FORM: dict[str, Callable[[Node], Any]] = {
    "label": _text,
    "keys": _texts,
    "amount": _text,
    "compare": _text_map,
    "date": _text,
    "open": _boolean,
    "fields": _fields,
    "aliases": _text_map,
}
_CATALOG: dict[str, Callable[[Node], Any]] = {
    "connector": _text,
    "label": _text,
    "settings": _fields,
    "interfaces": _interfaces,
    "forms": _forms,
}
