"""Learning the fields of a scheme's source and of its target's form; reads, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.connector.api import Describing, DescribingForms
from engine.connector.registry import catalog
from engine.errors import ConfigurationError, EngineError
from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.stored import latest
from engine.run.preview import preview_all
from engine.scheme.discovered.learn import learn
from engine.scheme.discovered.model import Discovered, FoundField

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.connector.api import Described
    from engine.connector.catalog import Field
    from engine.ledger.port import Transaction
    from engine.run.lane import Bound, Lane, Work

__all__ = ["Learnt", "discover_form", "discover_source", "form_subject"]

_LOOKED_AT = 5
"""Of the ledger's records so many times more are looked at than are wanted: other schemes' are among them."""
_AT_ONCE = 500
_READ = 40


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of a source; `problem` is why its system did not describe the form."""

    found: Discovered
    described: bool
    problem: str | None = None


async def discover_source(lane: Lane, work: Work, last: int) -> Learnt:
    """From the scheme's last records in the ledger, or some that are read where it has none, and from what
    the source's system says of the form.

    Raises what reading raises where there are neither.
    """
    assert lane.origin is not None
    assert lane.source is not None
    described, problem = await _described(lane)
    records = await _stored(lane, work, last)
    if not records:
        records = await _read(lane, work, needed=described is None)
    interface = catalog(lane.origin.connection.connector).interfaces[lane.scheme.source.interface]
    fields = learn(records, described, interface.response)
    found = Discovered(lane.scheme.id, work.environment, fields, len(records))
    return Learnt(found, described is not None, problem)


async def _described(lane: Lane) -> tuple[list[Described] | None, str | None]:
    """The form, where the system tells it; a refusal is no reason not to learn from records."""
    if not isinstance(lane.source, Describing):
        return None, None
    try:
        return await lane.source.describe(lane.request), None
    except EngineError as error:
        return None, error.message


async def _stored(lane: Lane, work: Work, last: int) -> Sequence[Mapping[str, Any]]:
    assert lane.origin is not None
    system = lane.origin.system
    stored = await work.ledger.do(lambda tx: latest(tx, system, lane.family, last * _LOOKED_AT))
    own: list[Mapping[str, Any]] = []
    for first in range(0, len(stored), _AT_ONCE):
        part = stored[first : first + _AT_ONCE]
        known = await work.ledger.do(partial(_delivered, lane, [each.source_id for each in part]))
        own += [each.snapshot for each in part if each.source_id in known]
        if len(own) >= last:
            break
    return own[:last]


def _delivered(lane: Lane, ids: Sequence[str], tx: Transaction) -> set[str]:
    """Those that the scheme has to do with."""
    found = deliveries.find(tx, lane.scheme.id, lane.to.system, names=ids)
    return {each.source_id for each in found}


async def _read(lane: Lane, work: Work, *, needed: bool) -> Sequence[Mapping[str, Any]]:
    """Some records, the newest first; none where they cannot be read and are not needed."""
    try:
        read = [shown.record async for shown in preview_all(lane, work, limit=_READ)]
    except EngineError:
        if needed:
            raise
        return []
    return read[::-1]


# --- forms of a target -----------------------------------------------------------------------------------


def form_subject(bound: Bound, form: str) -> str:
    """Under which name a form's discovery is kept."""
    return f"{bound.connection.name}.{form}"


async def discover_form(bound: Bound, form: str, environment: str) -> Discovered:
    """A form as the target has it. Raises ConfigurationError where the target cannot tell, and what reading
    raises."""
    if not isinstance(bound.connector, DescribingForms):
        raise ConfigurationError(
            tr("'{name}' cannot tell the fields of its forms", name=bound.connection.name)
        )
    told = await bound.connector.describe_form(form)
    fields = tuple(_form_fields(told.fields, ()))
    return Discovered(form_subject(bound, form), environment, fields, form=form)


def _form_fields(fields: Mapping[str, Field], above: Sequence[str]) -> Iterator[FoundField]:
    for name, field in fields.items():
        names = (*above, name)
        refers = field.description if field.type == "base" else ""
        yield FoundField(names, field.label or name, field.type, required=field.required, refers=refers)
        yield from _form_fields(field.fields, names)
