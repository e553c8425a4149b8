"""A lane: one scheme, bound to the systems of an environment, with all that judging and delivering needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.connector.catalog import Form
from engine.ledger.faults import damaged
from engine.mapping.evaluator import Evaluator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.clock import Clock
    from engine.connector.api import Connector, Source, Target
    from engine.connector.settings import Connection
    from engine.ledger.meter import LedgerMeter
    from engine.ledger.port import LedgerPort
    from engine.mapping.mapper import Mapper
    from engine.run.noticing import Noticing
    from engine.run.tables import Tables
    from engine.run.tally import Brake, Tally
    from engine.run.watch import FormWatch
    from engine.scheme.model import CallbackSpec, Scheme

__all__ = ["Bound", "CallbackLane", "Lane", "Work"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A connector in use: its connection, the system it reaches, and the meter of its calls."""

    connection: Connection
    connector: Connector
    system: str
    meter: LedgerMeter

    @property
    def is_simulator(self) -> bool:
        return self.connection.simulator is not None


@dataclass(frozen=True, slots=True)
class Work:
    """What everything in a run shares."""

    run: str
    environment: str
    ledger: LedgerPort
    clock: Clock
    tally: Tally
    brake: Brake
    tell: Callable[[str], None] = lambda text: None
    """Told what a person who watches should know at once: above all, what is waited for."""
    alive: dict[tuple[int, int], float] = field(default_factory=dict)
    """Until when, by the monotonic clock, what this run sent and got no clear answer to may still arrive; by
    delivery and fence."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One scheme at work. `source` is None for a callback scheme; `until` is the stage to reach; `watch` is
    there where the source's records are forms that people may change, `noticing` where its fields were
    discovered."""

    scheme: Scheme
    params: Mapping[str, Any]
    mapper: Mapper
    evaluator: Evaluator
    tables: Tables
    table_defaults: Mapping[str, Any]
    monotonic: Callable[[], float]
    to: Bound
    target: Target
    form: Form | None
    until: str
    batch: int
    settle: timedelta
    origin: Bound | None = None
    source: Source | None = None
    watch: FormWatch | None = None
    noticing: Noticing | None = None
    family: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    callbacks: tuple[CallbackLane, ...] = ()
    _others: dict[str, Target] = field(default_factory=dict)

    @property
    def form_name(self) -> str:
        """What the key is unique in: the form, or the interface of a target without forms."""
        return self.scheme.target.form or self.scheme.target.interface

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages up to `until`."""
        reached = self.target.stages.index(self.until)
        return self.target.stages[: reached + 1]

    def number_of(self, record: Mapping[str, Any]) -> str | None:
        """What people call a record."""
        found = self.scheme.source.number.find(record)
        return str(found[0]) if found and found[0] not in (None, "") else None

    def intent(self) -> dict[str, Any]:
        """How documents are sent now; kept with each delivery, whatever the scheme says later."""
        return {
            "interface": self.scheme.target.interface,
            "form": self.scheme.target.form,
            "key_field": self.scheme.target.key,
            "until": self.until,
            "options": dict(self.scheme.target.options),
        }

    def until_of(self, intent: Mapping[str, Any] | None) -> str:
        """The last stage of an earlier intent, or of the scheme where there was none."""
        until: str = self.until if intent is None else intent.get("until", self.until)
        if until not in self.target.stages:
            raise damaged()
        return until

    def target_of(self, intent: Mapping[str, Any] | None) -> Target:
        """The target as an earlier intent had it."""
        if intent is None or intent == self.intent():
            return self.target
        name = jsontext.dumps([intent["interface"], intent["form"], intent["options"]])
        if name not in self._others:
            self._others[name] = self.to.connector.target(
                intent["interface"], self._form_of(intent["form"]), intent["options"]
            )
        return self._others[name]

    def _form_of(self, name: str | None) -> Form | None:
        if name is None or name == self.scheme.target.form:
            return self.form
        known = self.to.connector.catalog().forms.get(name)
        return known or Form(name=name, label=name, fields={}, open=True)


@dataclass(frozen=True, slots=True)
class CallbackLane:
    """A scheme's callback, the lane of the scheme that carries it out, and what works out its `data`."""

    spec: CallbackSpec
    lane: Lane
    evaluator: Evaluator = field(default_factory=Evaluator)
