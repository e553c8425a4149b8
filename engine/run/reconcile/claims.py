"""The source's side: what it lists in the period, judged by the scheme as it is now.

A record is read only where the ledger lacks its final snapshot, or where others say that they change it; what
is read is kept, as any read is, so that the next run pays no second call for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.connector.api import Amending, Item, Listing, Span, SpanRefused
from engine.errors import RecordError, Unreachable, UsageError
from engine.language import tr
from engine.ledger import comparing, records
from engine.run.judge import Failed, Held, Mappable, Skipped, Verdict, Waiting, fault_of, judge
from engine.run.paging import Pages
from engine.run.reconcile.bills import dated
from engine.run.reconcile.model import Claim, Standing
from engine.run.reconcile.outline import Outline
from engine.run.window import cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import date, datetime

    from engine.connector.api import Amendment
    from engine.ledger.comparing import Known
    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

__all__ = ["Claims"]

_NARROWEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of a record; `held` is why a run would hold it, where it is told what it would be else."""

    verdict: Verdict
    held: str = ""


class Claims:
    """Reads the claims of one lane."""

    def __init__(self, lane: Lane, work: Work) -> None:
        assert lane.source is not None
        assert lane.origin is not None
        self._lane = lane
        self._work = work
        self._source = lane.source
        self._system = lane.origin.system
        self._created = lane.origin.connector.creation_time
        self._outline = Outline(lane)
        scheme = lane.scheme
        self._unheld = replace(lane, scheme=replace(scheme, source=replace(scheme.source, hold=None)))

    async def listed(self, since: datetime, until: datetime) -> AsyncIterator[Claim]:
        """Every claim that the source lists as made in since ≤ t < until, each once.

        Raises UsageError where the source lists nothing so old, Unreachable where a listing is not whole:
        half a listing would call bills made by hand that are not.
        """
        longest = self._source.longest_span
        spans: list[Span | None] = [None] if longest is None else [*cut(since, until, longest)]
        seen: set[str] = set()
        for span in spans:
            async for page in self._pages(span):
                fresh = [item for item in page if item.id not in seen]
                seen.update(item.id for item in fresh)
                for claim in await self._claims(fresh, inside=True):
                    yield claim

    async def named(self, ids: Sequence[str]) -> list[Claim]:
        """Claims by their ids, whenever they were made."""
        return await self._claims([Item(id) for id in ids], inside=False)

    async def anew(self, claim: Claim) -> Claim:
        """A claim as the source has it now, though the ledger's snapshot is final, which is left as it is."""
        try:
            record = await self._source.get(claim.id)
        except RecordError as error:
            return self._failed(claim.id, claim.record_id, error, inside=claim.inside)
        verdict = await self._judged(claim.id, record)
        return self._claim(claim.id, claim.record_id, record, verdict, inside=claim.inside)

    async def kept(self, id: str, row: int, snapshot: dict[str, Any]) -> Claim:
        """A claim as the ledger holds it, without reading anything."""
        return self._claim(id, row, snapshot, await self._judged(id, snapshot), inside=False)

    # --- listing --------------------------------------------------------------------------------------

    async def _pages(self, span: Span | None) -> AsyncIterator[Sequence[Item]]:
        """The pages of a span; one that is cut off for its size is listed again by halves."""
        cursor = None
        divisible = span is not None and span.end - span.start > _NARROWEST
        pages = Pages(self._source.most_items, can_be_halved=divisible)
        while True:
            try:
                page = await self._source.page(self._lane.request, span, cursor)
            except SpanRefused as refused:
                raise UsageError(
                    tr("the source does not list what is so old: {reason}", reason=refused),
                    hint=tr("begin later with --since"),
                ) from None
            if page.fault is not None:
                raise Unreachable(page.fault)
            cursor = pages.next(page)
            yield page.items
            if cursor is None:
                break
        if pages.cut_off and span is not None:
            del pages
            middle = span.start + (span.end - span.start) / 2
            for half in (Span(span.start, middle), Span(middle, span.end)):
                async for items in self._pages(half):
                    yield items

    # --- reading and judging --------------------------------------------------------------------------

    async def _claims(self, items: Sequence[Item], *, inside: bool) -> list[Claim]:
        ids = [item.id for item in items]
        known = await self._work.ledger.do(
            lambda tx: comparing.known(tx, self._system, self._lane.family, ids)
        )
        made = [self._one(item, known.get(item.id), inside=inside) for item in items]
        return list(await asyncio.gather(*made))

    async def _one(self, item: Item, known: Known | None, *, inside: bool) -> Claim:
        if item.record is not None:
            row = known.row if known else await self._row(item.id)
            record = dict(item.record)
            return self._claim(item.id, row, record, await self._judged(item.id, record), inside=inside)
        if known is not None and known.final and known.snapshot is not None:
            verdict = await self._judged(item.id, known.snapshot)
            return self._claim(item.id, known.row, known.snapshot, verdict, inside=inside)
        try:
            record = await self._source.get(item.id)
        except RecordError as error:
            row = known.row if known else await self._row(item.id)
            return self._failed(item.id, row, error, inside=inside)
        verdict = await self._judged(item.id, record)
        row = await self._keep(item.id, record, final=not isinstance(verdict.verdict, Waiting))
        return self._claim(item.id, row, record, verdict, inside=inside)

    async def _judged(self, id: str, record: dict[str, Any]) -> _Judged:
        """What the scheme makes of a record. One that is held, and changes no other, is mapped all the same:
        it may have been paid before it was to be held, and then it counts for what it is worth."""
        verdict = await judge(self._lane, record, id)
        if not isinstance(verdict, Held) or self._amendment(record) is not None:
            return _Judged(verdict)
        mapped = await judge(self._unheld, record, id)
        return _Judged(mapped, verdict.fault.reason) if isinstance(mapped, Mappable) else _Judged(verdict)

    def _amendment(self, record: dict[str, Any]) -> Amendment | None:
        return self._source.amends(record) if isinstance(self._source, Amending) else None

    async def _row(self, id: str) -> int:
        system, family, now = self._system, self._lane.family, self._work.clock.now()
        return await self._work.ledger.do(lambda tx: records.register(tx, system, family, [id], now)[id])

    async def _keep(self, id: str, record: dict[str, Any], *, final: bool) -> int:
        system, family, now = self._system, self._lane.family, self._work.clock.now()
        number = self._number(record) or None

        def write(tx: Transaction) -> int:
            row = records.register(tx, system, family, [id], now)[id]
            records.keep_snapshot(tx, row, record, number, final, now)
            return row

        return await self._work.ledger.do(write)

    def _claim(self, id: str, row: int, record: dict[str, Any], judged: _Judged, *, inside: bool) -> Claim:
        lane, outlined = self._lane, self._outline.of(record)
        number = self._number(record) or id
        source, amends = self._source, self._amendment(record)
        amended_by = source.amended_by(record) if isinstance(source, Amending) else ()
        claim = Claim(
            id,
            number,
            row,
            Standing.FAILED,
            key=outlined.key,
            day=outlined.day or self._made(number, id),
            organisation=outlined.organisation,
            amends=amends,
            amended_by=amended_by,
            inside=inside,
        )
        match judged.verdict:
            case Waiting():
                return replace(claim, standing=Standing.WAITING)
            case Skipped(reason=reason, line=line):
                return replace(claim, standing=Standing.LEFT_OUT, reason=reason, early=line is None)
            case Held(fault=fault) if amends is not None:
                return replace(claim, standing=Standing.AMENDS, reason=fault.reason)
            case Failed(fault=fault) | Held(fault=fault):
                return replace(claim, reason=_placed(fault.reason, fault.file, fault.line))
            case Mappable(key=key, payload=payload):
                facts = lane.target.facts(payload)
                day = lane.target.day_of(payload) if isinstance(lane.target, Listing) else None
                return replace(
                    claim,
                    standing=Standing.DUE,
                    reason=judged.held,
                    key=key,
                    facts=dated(facts, day),
                    day=day or claim.day,
                    organisation=str(facts.get("organisation", "")),
                )

    def _failed(self, id: str, row: int, error: RecordError, *, inside: bool) -> Claim:
        fault = fault_of(error, self._lane)
        return Claim(id, id, row, Standing.FAILED, reason=fault.reason, day=self._made(id, id), inside=inside)

    def _number(self, record: dict[str, Any]) -> str:
        found = self._lane.scheme.source.number.find(record)
        return str(found[0]) if found and found[0] not in (None, "") else ""

    def _made(self, number: str, id: str) -> date | None:
        made = self._created(number) or self._created(id)
        return made.astimezone(SHANGHAI).date() if made else None


def _placed(reason: str, file: str | None, line: int | None) -> str:
    return f"{reason} [{file}:{line}]" if file and line else reason
