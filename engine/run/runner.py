"""One run of a scheme: recover, read, judge, deliver, call back, settle; overlapping, over bounded queues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.clock import SHANGHAI
from engine.errors import EngineError, LedgerError
from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.rows import Delivery, State
from engine.run.asking import Asker
from engine.run.batches import batches
from engine.run.callback_rows import callback_system
from engine.run.conflict import ConflictFound
from engine.run.fetching import Fetcher
from engine.run.life.care import Care
from engine.run.pace import Pace
from engine.run.reading import Lister
from engine.run.sending import Prepared, Sender
from engine.run.settle import Settler
from engine.run.stages import Stages
from engine.run.tally import Brake, Tally
from engine.run.window import Window, plan_window

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime
    from typing import Any

    from engine.run.lane import CallbackLane, Lane, Work

__all__ = ["Options", "run_callbacks", "run_lane"]

_QUEUE = 200
_READERS = 2
"""Readers for each call that may be under way: while one waits for its commit, another one calls."""
_POLL = 0.3
_AT_WILL = Pace()


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of one run. `only` limits it to some deliveries, without any listing."""

    since: datetime | None = None
    until: datetime | None = None
    start: datetime | None = None
    limit: int | None = None
    recheck: bool = False
    refetch: bool = False
    settle_wait: float | None = None
    pace: Pace = _AT_WILL
    only: Sequence[Delivery] | None = None


class _Hands:
    """The parts that work on one lane, sharing its asker."""

    def __init__(self, lane: Lane, work: Work, source_system: str | None = None) -> None:
        self.asker = Asker(lane, work)
        self.stages = Stages(self.asker)
        self.sender = Sender(self.asker, self.stages)
        self.settler = Settler(self.asker, self.stages, self.sender, source_system)
        self.care = Care(self.asker, self.stages, self.sender)


async def run_lane(lane: Lane, work: Work, options: Options) -> None:
    """Run a scheme once; how it went is in the ledger and in the work's tally and brake.

    The caller holds the scheme's lease. Errors of the whole run end up in `work.brake`, never here.
    """
    if options.refetch:
        lane = replace(lane, tables=lane.tables.anew())
    try:
        await _run(lane, work, options)
    except* EngineError as group:
        work.brake.stop(_first(group))


async def _run(lane: Lane, work: Work, options: Options) -> None:
    began = work.clock.now()
    hands = _Hands(lane, work)
    work.tally.phase = "recover"
    await _halt_on_conflict(lane, work)
    if work.brake.may_send:
        await hands.settler.recover()
        await hands.settler.settle(0)
    work.tally.phase = "run"
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_call_back_meanwhile(lane, work, done, options.settle_wait))
        try:
            await _pipeline(lane, work, options, hands, began)
            work.tally.phase = "settle"
            patience = options.settle_wait
            patience = lane.settle.total_seconds() if patience is None else patience
            await hands.settler.settle(patience)
            await _or_stop(work, _care(lane, work, options, hands, patience))
        finally:
            done.set()


async def _halt_on_conflict(lane: Lane, work: Work) -> None:
    """A scheme with an open conflict reads on, and sends nothing."""
    open_ = await work.ledger.do(
        lambda tx: deliveries.in_states(
            tx, lane.scheme.id, lane.to.system, [State.UNKNOWN], failure="conflict", limit=1
        )
    )
    if open_:
        work.brake.stop_sending(ConflictFound(open_[0]))


async def _pipeline(lane: Lane, work: Work, options: Options, hands: _Hands, began: datetime) -> None:
    """Lister → records → fetchers → documents → senders."""
    to_read: asyncio.Queue[Delivery | None] = asyncio.Queue(_QUEUE)
    to_send: asyncio.Queue[Prepared | None] = asyncio.Queue(_QUEUE)
    fetcher = Fetcher(
        lane,
        work,
        to_read,
        to_send,
        pace=options.pace,
        refetch=options.refetch,
        recheck=options.recheck,
    )
    readers = _READERS * lane.origin.connection.limits.concurrency if lane.origin else 1
    limits = lane.to.connection.limits
    senders = min(limits.writers, limits.concurrency)
    async with asyncio.TaskGroup() as group:
        listing = _or_stop(work, _list(lane, work, options, to_read, began))
        group.create_task(_then_end(listing, to_read))
        fetching = [group.create_task(fetcher.serve()) for _ in range(readers)]
        group.create_task(_then_end(_finished(fetching, fetcher), to_send))
        turn = asyncio.Lock()
        for _ in range(senders):
            group.create_task(_send(work, hands.sender, to_send, lane.batch, turn))


async def _finished(fetching: Sequence[asyncio.Task[None]], fetcher: Fetcher) -> None:
    """All is read; then what was put off until then is judged."""
    await asyncio.wait(fetching)
    await fetcher.finish()


async def _care(lane: Lane, work: Work, options: Options, hands: _Hands, patience: float) -> None:
    """Carry out the policies for what happens after a delivery; what they send goes the ordinary way."""
    work.tally.phase = "care"
    chosen = options.only is not None
    anew = await hands.care.attend(chosen=chosen, at_once=options.recheck)
    if not anew:
        return
    to_read: asyncio.Queue[Delivery | None] = asyncio.Queue(_QUEUE)
    to_send: asyncio.Queue[Prepared | None] = asyncio.Queue(_QUEUE)
    fetcher = Fetcher(lane, work, to_read, to_send)
    async with asyncio.TaskGroup() as group:
        group.create_task(_then_end(_put_all(anew, to_read), to_read))
        fetching = [group.create_task(fetcher.serve())]
        group.create_task(_then_end(_finished(fetching, fetcher), to_send))
        group.create_task(_send(work, hands.sender, to_send, lane.batch, asyncio.Lock()))
    await hands.settler.settle(patience)


async def _put_all(found: Sequence[Delivery], queue: asyncio.Queue[Delivery | None]) -> None:
    for delivery in found:
        await queue.put(delivery)


async def _or_stop(work: Work, part: Coroutine[Any, Any, None]) -> None:
    """Do a part of the run; its error stops the run, and lets the others end what they have under way."""
    try:
        await part
    except EngineError as error:
        work.brake.stop(error)


async def _then_end(work: Coroutine[Any, Any, Any], queue: asyncio.Queue[Any]) -> None:
    """Put the end mark behind what `work` queued; when that fails the group ends, and needs no mark."""
    await work
    await queue.put(None)


async def _send(
    work: Work, sender: Sender, queue: asyncio.Queue[Prepared | None], size: int, turn: asyncio.Lock
) -> None:
    async for batch in batches(queue, size, turn):
        await _or_stop(work, sender.deliver(batch))


async def _list(
    lane: Lane, work: Work, options: Options, queue: asyncio.Queue[Delivery | None], began: datetime
) -> None:
    lister = Lister(lane, work, queue, options.limit)
    if options.only is not None:
        await _put_all(options.only, queue)
        return
    await lister.leftovers()
    if lane.source is None:
        return
    await lister.waiting(options.recheck, options.pace)
    window = await plan_window(
        lane,
        work,
        began,
        start=options.start,
        since=options.since,
        until=options.until,
        counted=options.limit is None,
    )
    if window.key is None or options.recheck or await _worth_listing(lane, work, options.pace, window, began):
        await lister.list_window(window)


async def _worth_listing(lane: Lane, work: Work, pace: Pace, window: Window, began: datetime) -> bool:
    """Whether listing is worth its calls now; says so when it is not."""
    due = pace.next_listing(window.listed_until, began)
    if due is None:
        return True
    assert lane.origin is not None
    work.tally.warn(
        tr(
            "'{name}': {left} calls are left until the quota begins anew, so this run listed nothing new; "
            "that is next worth its calls at {time}",
            name=lane.origin.connection.name,
            left=pace.left,
            time=f"{due.astimezone(SHANGHAI):%m-%d %H:%M}",
        )
    )
    return False


# --- callbacks ----------------------------------------------------------------------------------------


async def _call_back_meanwhile(
    lane: Lane, work: Work, done: asyncio.Event, settle_wait: float | None
) -> None:
    """Write back while deliveries go on, and once more when they have ended."""
    if not lane.callbacks:
        return
    going, told = True, -1
    while not done.is_set():
        delivered = work.tally.delivered + work.tally.adopted
        if going and delivered != told:
            told = delivered
            going = await run_callbacks(lane, work, last=False)
        await work.clock.sleep(_POLL)
    if not isinstance(work.brake.fatal, LedgerError):
        await run_callbacks(lane, work, last=True, settle_wait=settle_wait)


async def run_callbacks(lane: Lane, work: Work, *, last: bool, settle_wait: float | None = None) -> bool:
    """Carry out the callbacks of a scheme that are due; what goes wrong with them stops no bill, but for a
    ledger that fails: that ends the run, as it does everywhere.

    The run's last ones also settle what is unknown, waiting as long as the run may (by default, as long as it
    takes to settle). False when one could not go on: it makes no sense to try again at once.
    """
    going = True
    for callback in lane.callbacks:
        own = replace(work, tally=Tally(), brake=Brake())
        try:
            await _call_back(lane, callback, own, last, settle_wait)
        except* EngineError as group:
            own.brake.stop(_first(group))
        work.tally.written_back += own.tally.delivered + own.tally.adopted
        error = own.brake.fatal or own.brake.sending
        if isinstance(error, LedgerError):
            work.brake.stop(error)
            return False
        if error is not None:
            going = False
            work.tally.warn(f"{callback.lane.scheme.id}: {error.message}")
    await work.ledger.do(
        lambda tx: deliveries.finish_called_back(tx, lane.scheme.id, lane.to.system, at=work.clock.now())
    )
    return going


async def _call_back(
    lane: Lane, callback: CallbackLane, work: Work, last: bool, settle_wait: float | None
) -> None:
    system = callback_system(lane.scheme.id, lane.to.system)
    hands = _Hands(callback.lane, work, system)
    to_read: asyncio.Queue[Delivery | None] = asyncio.Queue(_QUEUE)
    to_send: asyncio.Queue[Prepared | None] = asyncio.Queue(_QUEUE)
    if last:
        await hands.settler.recover()
    lister = Lister(callback.lane, work, to_read, None, source_system=system)
    fetcher = Fetcher(callback.lane, work, to_read, to_send)
    async with asyncio.TaskGroup() as group:
        group.create_task(_then_end(lister.leftovers(), to_read))
        group.create_task(_then_end(fetcher.serve(), to_send))
        group.create_task(_send(work, hands.sender, to_send, callback.lane.batch, asyncio.Lock()))
    if last:
        patience = callback.lane.settle.total_seconds() if settle_wait is None else settle_wait
        await hands.settler.settle(patience)


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
