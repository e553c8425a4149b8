"""Getting records and judging them: from a ledger row to a document, or to the reason why there is none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.errors import CredentialsError, EngineError, FailureClass, LedgerError, QuotaSpent, RecordError
from engine.language import tr
from engine.ledger import deliveries, events, records
from engine.ledger.deliveries import NO_FAULT
from engine.ledger.rows import Delivery, Fault, State
from engine.run import amendments, outcome
from engine.run.committing import Committer
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
from engine.run.life import periods, reissued
from engine.run.outcome import Stale
from engine.run.pace import Pace
from engine.run.reading import is_due
from engine.run.sending import Prepared

if TYPE_CHECKING:
    from engine.ledger.port import Transaction
    from engine.run.lane import Lane, Work

__all__ = ["Fetcher"]

_UNREACHABLE_IN_A_ROW = 5
"""After so many records that could not be got, the source counts as down for this run."""


class Fetcher:
    """Reads one lane's records and passes on what is to be sent."""

    def __init__(
        self,
        lane: Lane,
        work: Work,
        incoming: asyncio.Queue[Delivery | None],
        outgoing: asyncio.Queue[Prepared | None],
        *,
        pace: Pace | None = None,
        refetch: bool = False,
        recheck: bool = False,
    ) -> None:
        self.lane = lane
        self.work = work
        self.incoming = incoming
        self.outgoing = outgoing
        self.pace = pace or Pace()
        self.refetch = refetch
        self.recheck = recheck
        self._down = 0
        self._began = work.clock.now()
        self._late = False
        self._postponed: list[Delivery] = []
        self._committer = Committer(work.ledger)

    async def serve(self) -> None:
        """Work off the queue until its end mark, which is left for the other workers."""
        while (delivery := await self.incoming.get()) is not None:
            if not self.work.brake.fatal:
                await self._handle(delivery)
        await self.incoming.put(None)

    async def finish(self) -> None:
        """Judge what was put off until the rest is read, the oldest first."""
        self._late = True
        order = self.lane.watch.in_order if self.lane.watch is not None else list
        for delivery in order(self._postponed):
            if not self.work.brake.fatal:
                await self._handle(delivery)
        noticed = self.lane.noticing.warning() if self.lane.noticing is not None else None
        if noticed is not None:
            self.work.tally.warn(noticed)

    async def _handle(self, delivery: Delivery) -> None:
        try:
            prepared = await self._prepare(delivery)
        except QuotaSpent as error:
            self.work.brake.stop_reading(error)
        except Stale:
            pass  # whoever moved it brings it on: another process, or this one, told of it twice
        except EngineError as error:
            self.work.brake.stop(error)
        else:
            if prepared is not None:
                await self.outgoing.put(prepared)

    async def _prepare(self, delivery: Delivery) -> Prepared | None:
        """Judge what the ledger holds; read the record first where it may have changed."""
        record = None if self.refetch and not self._late else await self._kept(delivery)
        if record is not None:
            verdict = await self._judge(delivery, record)
            if not isinstance(verdict, Waiting) or not self._ask_again(delivery):
                return await self._write(delivery, verdict, record, read=False)
        if not self.work.brake.may_read:
            return None
        try:
            record = await self._get(delivery)
        except RecordError as error:
            fault = fault_of(error, self.lane)
            await self.work.ledger.do(lambda tx: outcome.fail(tx, self.work, self.lane, delivery, fault))
            self.work.tally.failed += 1
            return None
        if record is None:
            return None
        verdict = await self._judge(delivery, record)
        return await self._write(delivery, verdict, record, read=True)

    async def _judge(self, delivery: Delivery, record: dict[str, Any]) -> Verdict | Undecided:
        """What becomes of a record; one whose form a human took as it is keeps that for good."""
        if self.lane.noticing is not None:
            self.lane.noticing.look(record)
        if self.lane.watch is not None:
            await self.lane.watch.load(self.work.ledger)
        ask = judge if self._late else judge_early
        verdict = await ask(self.lane, record, delivery.source_id)
        if not isinstance(verdict, FormChanged):
            return verdict
        accepted = await self.work.ledger.do(
            lambda tx: events.has(tx, delivery.id, delivery.record_id, events.FORM_ACCEPTED)
        )
        return await judge(self.lane, record, delivery.source_id, as_it_is=True) if accepted else verdict

    def _ask_again(self, delivery: Delivery) -> bool:
        """False for what the listing has just told, and where there is nobody to ask."""
        if self.lane.source is None or (
            delivery.last_asked is not None and delivery.last_asked > self._began
        ):
            return False
        return self.recheck or is_due(delivery, self.work.clock.now(), self.pace)

    async def _kept(self, delivery: Delivery) -> dict[str, Any] | None:
        if delivery.snapshot is not None:
            return delivery.snapshot
        if not delivery.asked:  # nobody has read it when it was listed, a moment ago
            return None
        return await self.work.ledger.do(lambda tx: records.snapshot(tx, delivery.record_id))

    async def _get(self, delivery: Delivery) -> dict[str, Any] | None:
        """Read one record; None when the source could not be asked, which the ledger keeps as transient."""
        assert self.lane.source is not None
        try:
            record = await self.lane.source.get(delivery.source_id)
        except (RecordError, QuotaSpent, CredentialsError, LedgerError):
            raise
        except EngineError as error:
            if error.exit_code == 2:
                raise
            await self._could_not_read(delivery, error)
            return None
        self._down = 0
        self.work.tally.read += 1
        return record

    async def _could_not_read(self, delivery: Delivery, error: EngineError) -> None:
        fault = Fault(tr("could not be read: {error}", error=error.message), FailureClass.TRANSIENT)
        await self.work.ledger.do(lambda tx: outcome.fail(tx, self.work, self.lane, delivery, fault))
        self._down += 1
        if self._down >= _UNREACHABLE_IN_A_ROW:
            self.work.brake.stop_reading(error)

    async def _write(
        self, delivery: Delivery, verdict: Verdict | Undecided, record: dict[str, Any], *, read: bool
    ) -> Prepared | None:
        """Keep the record and what becomes of it, in one transaction."""
        number = self.lane.number_of(record)

        def write(tx: Transaction) -> tuple[Delivery, Verdict | Undecided]:
            if read:
                final = not isinstance(verdict, Waiting)
                records.keep_snapshot(tx, delivery.record_id, record, number, final, self.work.clock.now())
            if isinstance(verdict, Undecided):
                deliveries.touch(tx, [delivery.id], self.work.run)
                return delivery, verdict
            told = self._told(tx, delivery, verdict, record)
            return self._settle(tx, delivery, told), told

        after, told = await self._committer.do(write)
        if isinstance(told, Undecided):
            self._postponed.append(after.but(snapshot=None))
            return None
        tally = self.work.tally
        tally.waiting += isinstance(told, Waiting)
        tally.skipped += isinstance(told, Skipped)
        tally.failed += isinstance(told, Failed | Held)
        if not isinstance(told, Mappable):
            return None
        return Prepared(after.but(number=number), told.key, told.payload, told.amount, told.guarded)

    def _told(self, tx: Transaction, delivery: Delivery, verdict: Verdict, record: dict[str, Any]) -> Verdict:
        """The verdict in the light of what the ledger knows of other records, and of this one's past."""
        work, lane = self.work, self.lane
        if isinstance(verdict, Held):
            return Held(amendments.tell(tx, work, lane, record, verdict.fault))
        if not isinstance(verdict, Mappable):
            return verdict
        held = amendments.unheld(tx, work, lane, record)
        held = held or reissued.noticed(tx, work, lane, delivery, record)
        return Held(held) if held else periods.moved(tx, lane, delivery, verdict)

    def _settle(self, tx: Transaction, delivery: Delivery, verdict: Verdict) -> Delivery:
        work, lane = self.work, self.lane
        match verdict:
            case Waiting():
                return outcome.step(tx, work, delivery, State.WAITING, event="waiting", fault=NO_FAULT)
            case Skipped(reason=reason, line=line):
                fault = Fault(reason, file=str(lane.scheme.file), line=line)
                detail = {"reason": reason, "line": line}
                return outcome.step(
                    tx, work, delivery, State.SKIPPED, event="skipped", detail=detail, fault=fault
                )
            case Held(fault=fault):
                return outcome.fail(tx, work, lane, delivery, fault, event="held")
            case Failed(fault=fault):
                return outcome.fail(tx, work, lane, delivery, fault)
            case Mappable(key=key, amount=amount):
                return outcome.step(
                    tx,
                    work,
                    delivery,
                    State.READY,
                    event="mapped",
                    detail={"key": key, "amount": amount},
                    fault=NO_FAULT,
                    amount=amount,
                )
