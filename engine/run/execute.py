"""Executing a scheme as a command does: with its lease, its run row, and a result at the end."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.language import tr
from engine.ledger import runs
from engine.ledger.leases import Lease
from engine.run import result as results
from engine.run.callback_rows import callback_system
from engine.run.held_back import held_back
from engine.run.lane import Work
from engine.run.owner import is_dead, own_name
from engine.run.pace import find_pace
from engine.run.result import Counts, RunResult
from engine.run.retry import Selection, choose_again
from engine.run.runner import Options, run_lane
from engine.run.setup import build_lane, checked_scheme, window_start
from engine.run.tally import Brake, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.run.lane import Lane
    from engine.run.workplace import Workplace

__all__ = ["Request", "execute"]

LEASE_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks for: a scheme, values for its params, how to run it, and which records, if not all.

    `announce` is called with the lane before anything is written: it shows what will be written to.
    """

    scheme: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    again: Selection | None = None
    command: str = "run"
    announce: Callable[[Lane], None] = lambda lane: None
    watch: Callable[[Work], None] = lambda work: None
    tell: Callable[[str], None] = lambda text: None


async def execute(place: Workplace, request: Request) -> RunResult:
    """Run a scheme, or bring chosen records of it on again.

    Raises UsageError, SchemeError, ConfigurationError and CredentialsError before anything was called; what
    goes wrong later is in the result.
    """
    scheme = checked_scheme(request.scheme, place.choice.environment)
    lane = build_lane(place, scheme, request.overrides, lists=request.again is None)
    work = Work(
        run=place.clock.new_id(),
        environment=place.choice.environment.name,
        ledger=place.ledger,
        clock=place.clock,
        tally=Tally(),
        brake=Brake(),
        tell=request.tell,
    )
    began = place.clock.monotonic()
    request.watch(work)
    request.announce(lane)
    name = f"{scheme.id}@{lane.to.system}"
    lease = await Lease.take(
        place.ledger, place.clock, name, own_name(work.run), wait=LEASE_WAIT, is_dead=is_dead
    )
    if lease is None:
        return _busy(place, lane, work, place.clock.monotonic() - began)
    gc.freeze()  # what is loaded by now stays, and need not be looked through time and again
    async with lease:
        options = await _complete(place, lane, work, request)
        await _record_start(work, lane, request.command)
        try:
            await run_lane(lane, work, options)
        except asyncio.CancelledError:
            work.brake.stop_sending(EngineError(tr("stopped by hand")))
            await _finish(place, lane, work, began)
            raise
        return await _finish(place, lane, work, began)


async def _finish(place: Workplace, lane: Lane, work: Work, began: float) -> RunResult:
    """Count what the run did, and close its row in the ledger."""
    for bound in place.in_use():
        with suppress(EngineError):
            await bound.meter.aclose()
    ended = await _conclude(place, lane, work, place.clock.monotonic() - began)
    await place.ledger.do(
        lambda tx: runs.finish(tx, work.run, ended.status, ended.as_json(), place.clock.now())
    )
    return ended


async def _complete(place: Workplace, lane: Lane, work: Work, request: Request) -> Options:
    """The options with what only the opened lane tells: the window's start, the records, the pace."""
    options = replace(request.options, start=window_start(lane, place.clock.now()))
    if request.again is not None:
        chosen = await choose_again(lane, work, request.again)
        options = replace(options, only=chosen, refetch=request.again.refetch)
    if lane.origin is not None:
        options = replace(options, pace=await find_pace(lane, work))
    return options


async def _record_start(work: Work, lane: Lane, command: str) -> None:
    await work.ledger.do(
        lambda tx: runs.start(
            tx,
            work.run,
            scheme=lane.scheme.id,
            scheme_hash=lane.scheme.hash,
            environment=work.environment,
            command=command,
            at=work.clock.now(),
        )
    )


async def _conclude(place: Workplace, lane: Lane, work: Work, seconds: float) -> RunResult:
    system = callback_system(lane.scheme.id, lane.to.system)
    counted, (open_, alerts), callbacks = await work.ledger.do(
        lambda tx: (
            results.counts(tx, lane, work.run),
            results.attention_and_alerts(tx, lane),
            results.callback_counts(tx, lane, system, work.run),
        )
    )
    status, code, error = results.conclude(work, counted, open_, callbacks, alerts)
    return RunResult(
        run=work.run,
        scheme=lane.scheme.id,
        environment=work.environment,
        status=status,
        exit_code=code,
        counts=counted,
        attention=open_,
        amount=work.tally.amount,
        callbacks=callbacks,
        calls=place.calls(),
        seconds=seconds,
        ledger=place.choice.place,
        message=await held_back(place, lane, work) or (error.message if error else None),
        warnings=(*place.warnings, *work.tally.warnings),
        alerts=alerts,
        error=error,
    )


def _busy(place: Workplace, lane: Lane, work: Work, seconds: float) -> RunResult:
    """Another process is at it: nothing was done here, and nothing is wrong."""
    return RunResult(
        run=work.run,
        scheme=lane.scheme.id,
        environment=work.environment,
        status="success",
        exit_code=0,
        counts=Counts(),
        attention=0,
        amount=work.tally.amount,
        callbacks={"written": 0, "failed": 0, "pending": 0},
        calls=place.calls(),
        seconds=seconds,
        ledger=place.choice.place,
        message=tr(
            "another run of '{scheme}' is under way here; this one did nothing", scheme=lane.scheme.id
        ),
    )
