"""What becomes of a record under a scheme: wait, skip, hold, fail, or a document to send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.errors import EngineError, FailureClass, LedgerError, QuotaSpent, RecordError
from engine.language import tr
from engine.ledger.rows import Fault
from engine.run.tables import LookupPending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.mapping.mapper import Mapped
    from engine.mapping.templates import Template
    from engine.run.changes import Change, Doubt
    from engine.run.lane import Lane
    from engine.run.watch import Sight

LONGEST_KEY = 400
"""Characters that the ledger holds of a key, on every database."""

__all__ = [
    "Failed",
    "FormChanged",
    "Held",
    "Mappable",
    "Skipped",
    "Undecided",
    "Verdict",
    "Waiting",
    "fault_of",
    "judge",
    "judge_early",
    "map_record",
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not final yet: to be asked for again."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Final, and left out by the scheme's own condition."""

    reason: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Final, and a human must decide."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot become a document."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class FormChanged(Failed):
    """Its form is not the one that the scheme was written for; a human may take it as it is."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Its form lacks something; whether that was a change shows when the run has read the rest."""


@dataclass(frozen=True, slots=True)
class Mappable:
    """It is to be sent: its key, the payload, and what it is worth."""

    key: str
    payload: dict[str, Any]
    amount: Decimal | None
    guarded: Decimal
    mapped: Mapped


Verdict = Waiting | Skipped | Held | Failed | Mappable


async def judge(lane: Lane, record: Mapping[str, Any], source_id: str, *, as_it_is: bool = False) -> Verdict:
    """Judge a record: `final` first, then `go_live`, `where`, `hold`, then its form, then the mapping.

    `as_it_is` takes the form whatever it is. A failure of the record is a verdict; a look-up that nobody
    could answer is one too, of class transient.
    Raises QuotaSpent, CredentialsError, ConfigurationError and LedgerError, which concern all records.
    """
    verdict = await _judge(lane, record, source_id, late=True, as_it_is=as_it_is)
    assert not isinstance(verdict, Undecided)
    return verdict


async def judge_early(lane: Lane, record: Mapping[str, Any], source_id: str) -> Verdict | Undecided:
    """The same while others are still to be read, of which more may be learnt about the form."""
    return await _judge(lane, record, source_id, late=False, as_it_is=False)


async def _judge(
    lane: Lane, record: Mapping[str, Any], source_id: str, *, late: bool, as_it_is: bool
) -> Verdict | Undecided:
    while True:
        try:
            watch = lane.watch
            sight = watch.look(source_id, record, late=late, as_it_is=as_it_is) if watch else None
            return _decide(lane, record, source_id, sight)
        except LookupPending as pending:
            verdict = await _fetch(lane, pending)
            if verdict is not None:
                return verdict
        except RecordError as error:
            return Failed(fault_of(error, lane))
        except EngineError:
            raise
        except Exception as error:  # a defect of ours; it must not stop the other records
            kind = type(error).__name__
            reason = tr("the engine itself failed on this record: {kind}: {error}", kind=kind, error=error)
            return Failed(Fault(reason, FailureClass.DATA))


async def _fetch(lane: Lane, pending: LookupPending) -> Failed | None:
    try:
        await lane.tables.fetch(pending.table, pending.key)
    except RecordError as error:
        return Failed(fault_of(error, lane))
    except EngineError as error:
        if error.exit_code == 2 or isinstance(error, QuotaSpent | LedgerError):
            raise
        reason = tr("table '{table}' could not be asked: {error}", table=pending.table, error=error.message)
        return Failed(Fault(reason, FailureClass.TRANSIENT))
    return None


def _decide(
    lane: Lane, record: Mapping[str, Any], source_id: str, sight: Sight | None
) -> Verdict | Undecided:
    source = lane.scheme.source
    final = _answer(lane, record, sight, "final", source.final)
    if final is not True:
        return final or Waiting()
    early = _before_go_live(lane, record)
    if early is not None:
        return early
    taken = _answer(lane, record, sight, "where", source.where)
    if isinstance(taken, FormChanged | Undecided):
        return taken
    if source.where is not None and not taken:
        text = tr("left out by `where: {text}`", text=source.where.text)
        return Skipped(text, source.where.position.line)
    if sight is not None and (about := sight.about("hold")):
        return _changed(sight, about)
    if source.hold is not None and _holds(lane, record, source.hold):
        reason = tr("held by `hold: {text}`: changed or revoked after approval", text=source.hold.text)
        position = source.hold.position
        fault = Fault(
            reason,
            FailureClass.CHANGED_AFTER_APPROVAL,
            file=position.file,
            line=position.line,
        )
        return Held(fault)
    if sight is not None and sight.found:
        return _changed(sight, sight.found)
    _check_identity(lane, record, source_id)
    mapped = map_record(lane, record)
    if sight is not None:
        sight.passed()
    return mapped


def _answer(
    lane: Lane, record: Mapping[str, Any], sight: Sight | None, part: str, condition: Template | None
) -> bool | FormChanged | Undecided:
    """Whether a condition holds; where it reads a field whose form was changed, whatever that field held."""
    if condition is None:
        return True
    about = sight.about(part) if sight is not None else ()
    if sight is None or not about:
        return _holds(lane, record, condition)
    answers: set[bool | None] = set()
    for supposed in sight.supposed(record, about):
        try:
            answers.add(_holds(lane, supposed, condition))
        except RecordError:
            answers.add(None)
    answer = answers.pop() if len(answers) == 1 else None
    return _changed(sight, about) if answer is None else answer


def _changed(sight: Sight, about: Sequence[Change | Doubt]) -> FormChanged | Undecided:
    fault = sight.stop(about)
    if fault is not None:
        return FormChanged(fault)
    sight.postpone()
    return Undecided()


def _holds(lane: Lane, record: Mapping[str, Any], condition: Template) -> bool:
    return bool(lane.evaluator.evaluate(condition, record, lane.params, lane.tables.find))


def _check_identity(lane: Lane, record: Mapping[str, Any], source_id: str) -> None:
    """The ledger's identity and the scheme's must be one: an `id` that is not stable could pay twice."""
    if lane.source is None:
        return
    path = lane.scheme.source.id
    found = path.find(record)
    if len(found) != 1 or str(found[0]) != source_id:
        raise RecordError(
            tr(
                "`id: {path}` gives '{found}', the source calls this record '{id}'",
                path=path.text,
                found=", ".join(map(str, found)),
                id=source_id,
            ),
            failure=FailureClass.CONFIGURATION,
            path=path.text,
            position=lane.scheme.source.position,
        )


def map_record(lane: Lane, record: Mapping[str, Any]) -> Mappable:
    """Map one record. Raises RecordError, or LookupPending for a table entry to fetch first."""
    mapped = lane.mapper.map(record, lane.params, lane.tables.find)
    target = lane.scheme.target
    key = lane.target.key_of(mapped.payload, target.key)
    if not key:
        raise RecordError(
            tr("the document has no '{key}': without its idempotency key it is not sent", key=target.key),
            field=target.key,
            position=target.position,
        )
    if len(key) > LONGEST_KEY:
        text = tr(
            "the idempotency key '{key}' has {length} characters; {most} are the most",
            key=target.key,
            length=len(key),
            most=LONGEST_KEY,
        )
        raise RecordError(text, field=target.key, position=target.position)
    amount = lane.target.amount(mapped.payload)
    guard = target.guard
    guarded = amount or Decimal(0)
    if guard is not None and guard.of is not None:
        guarded = _sum(mapped.payload, guard.of)  # amounts are sent as they stand in the document
    return Mappable(key, mapped.payload, amount, guarded, mapped)


def _sum(document: Mapping[str, Any], of: str) -> Decimal:
    table, _, field = of.rpartition(".")
    rows = document.get(table) or [] if table else [document]
    values = [row.get(field) for row in rows]
    return sum((Decimal(str(value)) for value in values if value not in (None, "")), Decimal(0))


def _before_go_live(lane: Lane, record: Mapping[str, Any]) -> Skipped | None:
    go_live = lane.params.get("go_live")
    if not isinstance(go_live, datetime):
        return None
    extend = record.get("extend")
    text = extend.get("finish_time") if isinstance(extend, dict) else record.get("finish_time")
    if not text:
        return None
    try:
        finished = datetime.fromisoformat(str(text))
    except ValueError:
        raise RecordError(
            tr("finish_time '{text}' is no time", text=text), path="extend.finish_time"
        ) from None
    if finished.tzinfo is None:
        finished = finished.replace(tzinfo=SHANGHAI)
    if finished >= go_live:
        return None
    return Skipped(
        tr(
            "finished {finished}, before go_live {go_live}",
            finished=text,
            go_live=f"{go_live:%Y-%m-%d %H:%M}",
        )
    )


def fault_of(error: RecordError, lane: Lane) -> Fault:
    """A record's error as the ledger keeps it."""
    position = error.position
    reason = f"{error.message} ({error.hint})" if error.hint else error.message
    return Fault(
        reason,
        error.failure,
        field=error.field,
        label=error.label,
        path=error.path,
        file=position.file if position else str(lane.scheme.file),
        line=position.line if position else None,
    )
