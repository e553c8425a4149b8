"""Read connections.yaml: which systems there are, how they are reached, and the values of schemes' params."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.connector.environments import (
    SANDBOX,
    Connection,
    Environment,
    SchemeValues,
    Settings,
    is_loopback,
    secret_reference,
)
from engine.connector.limits import Limits, parse_duration, read_limits
from engine.connector.references import Reference, Secret, holds_reference
from engine.connector.registry import catalog, connector_class
from engine.errors import ConfigurationError, Position, SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from engine.connector.catalog import Field
    from engine.nodes import Node

__all__ = [
    "FILE_NAME",
    "SANDBOX",
    "Connection",
    "Environment",
    "Limits",
    "SchemeValues",
    "Secret",
    "Settings",
    "find_connections",
    "is_loopback",
    "load_settings",
    "parse_duration",
]

FILE_NAME = "connections.yaml"
_OWN_KEYS = ("connector", "limits", "unique", "simulator")
_BUILT_IN = Position("(built in)")
_SANDBOX_TABLES = ".engine/sandbox/tables"
"""Where the sandbox's tables go, so that invented data never lie among those that real runs read."""


def find_connections(start: Path) -> Path | None:
    """The nearest connections.yaml in `start` or upward of it, or None."""
    folder = start.resolve()
    for place in (folder, *folder.parents):
        candidate = place / FILE_NAME
        if candidate.is_file():
            return candidate
    return None


def load_settings(path: Path | None) -> Settings:
    """The settings in a file, with the sandbox built in when it lacks one; the built-in ones alone for None.

    Nothing is looked up yet: `Connection.resolved` does that. Raises SchemeError or ConfigurationError with
    the place of the first thing that is wrong.
    """
    if path is None:
        return Settings(None, {SANDBOX: _built_in_sandbox({})})
    root = read_yaml(path)
    if root.value is None:
        return Settings(path, {SANDBOX: _built_in_sandbox({})})
    _check_mapping(root, FILE_NAME)
    _check_keys(root, ("environments", "values"))
    values = _read_values(root.get("values"), path.parent)
    environments: dict[str, Environment] = {}
    given = root.get("environments")
    if given is not None and given.value is not None:
        _check_mapping(given, "environments")
        for name, node in given.items():
            environments[name] = _read_environment(name, node, path.parent, values.pop(name, {}))
    if SANDBOX not in environments:
        environments[SANDBOX] = _built_in_sandbox(values.pop(SANDBOX, {}))
    _refuse_orphans(root, values, environments)
    return Settings(path, environments)


def _built_in_sandbox(values: Mapping[str, SchemeValues]) -> Environment:
    plain = read_limits(None, sandbox=True)
    simulators: dict[str, dict[str, Any]] = {"dingtalk": {"seed": 1, "instances": 40}, "kingdee": {}}
    limits = {name: _with_usual_rate(plain, name) for name in simulators}
    unique = {"kingdee": ("FBillNo",)}
    connections = {
        name: Connection(
            name=name,
            connector=name,
            settings={},
            limits=limits[name],
            environment=SANDBOX,
            position=_BUILT_IN,
            unique=unique.get(name, ()),
            simulator=settings,
        )
        for name, settings in simulators.items()
    }
    connections["tables"] = Connection(
        name="tables",
        connector="tables",
        settings={"folder": _SANDBOX_TABLES},
        limits=plain,
        environment=SANDBOX,
        position=_BUILT_IN,
        unique=("version",),
    )
    return Environment(SANDBOX, connections, values)


def _read_environment(name: str, node: Node, folder: Path, values: Mapping[str, SchemeValues]) -> Environment:
    _check_mapping(node, name)
    connections = {
        key: _read_connection(key, child, name, folder, node.keys.get(key, child.position))
        for key, child in node.items()
    }
    return Environment(name, connections, values)


def _read_connection(name: str, node: Node, environment: str, folder: Path, place: Position) -> Connection:
    _check_mapping(node, name)
    connector = node.get("connector")
    if connector is None or not isinstance(connector.value, str):
        raise SchemeError(
            tr('the connection "{name}" does not say which connector it uses', name=name),
            position=connector.position if connector else place,
            hint=tr("write e.g. {line}", line="connector: dingtalk"),
        )
    try:
        fields = catalog(connector.value).settings
    except ConfigurationError as error:
        raise ConfigurationError(error.message, position=connector.position, hint=error.hint) from error
    _check_keys(node, (*_OWN_KEYS, *fields))
    simulator = _read_simulator(node.get("simulator"))
    made = Connection(
        name=name,
        connector=connector.value,
        settings=_read_fields(node, fields, folder, place, complete=simulator is None),
        limits=_with_usual_rate(
            read_limits(node.get("limits"), sandbox=environment == SANDBOX), connector.value
        ),
        environment=environment,
        position=place,
        unique=_read_unique(node.get("unique")),
        simulator=simulator,
    )
    made.refuse_bad_urls()
    made.refuse_beyond_loopback()
    return made


def _with_usual_rate(limits: Limits, connector: str) -> Limits:
    if limits.per_second is not None:
        return limits
    return replace(limits, per_second=connector_class(connector).usual_rate)


def _read_fields(
    node: Node, fields: Mapping[str, Field], folder: Path, place: Position, *, complete: bool
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, field in fields.items():
        value = node.get(key)
        if value is not None and value.value is not None:
            settings[key] = _read_setting(key, value, field, folder)
        elif field.default is not None:
            settings[key] = field.default
        elif field.required and complete:
            raise ConfigurationError(
                tr('"{key}" ({label}) is missing', key=key, label=field.label or key), position=place
            )
    return settings


def _read_setting(key: str, node: Node, field: Field, folder: Path) -> Any:
    if node.is_mapping or node.is_list:
        raise SchemeError(tr('"{key}" must be a single value', key=key), position=node.position)
    text = node.value if isinstance(node.value, str) else str(node.value)
    if holds_reference(text):
        reference = Reference(text, node.position, folder)
        reference.check()
        return secret_reference(reference) if field.secret else reference
    if field.secret:
        return Secret(text)
    if field.enum and text not in field.enum:
        close = nearest(text, field.enum)
        raise SchemeError(
            tr(
                '"{key}" cannot be "{value}"; known are {names}',
                key=key,
                value=text,
                names=", ".join(field.enum),
            ),
            position=node.position,
            hint=tr('did you mean "{word}"?', word=close) if close else None,
        )
    if field.type == "path":
        return str((folder / text).resolve())
    if field.type in ("integer", "boolean"):
        kind = int if field.type == "integer" else bool
        if type(node.value) is not kind:
            raise SchemeError(
                tr('"{key}" must be of type {type}', key=key, type=field.type), position=node.position
            )
        return node.value
    return text


def _read_simulator(node: Node | None) -> dict[str, Any] | None:
    if node is None:
        return None
    if node.value is None:
        return {}
    _check_mapping(node, "simulator")
    plain: dict[str, Any] = node.plain()
    return plain


def _read_unique(node: Node | None) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    names = node.value if node.is_list else (node,)
    for name in names:
        if not isinstance(name.value, str):
            raise SchemeError(tr('"unique" must be a list of field names'), position=name.position)
    return tuple(name.value for name in names)


def _read_values(node: Node | None, folder: Path) -> dict[str, dict[str, SchemeValues]]:
    if node is None or node.value is None:
        return {}
    _check_mapping(node, "values")
    read: dict[str, dict[str, SchemeValues]] = {}
    for environment, schemes in node.items():
        _check_mapping(schemes, environment)
        read[environment] = {
            name: _read_scheme_values(name, child, folder) for name, child in schemes.items()
        }
    return read


def _read_scheme_values(name: str, node: Node, folder: Path) -> SchemeValues:
    _check_mapping(node, name)
    _check_keys(node, ("params", "tables"))
    params, tables = node.get("params"), node.get("tables")
    for part, key in ((params, "params"), (tables, "tables")):
        if part is not None and part.value is not None:
            _check_mapping(part, key)
    return SchemeValues(
        params={key: child.plain() for key, child in params.items()} if params else {},
        tables=dict(tables.items()) if tables else {},
        folder=folder,
        positions={key: child.position for key, child in params.items()} if params else {},
    )


def _refuse_orphans(root: Node, values: Mapping[str, object], environments: Iterable[str]) -> None:
    node = root.get("values")
    for name in values:
        close = nearest(name, environments)
        raise SchemeError(
            tr('"values" speak of an environment "{name}" that is not there', name=name),
            position=node.keys.get(name) if node else None,
            hint=tr('did you mean "{word}"?', word=close) if close else None,
        )


def _check_mapping(node: Node, name: str) -> None:
    if not node.is_mapping:
        raise SchemeError(tr('"{name}" must be a mapping', name=name), position=node.position)


def _check_keys(node: Node, known: Iterable[str]) -> None:
    names = list(known)
    for key, child in node.items():
        if key not in names:
            close = nearest(key, names)
            raise SchemeError(
                tr('unknown key "{key}"', key=key),
                position=node.keys.get(key, child.position),
                hint=tr('did you mean "{word}"?', word=close)
                if close
                else tr("known are {names}", names=", ".join(names)),
            )
