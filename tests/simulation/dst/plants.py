"""Protocol bugs, planted into the engine to see that the simulation finds them: a check that cannot fail is
worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any
from unittest.mock import patch

from sqlalchemy import update

import connectors.kingdee.target
from connectors.kingdee.answers import read_status
from dst.setup import Setup, draw_setup
from dst.storm import Storm
from engine.connector.api import Accepted, Answer, Outgoing, Refused, Unclear
from engine.connector.environments import Connection
from engine.errors import FailureClass
from engine.ledger import deliveries, events, windows
from engine.ledger.tables import deliveries as delivery_table
from engine.run import sending
from engine.run.reading import Lister
from engine.run.sending import Sender
from engine.run.settle import Settler

__all__ = ["PLANTS", "Plant"]


@dataclass(frozen=True, slots=True)
class Plant:
    """A planted bug: how it gets in, the kind of target on which it does harm, and which harm that is."""

    name: str
    unique: bool
    harm: str
    plant: Callable[[], Any]
    rates: Mapping[str, float]
    """The storm in which it shows soon."""

    def setup(self, seed: int) -> Setup:
        """A history's conditions: those of the seed, in this storm."""
        setup = draw_setup(seed, self.unique)
        return replace(
            setup,
            storm=Storm(Random(seed), dict(self.rates)),
            processes=3 if "pause" in self.rates else setup.processes,
            life=75.0,
            knows_the_dead=True,
        )


# --- send before the intent is committed --------------------------------------------------------------


async def _send_then_claim(
    self: Sender,
    waiting: Sequence[Any],
    documents: Sequence[Outgoing],
    intents: Sequence[Any],
    *,
    unsent: Any,
) -> list[Any]:
    target = self.lane.target_of(intents[0]["intent"])
    async with target.turn():
        answers = await target.send(documents, lambda: True)
    return await self.work.ledger.do(
        lambda tx: [
            self._read(tx, self._claim(tx, delivery, intent), answer, unsent)
            for delivery, intent, answer in zip(waiting, intents, answers, strict=True)
        ]
    )


def _send_before_intent() -> Any:
    return patch.object(Sender, "_claim_and_send", _send_then_claim)


# --- trust the batch's flag ---------------------------------------------------------------------------


def _by_flag(body: Any, documents: Sequence[Outgoing], form: Any) -> list[Answer]:
    status = read_status(body)
    if status is None:
        return [Unclear("no status")] * len(documents)
    if not status.success:
        return [Refused(status.message, FailureClass.DATA)] * len(documents)
    ids = {done.number: done.id for done in status.done}
    return [Accepted(ids.get(document.key, "0"), document.key) for document in documents]


def _trust_the_flag() -> Any:
    return patch.object(connectors.kingdee.target, "save_verdicts", _by_flag)


# --- resend without asking ----------------------------------------------------------------------------


async def _just_resend(self: Settler, unknown: Sequence[Any]) -> None:
    saved = [delivery for delivery in unknown if delivery.stage]
    await self.stages.take_on(await self.stages.reread(saved))
    lacking = [delivery for delivery in unknown if not delivery.stage]
    if lacking and self.lane.target.asking != "never":
        await self.sender.resend(lacking)


def _resend_unasked() -> Any:
    return patch.object(Settler, "_resolve", _just_resend)


# --- no settle time -----------------------------------------------------------------------------------


def _no_settle() -> Any:
    return patch.object(Connection, "settle", lambda self, key: 0.0)


# --- no fencing ---------------------------------------------------------------------------------------


def _move_blindly(
    tx: Any,
    delivery: Any,
    to: Any,
    *,
    run: str,
    at: datetime,
    fault: Any = None,
    expect: Any = None,
    event: str | None = None,
    detail: Any = None,
    **values: Any,
) -> bool:
    if fault is not None:
        names = ("failure", "reason", "field", "label", "path", "file", "line")
        values |= {name: getattr(fault, name) or None for name in names}
    tx.execute(
        update(delivery_table)
        .where(delivery_table.c.id == delivery.id)
        .values(state=to, touched_run=run, updated_at=at, **values)
    )
    if event:
        events.note(tx, delivery.record_id, event, at, run=run, delivery_id=delivery.id, **(detail or {}))
    return True


def _no_fencing() -> Any:
    return patch.object(deliveries, "move", _move_blindly)


# --- the watermark before the ledger ------------------------------------------------------------------


async def _mark_first(
    self: Lister, window: Any, span: Any, before: Any = None, real: Any = Lister._list_span
) -> Any:
    if window.key is not None and span is not None:
        now = self.work.clock.now()

        def write(tx: Any) -> None:
            windows.note_span(
                tx, window.key, span.start, span.end, windows.SpanState.LISTED, run=self.work.run, at=now
            )
            windows.advance(tx, window.key, window.about, span.start, span.end, now)

        await self.work.ledger.do(write)
    return await real(self, window, span, before)


def _watermark_first() -> Any:
    return patch.object(Lister, "_list_span", _mark_first)


# --- adopt without comparing; forget what waits -------------------------------------------------------


@contextmanager
def _adopt_blindly() -> Iterator[None]:
    def none(*args: Any, **named: Any) -> None:
        return None

    from engine.run import asking

    with patch.object(sending, "differences", none), patch.object(asking, "differences", none):
        yield


async def _forget(self: Lister, recheck: bool, stretch: float) -> None:
    return None


def _forget_waiting() -> Any:
    return patch.object(Lister, "waiting", _forget)


PLANTS = (
    Plant(
        "send before intent",
        False,
        "TWICE",
        _send_before_intent,
        {"late commit": 0.2, "crash": 0.003},
    ),
    Plant("trust the batch flag", True, "STAGES", _trust_the_flag, {"locked bill": 0.2, "pause": 0.002}),
    Plant("resend without asking", False, "TWICE", _resend_unasked, {"answer lost": 0.3, "5xx after": 0.2}),
    Plant("no settle time", False, "TWICE", _no_settle, {"late commit": 0.3}),
    Plant("no fencing", False, "TWICE", _no_fencing, {"pause": 0.02, "slow answer": 0.2}),
    Plant(
        "watermark moved before the ledger",
        True,
        "LOST",
        _watermark_first,
        {"crash before commit": 0.05, "crash": 0.01},
    ),
    Plant("adopt without comparing", True, "FOREIGN", _adopt_blindly, {"connection reset": 0.1}),
    Plant("forget a waiting record", True, "LOST", _forget_waiting, {"slow answer": 0.1}),
)
