"""Reading a source: list its spans, keep what they name, get each record once, judge it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.connector.api import Span, SpanRefused
from engine.errors import EngineError, QuotaSpent, Unreachable
from engine.language import tr
from engine.ledger import deliveries, events, records, windows
from engine.ledger.rows import Delivery, State
from engine.ledger.windows import SpanState
from engine.run.paging import Pages
from engine.run.window import cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engine.connector.api import Item
    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work
    from engine.run.pace import Pace
    from engine.run.window import Window

__all__ = ["Lister"]

_PAGE = 100
_ABREAST = 8
"""So many stretches of a long window are listed side by side, where the source has much to list."""
_LONG = timedelta(days=14)
_PROBE = 16
"""Of a long span that is new, this part is listed first, by itself: it tells how much there is."""
_MUCH = 100
"""So many records in that part make it worth while: each further stretch may cost one call more."""
_SHORTEST = timedelta(minutes=1)
"""A span that holds more than the source lists is halved down to this."""
_NARROWEST = timedelta(days=1)
"""A refused span is halved down to this before it is written off as a gap."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """A span that was listed: how many entries, whether there may be more, and what was no id among them."""

    seen: int
    cut_off: bool
    fault: str | None


class Lister:
    """Finds what one run of a scheme has to look at, and hands it to a bounded queue."""

    def __init__(
        self,
        lane: Lane,
        work: Work,
        queue: asyncio.Queue[Delivery | None],
        limit: int | None,
        source_system: str | None = None,
    ) -> None:
        self.source_system = source_system
        self.lane = lane
        self.work = work
        self.queue = queue
        self.left = limit

    # --- what an earlier run left ---------------------------------------------------------------------

    async def leftovers(self) -> None:
        """Records that were listed and never read, ready and never sent, or failed for a passing reason."""
        unread = [(State.WAITING, None), (State.READY, None), (State.FAILED, "transient")]
        for state, failure in unread:
            async for page in self._pages(state, failure):
                for delivery in page:
                    if not delivery.stage and (state is not State.WAITING or not delivery.asked):
                        await self.queue.put(delivery)

    async def waiting(self, recheck: bool, pace: Pace) -> None:
        """Ask again for records that were not final, as often as their age deserves."""
        now, run = self.work.clock.now(), self.work.run
        async for page in self._pages(State.WAITING, None):
            asked = [delivery for delivery in page if delivery.asked]
            ids = [delivery.id for delivery in asked]
            await self.work.ledger.do(partial(deliveries.touch, delivery_ids=ids, run=run))
            for delivery in asked:
                if recheck or delivery.final or is_due(delivery, now, pace):
                    await self.queue.put(delivery)
                else:
                    self.work.tally.waiting += 1

    async def _pages(self, state: State, failure: str | None) -> AsyncIterator[list[Delivery]]:
        """All deliveries in a state, by pages; one that this run moves into it meanwhile is not met again.

        Callbacks are born ready within the run; they are left alone only once they failed in it.
        """
        own = self.source_system is None or failure is not None
        read = partial(
            deliveries.in_states,
            scheme=self.lane.scheme.id,
            target_system=self.lane.to.system,
            states=[state],
            failure=failure,
            source_system=self.source_system,
            untouched_by=self.work.run if own else None,
            limit=_PAGE,
        )
        page = await self.work.ledger.do(read)
        while page and self.work.brake.may_read:
            yield page
            page = await self.work.ledger.do(partial(read, after=page[-1].id))

    # --- what is new ----------------------------------------------------------------------------------

    async def list_window(self, window: Window) -> None:
        """List the window's spans, oldest first. A span that breaks is listed anew by the next run."""
        for span in window.spans:
            if not self.work.brake.may_read or self.left == 0:
                return
            if span is None or not self._may_hold_much(window, span):
                await self._list_span(window, span)
            else:
                await self._list_long(window, span)

    async def _list_long(self, window: Window, span: Span) -> None:
        """List a long span: a small part of it first, which tells whether the rest is worth many calls."""
        probe = Span(span.start, span.start + _part(span, _PROBE))
        rest = Span(probe.end, span.end)
        listed = self.work.tally.listed
        if not await self._list_span(window, probe):
            return
        if self.work.tally.listed - listed < _MUCH:
            await self._list_span(window, rest)
        else:
            await self._list_abreast(window, rest)

    def _may_hold_much(self, window: Window, span: Span) -> bool:
        """Whether a span is long, and new: one that was listed before holds what is known."""
        return self._abreast > 1 and span.end - max(span.start, window.listed_until or span.start) >= _LONG

    @property
    def _abreast(self) -> int:
        """How many stretches may be listed at a time; one where only so many records are wanted."""
        if self.left is not None or self.lane.origin is None:
            return 1
        return min(_ABREAST, self.lane.origin.connection.limits.concurrency)

    async def _list_abreast(self, window: Window, span: Span) -> None:
        """List a span in stretches side by side. What becomes of them is written down in the order of time,
        and nothing of those behind one that was not listed to its end."""
        parts = cut(span.start, span.end, _part(span, self._abreast))
        before: asyncio.Task[bool] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    before = group.create_task(self._list_span(window, part, before))
        except BaseExceptionGroup as failed:
            raise _first(failed) from None

    async def _list_span(
        self, window: Window, span: Span | None, before: asyncio.Task[bool] | None = None
    ) -> bool:
        """List a span, and write down what became of it once that is done for the stretch `before` it.

        False when the listing ended early, with nothing written down.
        """
        try:
            listing = await self._read_span(span)
        except SpanRefused as refused:
            return await _ended(before) and await self._narrow(window, span, str(refused))
        except QuotaSpent as error:
            self.work.brake.stop_reading(error)
            return False
        except Unreachable as error:
            if not await _ended(before):
                return False
            await self._broken(window, span, error)
            return True
        if listing is None or not await _ended(before):
            return False
        if listing.cut_off and span is not None:
            return await self._list_halves(window, span)
        if listing.fault is not None:
            await self._broken(window, span, Unreachable(listing.fault))
            return True
        await self._listed(window, span, listing.seen)
        return True

    async def _read_span(self, span: Span | None) -> _Listing | None:
        """List a span page by page; None when the run has enough, or may not read on.

        Raises SpanRefused, QuotaSpent, Unreachable.
        """
        assert self.lane.source is not None
        divisible = span is not None and span.end - span.start > _SHORTEST
        pages = Pages(self.lane.source.most_items, can_be_halved=divisible)
        fault: str | None = None
        cursor: Any = None
        while True:
            page = await self.lane.source.page(self.lane.request, span, cursor)
            self.work.tally.listed += len(page.items)
            fault = fault or page.fault
            await self._take_in(page.items)
            cursor = pages.next(page)
            if self.left == 0 or (cursor is not None and not self.work.brake.may_read):
                return None
            if cursor is None:
                return _Listing(pages.seen, pages.cut_off, fault)

    async def _list_halves(self, window: Window, span: Span) -> bool:
        for half in _halves(span):
            if not self.work.brake.may_read or not await self._list_span(window, half):
                return False
        return True

    async def _take_in(self, items: Sequence[Item]) -> None:
        """Keep what a page names, durably, and hand on what this scheme has not met yet."""
        fresh = await self.work.ledger.do(lambda tx: self._intake(tx, items))
        for delivery in fresh:
            await self.queue.put(delivery)

    def _intake(self, tx: Transaction, items: Sequence[Item]) -> list[Delivery]:
        lane, work, now = self.lane, self.work, self.work.clock.now()
        assert lane.origin is not None
        if self.left is not None:
            items = items[: self.left]
            self.left -= len(items)
        if not items:
            return []
        rows = records.register(tx, lane.origin.system, lane.family, [item.id for item in items], now)
        fresh = deliveries.register(
            tx, lane.scheme.id, lane.to.system, list(rows.values()), run=work.run, at=now
        )
        found = deliveries.find(tx, lane.scheme.id, lane.to.system, record_ids=list(rows.values()))
        deliveries.touch(tx, [each.id for each in found if each.touched_run != work.run], work.run)
        new = [delivery for delivery in found if delivery.record_id in fresh]
        interface = lane.scheme.source.interface
        about = [(each.record_id, each.id) for each in new]
        events.note_all(tx, about, "listed", now, run=work.run, interface=interface)
        whole = {item.id: dict(item.record) for item in items if item.record is not None}
        changed = [each for each in found if each.state is State.WAITING and each.source_id in whole]
        for delivery in changed:
            record = whole[delivery.source_id]
            records.keep_snapshot(tx, delivery.record_id, record, lane.number_of(record), False, now)
        return [each.but(last_asked=now, asked=each.asked + 1) for each in changed] if whole else new

    # --- how a span ended -----------------------------------------------------------------------------

    async def _listed(self, window: Window, span: Span | None, seen: int) -> None:
        if span is None or window.key is None:
            return
        key, now = window.key, self.work.clock.now()

        def write(tx: Transaction) -> None:
            windows.note_span(
                tx, key, span.start, span.end, SpanState.LISTED, run=self.work.run, at=now, items=seen
            )
            windows.advance(tx, key, window.about, span.start, span.end, now)

        await self.work.ledger.do(write)

    async def _narrow(self, window: Window, span: Span | None, reason: str) -> bool:
        """Halve a span that is refused as too old; what is left of it is a gap, written down and said."""
        if span is None:
            self.work.brake.stop_reading(Unreachable(reason))
            return False
        if span.end - span.start > _NARROWEST:
            return await self._list_halves(window, span)
        self.work.tally.warn(
            tr(
                "the source refuses to list {start} to {end}: {reason}; what was made then is not read",
                start=f"{span.start:%Y-%m-%d %H:%M}",
                end=f"{span.end:%Y-%m-%d %H:%M}",
                reason=reason,
            )
        )
        if window.key is None:
            return True
        key, now = window.key, self.work.clock.now()

        def write(tx: Transaction) -> None:
            windows.note_span(
                tx, key, span.start, span.end, SpanState.GAP, run=self.work.run, at=now, reason=reason
            )
            windows.advance(tx, key, window.about, span.start, span.end, now)

        await self.work.ledger.do(write)
        return True

    async def _broken(self, window: Window, span: Span | None, error: EngineError) -> None:
        """A page that could not be read: its span is not done, and the watermark stays before it."""
        self.work.tally.broken_pages += 1
        self.work.tally.warn(
            tr("listing broke off and is done anew by the next run: {error}", error=error.message)
        )
        if span is None or window.key is None:
            return
        key, now = window.key, self.work.clock.now()
        await self.work.ledger.do(
            lambda tx: windows.note_span(
                tx,
                key,
                span.start,
                span.end,
                SpanState.BROKEN,
                run=self.work.run,
                at=now,
                reason=error.message,
            )
        )


async def _ended(before: asyncio.Task[bool] | None) -> bool:
    """Wait until it is written down what became of the stretch before; whether it was listed to its end."""
    return before is None or await before


def _part(span: Span, parts: int) -> timedelta:
    """How long the parts of a span are; in whole seconds, so that the last is no splinter."""
    second = timedelta(seconds=1)
    return -(-(span.end - span.start) // (parts * second)) * second


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def is_due(delivery: Delivery, now: datetime, pace: Pace) -> bool:
    """Whether a record that was not final is to be asked for again.

    At the first run after it was seen; then when the time since it was last asked for reaches a tenth of how
    long it has waited, at least ten minutes and at most a day; more seldom when calls are short.
    """
    if delivery.last_asked is None or (delivery.asked <= 1 and not pace.scarcity):
        return True
    if delivery.last_asked > now:  # by a clock that was set back since
        return True
    waited = now - (delivery.waiting_since or delivery.last_asked)
    return now - delivery.last_asked >= pace.pause(waited)


def _halves(span: Span) -> tuple[Span, Span]:
    middle = span.start + (span.end - span.start) / 2
    return Span(span.start, middle), Span(middle, span.end)
