"""What a run would send, without sending: source records beside their documents.

Records that a preview reads are kept in the ledger as any read is, so that the run that follows costs no
second call; no delivery is made, and no watermark moves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.errors import EngineError, FailureClass, LedgerError, RecordError, UsageError
from engine.language import tr
from engine.ledger import deliveries, events, records
from engine.ledger.rows import State
from engine.run.judge import (
    Failed,
    FormChanged,
    Held,
    Mappable,
    Skipped,
    Undecided,
    Verdict,
    Waiting,
    fault_of,
    judge,
    judge_early,
)
from engine.run.life import reissued
from engine.run.setup import window_start
from engine.run.window import plan_window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.connector.api import Item
    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work

__all__ = ["Previewed", "preview_all", "preview_file", "preview_id"]

_UNSENT = (State.WAITING, State.READY, State.FAILED)
_LARGEST_FILE = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Previewed:
    """One record, and what would become of it; `standing` is how far the ledger says that it has come."""

    id: str
    number: str | None
    record: Mapping[str, Any]
    verdict: Verdict | Undecided
    standing: Delivery | None = None

    @property
    def outcome(self) -> str:
        """In one word: deliver, already, retry, waiting, skipped, held or failed.

        `already` was delivered before; `retry` can be sent, but goes out only when a human says so.
        """
        if self.standing is not None and isinstance(self.verdict, Mappable):
            return _outcome_of(self.standing)
        names = {Waiting: "waiting", Skipped: "skipped", Held: "held", Mappable: "deliver"}
        return names.get(type(self.verdict), "failed")

    @property
    def reason(self) -> str | None:
        """Why it would not be sent."""
        match self.verdict:
            case Skipped(reason=reason):
                return reason
            case Failed(fault=fault) | Held(fault=fault):
                return f"{fault.field}: {fault.reason}" if fault.field else fault.reason
        standing = self.standing
        match self.outcome:
            case "already":
                return standing.target_number if standing else None
            case "retry":
                return tr("goes out with `engine records retry` only")
        return None

    def as_json(self) -> dict[str, Any]:
        mappable = self.verdict if isinstance(self.verdict, Mappable) else None
        return {
            "id": self.id,
            "number": self.number,
            "outcome": self.outcome,
            "reason": self.reason,
            "amount": None if mappable is None or mappable.amount is None else format(mappable.amount, "f"),
            "record": self.record,
            "document": mappable.payload if mappable else None,
        }


def _outcome_of(standing: Delivery) -> str:
    """What the next run does with a document that can be sent."""
    transient = standing.fault is not None and standing.fault.failure == FailureClass.TRANSIENT
    match standing.state:
        case State.DELIVERED | State.DONE:
            return "already"
        case State.SKIPPED:
            return "retry"
        case State.FAILED if not transient:
            return "retry"
    return "deliver"


async def preview_file(lane: Lane, path: Path) -> Previewed:
    """Preview the record in a JSON file. Raises UsageError for a file that holds none."""
    record = _record_in(path)
    found = lane.scheme.source.id.find(record)
    return await _judged(lane, str(found[0]) if found else "", record)


def _record_in(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(tr("'{path}' is larger than 10 MB", path=path))
        record = jsontext.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(tr("'{path}' holds no JSON record: {error}", path=path, error=error)) from None
    if not isinstance(record, dict):
        raise UsageError(tr("'{path}' must hold one JSON object", path=path))
    return record


async def preview_id(lane: Lane, work: Work, name: str) -> Previewed:
    """Preview a record by its id or number: as the ledger holds it, else read from the source by its id."""
    assert lane.origin is not None
    system, family = lane.origin.system, lane.family
    await _look_back(lane, work)
    kept = await work.ledger.do(lambda tx: records.by_name(tx, system, family, name))
    if kept is not None and kept[1] is not None:
        return await _standing(lane, work, await _judged(lane, kept[0], kept[1]))
    return await _standing(lane, work, await _read(lane, work, kept[0] if kept else name))


async def preview_all(lane: Lane, work: Work, *, limit: int | None = None) -> AsyncIterator[Previewed]:
    """Preview everything that the scheme's window holds, oldest span first."""
    assert lane.source is not None
    now = work.clock.now()
    start = window_start(lane, now)
    window = await plan_window(lane, work, now, start=start, since=start, until=None, counted=False)
    await _look_back(lane, work)
    postponed: list[Previewed] = []
    seen: dict[str, str] = {}
    left = limit
    for span in window.spans:
        cursor: Any = None
        while left is None or left > 0:
            page = await lane.source.page(lane.request, span, cursor)
            for item in page.items[:left]:
                shown = await _item(lane, work, item)
                if isinstance(shown.verdict, Undecided):
                    postponed.append(shown)
                    continue
                yield await _standing(lane, work, shown, seen)
            left = None if left is None else left - len(page.items)
            cursor = page.cursor
            if cursor is None:
                break
    for one in postponed:
        yield await _standing(lane, work, await _judged(lane, one.id, dict(one.record)), seen)


async def _look_back(lane: Lane, work: Work) -> None:
    """Learn what forms the scheme's last documents came from."""
    if lane.watch is not None:
        await lane.watch.load(work.ledger)


async def _standing(
    lane: Lane, work: Work, shown: Previewed, seen: dict[str, str] | None = None
) -> Previewed:
    """The same, with what the ledger knows of its delivery, and of others that say the same."""
    scheme, system = lane.scheme.id, lane.to.system
    found = await work.ledger.do(lambda tx: deliveries.find(tx, scheme, system, names=[shown.id]))
    standing = next((each for each in found if each.source_id == shown.id), None)
    if standing is not None and isinstance(shown.verdict, FormChanged):
        kept = standing
        if await work.ledger.do(lambda tx: events.has(tx, kept.id, kept.record_id, events.FORM_ACCEPTED)):
            shown = replace(shown, verdict=await judge(lane, dict(shown.record), shown.id, as_it_is=True))
    if isinstance(shown.verdict, Mappable) and (standing is None or standing.state in _UNSENT):
        now, met = work.clock.now(), {} if seen is None else seen
        held = await work.ledger.do(lambda tx: reissued.foreseen(tx, lane, standing, shown.record, now, met))
        if held is not None:
            shown = replace(shown, verdict=Held(held))
    return replace(shown, standing=standing)


async def _item(lane: Lane, work: Work, item: Item) -> Previewed:
    assert lane.origin is not None
    if item.record is not None:
        return await _judged(lane, item.id, dict(item.record), late=False)
    system, family = lane.origin.system, lane.family
    kept = await work.ledger.do(lambda tx: records.by_name(tx, system, family, item.id))
    if kept is not None and kept[1] is not None:
        shown = await _judged(lane, item.id, kept[1], late=False)
        if not isinstance(shown.verdict, Waiting):
            return shown
    return await _read(lane, work, item.id, late=False)


async def _read(lane: Lane, work: Work, id: str, *, late: bool = True) -> Previewed:
    assert lane.source is not None
    try:
        record = await lane.source.get(id)
    except RecordError as error:
        return Previewed(id, None, {}, Failed(fault_of(error, lane)))
    shown = await _judged(lane, id, record, late=late)
    await _keep(lane, work, shown)
    return shown


async def _keep(lane: Lane, work: Work, shown: Previewed) -> None:
    assert lane.origin is not None
    system, family, now = lane.origin.system, lane.family, work.clock.now()

    def write(tx: Transaction) -> None:
        row = records.register(tx, system, family, [shown.id], now)[shown.id]
        final = not isinstance(shown.verdict, Waiting)
        records.keep_snapshot(tx, row, dict(shown.record), shown.number, final, now)

    await work.ledger.do(write)


async def _judged(lane: Lane, id: str, record: dict[str, Any], *, late: bool = True) -> Previewed:
    found = lane.scheme.source.number.find(record)
    number = str(found[0]) if found and found[0] not in (None, "") else None
    try:
        verdict = await (judge if late else judge_early)(lane, record, id)
    except EngineError as error:
        if error.exit_code == 2 or isinstance(error, LedgerError):
            raise
        verdict = Failed(replace(fault_of(RecordError(error.message), lane), line=None))
    return Previewed(id, number, record, verdict)
