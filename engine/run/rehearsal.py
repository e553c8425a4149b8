"""What a change of a scheme would change: stored records mapped by both versions; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.ledger import deliveries
from engine.ledger.stored import latest
from engine.run.judge import Failed, Held, Mappable, Skipped, Waiting, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.ledger.rows import Delivery
    from engine.ledger.stored import Stored
    from engine.run.judge import Verdict
    from engine.run.lane import Lane, Work

__all__ = ["FieldChange", "Outcome", "Rehearsed", "rehearse"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a version makes of a record: ``deliver``, ``waiting``, ``skipped``, ``held`` or ``failed``."""

    word: str
    reason: str | None = None
    key: str | None = None
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a document that differs; None stands for a field that one of them does not have."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One record under both versions. `standing` is how far the ledger says that it has come."""

    id: str
    number: str | None
    standing: str | None
    old: Outcome
    new: Outcome
    fields: tuple[FieldChange, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything that a person would see is another."""
        return bool(self.fields) or self.becomes_another

    @property
    def becomes_another(self) -> bool:
        """Whether something else becomes of the record, or it fails for another reason. Why one is left out
        or held is a condition's text, which may be written in another way."""
        failed = self.old.word == self.new.word == "failed"
        return self.old.word != self.new.word or (failed and self.old.reason != self.new.reason)


async def rehearse(old: Lane, new: Lane, work: Work, last: int) -> list[Rehearsed]:
    """The last records of the source that `new` reads, under both; newest first.

    Look-ups are asked for as a run does, each once; the form is taken as it is.
    """
    assert new.origin is not None
    system, family = new.origin.system, new.family
    names = sorted({old.scheme.id, new.scheme.id})
    stored = await work.ledger.do(lambda tx: latest(tx, system, family, last, names))
    found = await work.ledger.do(
        lambda tx: deliveries.find(
            tx, new.scheme.id, new.to.system, names=[each.source_id for each in stored]
        )
    )
    standing = {each.source_id: each for each in found}
    before, after = replace(old, watch=None), replace(new, watch=None)
    return [await _both(before, after, each, standing.get(each.source_id)) for each in stored]


async def _both(old: Lane, new: Lane, record: Stored, standing: Delivery | None) -> Rehearsed:
    was = _outcome(await judge(old, dict(record.snapshot), record.source_id))
    becomes = _outcome(await judge(new, dict(record.snapshot), record.source_id))
    fields = tuple(_fields(was.document, becomes.document)) if was.document and becomes.document else ()
    state = str(standing.state) if standing is not None else None
    return Rehearsed(record.source_id, record.number, state, was, becomes, fields)


def _outcome(verdict: Verdict) -> Outcome:
    match verdict:
        case Waiting():
            return Outcome("waiting")
        case Skipped(reason=reason):
            return Outcome("skipped", reason)
        case Held(fault=fault):
            return Outcome("held", fault.reason)
        case Failed(fault=fault):
            return Outcome("failed", f"{fault.field}: {fault.reason}" if fault.field else fault.reason)
        case Mappable(key=key, payload=payload):
            return Outcome("deliver", key=key, document=payload)
    raise AssertionError(verdict)


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldChange]:
    """The leaves that differ, in the order of the new document; those that are gone at the end."""
    was, becomes = dict(_leaves(old, "")), dict(_leaves(new, ""))
    for path, value in becomes.items():
        if path not in was or was[path] != value:
            yield FieldChange(path, was.get(path), value)
    for path, value in was.items():
        if path not in becomes:
            yield FieldChange(path, value, None)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each single value with its path: ``FPAYBILLENTRY[0].FCOSTID``; wrapped base data counts as its code."""
    if isinstance(value, dict) and value and not _is_wrapped(value):
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, child in enumerate(value):
            yield from _leaves(child, f"{path}[{place}]")
    else:
        yield path, next(iter(value.values())) if isinstance(value, dict) and value else value


def _is_wrapped(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).casefold() in ("fnumber", "fstaffnumber", "fid")
