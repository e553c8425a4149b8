"""Whether an answer can stand where it will be written; told when it is given, not when the scheme is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.connector.references import Reference, holds_reference
from engine.errors import Position, SchemeError, UsageError
from engine.language import tr
from engine.mapping.parse import parse_condition, parse_mapping
from engine.mapping.paths import parse_path
from engine.market.wizard.draft import mapped
from engine.scheme.load import sound
from engine.yaml_edit import quoted
from engine.yaml_nodes import read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.findings import Finding

__all__ = ["condition", "no_reference", "path", "reference", "right_side"]

_FIELD = "F"
_HERE = Position("")


def no_reference(answer: str) -> None:
    """Raises UsageError for ``${env:X}``: a scheme is copied from hand to hand, and holds none."""
    if holds_reference(answer):
        raise UsageError(
            tr('"{answer}" is a reference; a scheme holds none, only connections.yaml does', answer=answer),
            hint=tr("give the value itself, or choose an environment that is not the sandbox"),
        )


def reference(answer: str) -> None:
    """Raises SchemeError for a reference that connections.yaml could not be read with."""
    if holds_reference(answer):
        Reference(answer, _HERE, Path()).check()


def condition(answer: str) -> None:
    """Raises UsageError for what is no condition over a record; an empty one is none at all."""
    no_reference(answer)
    if answer.strip():
        found: list[Finding] = []
        node = read_yaml_text(f"{_FIELD}: {quoted(answer.strip())}\n", "").get(_FIELD)
        assert node is not None
        parse_condition(node, found)
        _refuse(found)


def path(answer: str) -> None:
    """Raises an EngineError for what is no path into a record."""
    no_reference(answer)
    try:
        parse_path(answer.strip(), _HERE)
    except SchemeError as error:
        raise UsageError(error.message, hint=error.hint) from None


def right_side(nested: bool = False) -> Callable[[str], None]:
    """A check of a mapping's right side; `nested`: of a field within rows, where ``@.`` is the row."""

    def check(answer: str) -> None:
        no_reference(answer)
        if not answer.strip():
            return
        found: list[Finding] = []
        field = f"{_FIELD}: {mapped(answer.strip())}"
        text = f'R:\n  - each: "$.x[*]"\n    row:\n      {field}\n' if nested else f"{field}\n"
        try:
            node = read_yaml_text(text, "", found)
        except SchemeError as error:
            raise UsageError(error.message, hint=error.hint) from None
        parse_mapping(node, found)
        _refuse(found)

    return check


def _refuse(found: list[Finding]) -> None:
    if not sound(found):
        raise UsageError(found[0].message, hint=found[0].hint)
