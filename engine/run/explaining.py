"""Where every value of one record's document came from, and what each condition said. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.run.tables import LookupPending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.mapping.templates import Template
    from engine.mapping.tracing import Traced
    from engine.run.lane import Lane

__all__ = ["Condition", "Explained", "explain_record"]

_CONDITIONS = ("final", "where", "hold")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of the source; `holds` is None where it failed, for the reason in `problem`."""

    name: str
    text: str
    line: int
    holds: bool | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """One record's way into its document. `problem` is what stops it, `payload` what would be sent."""

    conditions: tuple[Condition, ...]
    fields: tuple[Traced, ...]
    payload: Mapping[str, Any] | None
    problem: RecordError | None = None


async def explain_record(lane: Lane, record: dict[str, Any]) -> Explained:
    """Explain a record, whatever its conditions say. Asks look-ups as a run does; raises what they raise."""
    while True:
        try:
            return _explained(lane, record)
        except LookupPending as pending:
            await lane.tables.fetch(pending.table, pending.key)


def _explained(lane: Lane, record: dict[str, Any]) -> Explained:
    source = lane.scheme.source
    conditions = tuple(
        _condition(lane, record, name, template)
        for name in _CONDITIONS
        if (template := getattr(source, name)) is not None
    )
    mapped, traced, problem = lane.mapper.trace(record, lane.params, lane.tables.find)
    return Explained(conditions, tuple(traced), mapped.payload if mapped is not None else None, problem)


def _condition(lane: Lane, record: dict[str, Any], name: str, template: Template) -> Condition:
    text, line = template.text, template.position.line
    try:
        holds = bool(lane.evaluator.evaluate(template, record, lane.params, lane.tables.find))
        return Condition(name, text, line, holds)
    except RecordError as error:
        return Condition(name, text, line, None, error.message)
