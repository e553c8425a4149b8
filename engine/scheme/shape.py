"""Hold a scheme against the JSON Schema, and say what is wrong in the words of the branch that was meant."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from engine.findings import Finding
from engine.language import tr
from engine.scheme.complaints import Problem, complain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.nodes import Node

__all__ = ["VERSION", "check_shape", "resolve", "schema"]

VERSION = 1

_REFERENCE = re.compile(r"\$\{\s*(?:env|file|keyring)\s*:[^}]*\}?")


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of schemes, as published."""
    text = files(__package__).joinpath("scheme.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check_shape(node: Node) -> list[Finding]:
    """All that is wrong with the shape of a scheme: keys, types, allowed values; in the file's order."""
    findings = list(_references(node))
    if not node.is_mapping:
        what = tr("the file is empty") if node.value is None else tr("a scheme must be a mapping")
        return [
            Finding("S205", node.position, what, hint=tr("begin with {line}", line=f"version: {VERSION}"))
        ]
    version = node.get("version")
    if version is not None and version.value != VERSION:
        return [*findings, _wrong_version(version)]
    for error in _validator().iter_errors(node.plain()):
        findings.extend(_translate(error, node))
    return sorted(findings, key=lambda finding: finding.position)


def _wrong_version(node: Node) -> Finding:
    return Finding(
        "S206",
        node.position,
        tr('version "{version}" is not known; this engine reads version 1', version=node.value),
        hint=tr("write {line}", line=f"version: {VERSION}"),
    )


def _references(node: Node) -> Iterator[Finding]:
    """``${env:X}`` anywhere: a scheme is copied from hand to hand and must not reach into the machine."""
    if isinstance(node.value, str) and (found := _REFERENCE.search(node.value)):
        yield Finding(
            "S109",
            replace(node.text_position, column=node.text_position.column + found.start()),
            tr('"{reference}" belongs in connections.yaml; a scheme holds no references', reference=found[0]),
            hint=tr("make it a param, and give its value in connections.yaml under 'values'"),
        )
    for child in node.value if isinstance(node.value, tuple) else [child for _, child in node.items()]:
        yield from _references(child)


# --- the validator ----------------------------------------------------------------------------------------


def _kind(instance: Any) -> str:
    if isinstance(instance, dict):
        return "object"
    return "array" if isinstance(instance, list) else "scalar"


def _meant(branches: Sequence[Mapping[str, Any]], instance: Any) -> Mapping[str, Any] | None:
    """The branch of an ``anyOf`` whose ``x-when`` fits: by a key that tells it, or by the kind of value."""
    for branch in branches:
        when = branch["x-when"]
        if "has" in when and isinstance(instance, dict) and any(key in instance for key in when["has"]):
            return branch
        if when.get("type") == _kind(instance):
            return branch
    return None


def _any_of(validator: Any, branches: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if "x-when" not in branches[0]:  # not for dispatching, but a condition of the schema itself
        if not any(validator.evolve(schema=branch).is_valid(instance) for branch in branches):
            yield ValidationError("no branch")
        return
    branch = _meant(branches, instance)
    if branch is not None:
        yield from validator.descend(instance, branch)
    else:
        yield ValidationError("no branch", validator="anyOf", validator_value=branches)


def _required(validator: Any, required: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and any(key not in instance for key in required):
        yield ValidationError("missing")


def _closed(validator: Any, extra: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    for key, value in instance.items():
        if key in known:
            continue
        if extra is False:
            yield ValidationError("unknown")
            return
        yield from validator.descend(value, extra, path=key)


@cache
def _validator() -> Any:
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "number",
        lambda _, value: isinstance(value, (int, Decimal)) and not isinstance(value, bool),
    )
    made: Any = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        validators={"anyOf": _any_of, "required": _required, "additionalProperties": _closed},
        type_checker=checker,
    )
    return made(schema())


# --- from errors to findings ------------------------------------------------------------------------------


def _at(root: Node, path: Sequence[Any]) -> Node:
    node = root
    for part in path:
        child = node.value[part] if node.is_list or node.is_mapping else node
        node = child
    return node


def _translate(error: ValidationError, root: Node) -> list[Finding]:
    """The findings of one error: at the key for an unknown key, at the mapping for a missing one."""
    path = list(error.absolute_path)
    names = [str(part) for part in path if isinstance(part, str)]
    kind = "propertyNames" if "propertyNames" in error.absolute_schema_path else str(error.validator)
    problem = Problem(
        kind=kind,
        schema=error.schema if isinstance(error.schema, dict) else {},
        value=error.validator_value,
        instance=error.instance,
        node=_at(root, path),
        name=names[-1] if names else tr("the scheme"),
        resolve=resolve,
    )
    return complain(problem)


def resolve(branch: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the schema with its reference followed; its own words win over the reference's."""
    if "$ref" in branch:
        return {**schema()["$defs"][branch["$ref"].rsplit("/", 1)[-1]], **branch}
    return branch
