"""What to say of each way in which a scheme's shape can be wrong."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.findings import Finding, nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.nodes import Node

__all__ = ["Problem", "complain"]

_AGGREGATION = re.compile(r"aggregat|group_?by|merge|combine|split|join", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule of the JSON Schema: its `kind` and `value`, the `schema` around it, and the node.

    `name` is the key under which the node stands; `resolve` follows a reference of the schema.
    """

    kind: str
    schema: Mapping[str, Any]
    value: Any
    instance: Any
    node: Node
    name: str
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]]

    @property
    def title(self) -> str:
        """What the node is, in words."""
        return tr(self.schema["title"]) if "title" in self.schema else f'"{self.name}"'


def complain(problem: Problem) -> list[Finding]:
    """The findings of a problem."""
    return list(_MAKERS.get(problem.kind, _general)(problem))


def _bad_name(problem: Problem) -> Iterator[Finding]:
    key = str(problem.instance)
    form = problem.schema.get("x-form", "")
    yield Finding("S204", problem.node.keys[key], tr('"{name}" must be {form}', name=key, form=tr(form)))


def _unknown_keys(problem: Problem) -> Iterator[Finding]:
    known = list(problem.schema["properties"])
    title = problem.title
    for key, child in problem.node.items():
        if key in known:
            continue
        place = problem.node.keys.get(key, child.position)
        if _AGGREGATION.search(key):
            yield Finding(
                "S207",
                place,
                tr('"{key}" is not known: in version 1 one record becomes one document', key=key),
                hint=tr("to make rows from a table of the record, use {line}", line="each: … row: …"),
            )
            continue
        close = nearest(key, known)
        known_text = tr("known are {names}", names=", ".join(known))
        yield Finding(
            "S201",
            place,
            tr('unknown key "{key}" in {what}', key=key, what=title),
            hint=tr('did you mean "{word}"?', word=close) if close else known_text,
        )


def _missing_keys(problem: Problem) -> Iterator[Finding]:
    known = list(problem.schema.get("properties", {}))
    misspelt = {nearest(key, known) for key, _ in problem.node.items() if key not in known}
    for key in problem.value:
        if problem.node.get(key) is not None or key in misspelt:
            continue
        about = problem.resolve(problem.schema.get("properties", {}).get(key, {}))
        yield Finding(
            "S203",
            problem.node.position,
            tr('{what} lacks "{key}"', what=problem.title, key=key),
            hint=_example(key, about),
        )


def _example(key: str, about: Mapping[str, Any]) -> str | None:
    examples = about.get("examples") or ([about["const"]] if "const" in about else [])
    if not examples or isinstance(examples[0], (dict, list)):
        return tr("add {line}", line=f"{key}: …")
    shown = json.dumps(examples[0], ensure_ascii=False)
    return tr("add e.g. {line}", line=f"{key}: {shown}")


_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _type_of(node: Node) -> str:
    if node.is_mapping:
        return tr("a mapping")
    if node.is_list:
        return tr("a list")
    if node.value is None:
        return tr("empty")
    if isinstance(node.value, bool):
        return tr("true or false")
    return tr("a text") if isinstance(node.value, str) else tr("a number")


def _wrong_type(problem: Problem) -> Iterator[Finding]:
    wanted = problem.value
    scalars = isinstance(wanted, list) and len(wanted) >= 3
    words = [wanted] if isinstance(wanted, str) else wanted
    hint = None
    if problem.node.value is None:
        hint = tr("fill it in, or remove the key")
    elif "string" in words and not problem.node.is_mapping and not problem.node.is_list:
        hint = tr("put quotes around it: {line}", line=f'{problem.name}: "{_plain_text(problem.node)}"')
    if scalars:
        message = tr(
            '"{name}" must be a single value, not {got}', name=problem.name, got=_type_of(problem.node)
        )
    else:
        either = tr(" or ").join(tr(_TYPES[word]) for word in words)
        message = tr(
            '"{name}" must be {wanted}, not {got}',
            name=problem.name,
            wanted=either,
            got=_type_of(problem.node),
        )
    yield Finding("S202", problem.node.position, message, hint=hint)


def _plain_text(node: Node) -> str:
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def _not_allowed(problem: Problem) -> Iterator[Finding]:
    known = [str(value) for value in problem.value]
    close = nearest(str(problem.node.value), known)
    yield Finding(
        "S204",
        problem.node.position,
        tr(
            '"{name}" cannot be "{value}"; known are {names}',
            name=problem.name,
            value=problem.node.value,
            names=", ".join(known),
        ),
        hint=tr('did you mean "{word}"?', word=close) if close else None,
    )


def _wrong_form(problem: Problem) -> Iterator[Finding]:
    form = problem.schema.get("x-form", "")
    yield Finding(
        "S204",
        problem.node.position,
        tr(
            '"{name}" must be {form}, not "{value}"',
            name=problem.name,
            form=tr(form),
            value=problem.node.value,
        ),
    )


def _constant(problem: Problem) -> Iterator[Finding]:
    value = json.dumps(problem.value)
    yield Finding(
        "S204",
        problem.node.position,
        tr('"{name}" can only be {value}', name=problem.name, value=value),
        hint=tr("write {line}, or leave it out", line=f"{problem.name}: {value}"),
    )


def _empty(problem: Problem) -> Iterator[Finding]:
    hint = tr("fill it in, or remove the key")
    yield Finding("S205", problem.node.position, tr('"{name}" is empty', name=problem.name), hint=hint)


def _too_small(problem: Problem) -> Iterator[Finding]:
    least = problem.value
    yield Finding(
        "S204", problem.node.position, tr('"{name}" must be at least {least}', name=problem.name, least=least)
    )


def _no_branch(problem: Problem) -> Iterator[Finding]:
    branches = [problem.resolve(branch) for branch in problem.value]
    known = [key for branch in branches for key in branch.get("properties", {})]
    if problem.node.is_mapping and known:
        for key, child in problem.node.items():
            if key not in known and (close := nearest(key, known)) is not None:
                place = problem.node.keys.get(key, child.position)
                message = tr('unknown key "{key}" in {what}', key=key, what=f'"{problem.name}"')
                yield Finding("S201", place, message, hint=tr('did you mean "{word}"?', word=close))
                return
    titles = tr(" or ").join(tr(branch.get("title", "?")) for branch in branches)
    yield Finding(
        "S209", problem.node.position, tr('"{name}" must be {titles}', name=problem.name, titles=titles)
    )


def _one_of(problem: Problem) -> Iterator[Finding]:
    keys = [branch["required"][0] for branch in problem.value]
    given = [key for key in keys if problem.node.get(key) is not None]
    known = list(problem.schema["properties"])
    if not given and any(nearest(key, keys) for key in problem.node.keys if key not in known):
        return  # one of them is there, misspelt
    place = problem.node.keys[given[1]] if len(given) > 1 else problem.node.position
    got = tr("it has {names}", names=", ".join(given)) if given else tr("it has none")
    message = tr("{what} needs exactly one of {names}", what=problem.title, names=", ".join(keys))
    yield Finding("S209", place, message, hint=got)


def _dependent(problem: Problem) -> Iterator[Finding]:
    for key, needed in problem.value.items():
        for other in needed:
            if problem.node.get(key) is not None and problem.node.get(other) is None:
                message = tr('"{key}" needs "{other}" beside it', key=key, other=other)
                yield Finding("S203", problem.node.position, message)


def _general(problem: Problem) -> Iterator[Finding]:
    yield Finding("S204", problem.node.position, tr('"{name}" is not as it must be', name=problem.name))


_MAKERS = {
    "additionalProperties": _unknown_keys,
    "anyOf": _no_branch,
    "const": _constant,
    "dependentRequired": _dependent,
    "enum": _not_allowed,
    "minItems": _empty,
    "minLength": _empty,
    "minProperties": _empty,
    "minimum": _too_small,
    "oneOf": _one_of,
    "pattern": _wrong_form,
    "propertyNames": _bad_name,
    "required": _missing_keys,
    "type": _wrong_type,
}
