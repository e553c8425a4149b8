"""The tests inside a scheme: whether they can be run at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.language import tr
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.records import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.nodes import Node

__all__ = ["check_tests"]


def check_tests(look: Look) -> None:
    """Files of records are there, names are told apart, params and tables are the scheme's."""
    names: set[str] = set()
    nodes = look.node("tests")
    given = [node for node in nodes.value if node.is_mapping] if nodes.is_list else []
    for spec, node in zip(look.scheme.tests, given, strict=True):
        if spec.name in names:
            place = (node.get("name") or node).position
            look.warning("S601", place, tr('another test is called "{name}" too', name=spec.name))
        names.add(spec.name)
        _check_names(look, node, "params", look.scheme.params)
        _check_names(look, node, "tables", look.scheme.tables)
        if spec.record_file is not None:
            try:
                read_record(spec, look.scheme.file.parent)
            except SchemeError as error:
                look.error("S602", error.position or spec.position, error.message, error.hint)


def _check_names(look: Look, node: Node, kind: str, known: Iterable[str]) -> None:
    given = node.get(kind)
    if given is None:
        return
    names = list(known)
    for name in given.keys:
        if name not in names:
            message = tr('the scheme has no {kind} "{name}"', kind=tr(_KINDS[kind]), name=name)
            look.error("S603", given.keys[name], message, did_you_mean(name, names))


_KINDS = {"params": "param", "tables": "table"}
