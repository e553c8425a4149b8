"""Carrying out a reconciliation: read both sides and the ledger, compare, add up, keep what was found."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine.connector.registry import catalog
from engine.errors import EngineError, UsageError
from engine.language import current, tr
from engine.run.advice import commands_of
from engine.run.inspect import View
from engine.run.lane import Work
from engine.run.reconcile import marks
from engine.run.reconcile.balance import add_up
from engine.run.reconcile.bills import Bills
from engine.run.reconcile.expected import expected_calls, refuse_beyond_budget
from engine.run.reconcile.mending import Mending
from engine.run.reconcile.model import Weight
from engine.run.reconcile.sides import Sides
from engine.run.setup import build_lane, checked_scheme, window_start
from engine.run.tally import Brake, Tally
from engine.run.window import LAG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.run.lane import Bound, Lane
    from engine.run.reconcile.balance import Line, Side
    from engine.run.reconcile.model import Bill, Claim, Difference
    from engine.run.workplace import Workplace

__all__ = ["Reconciliation", "Request", "reconcile"]

_USUAL_PERIOD = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks for. `announce` is called before any system is, with the calls to expect."""

    scheme: str
    since: datetime | None = None
    until: datetime | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    announce: Callable[[Lane, datetime, datetime, Mapping[str, int]], None] = lambda *_: None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How both sides compare over a period.

    `source` and `target` are what people call the systems; `others` are bills of the form that are none of
    this scheme's.
    """

    scheme: str
    name: str
    environment: str
    since: datetime
    until: datetime
    source: str
    target: str
    form: str
    process: str
    claims: tuple[Claim, ...]
    bills: tuple[Bill, ...]
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    others: Side
    expected: Mapping[str, int]
    calls: Mapping[str, Mapping[str, int]]
    seconds: float
    ledger: str
    warnings: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Difference, ...]:
        """The differences that ask for something."""
        return tuple(each for each in self.differences if each.weight is Weight.OPEN)

    @property
    def exit_code(self) -> int:
        return 1 if self.open else 0


async def reconcile(place: Workplace, request: Request) -> Reconciliation:
    """Compare both sides of a scheme; nothing is written to either.

    Raises UsageError, SchemeError, ConfigurationError, CredentialsError, QuotaSpent and Unreachable: where a
    side cannot be read whole, nothing is told.
    """
    scheme = checked_scheme(request.scheme, place.choice.environment)
    lane = build_lane(place, scheme, request.overrides)
    if lane.source is None or lane.origin is None:
        raise UsageError(
            tr("'{scheme}' is a callback scheme: reconcile the one it tells of", scheme=scheme.id)
        )
    origin, environment = lane.origin, place.choice.environment.name
    lane = replace(lane, tables=lane.tables.lasting())
    work = Work("reconcile", environment, place.ledger, place.clock, Tally(), Brake())
    began, now = place.clock.monotonic(), place.clock.now()
    since, until = _period(lane, request, now)
    bills = Bills(lane)
    expected = await expected_calls(lane, work, since, until)
    await refuse_beyond_budget(lane, expected)
    request.announce(lane, since, until, expected)
    command = commands_of(View(place.choice, place.ledger, place.clock))
    sides = Sides(lane, work, bills, Mending(scheme.id, since, command), since, until, now)
    await sides.read()
    found = sides.compared()
    process = _process(lane)
    matched = [claim.record_id for claim in sides.claims if claim.id not in sides.differing]
    kept = await place.ledger.do(lambda tx: marks.keep(tx, lane, found, matched, now))
    for bound in place.in_use():
        with suppress(EngineError):
            await bound.meter.aclose()
    return Reconciliation(
        scheme=scheme.id,
        name=scheme.name,
        environment=environment,
        since=since,
        until=until,
        source=_known_as(origin),
        target=_known_as(lane.to),
        form=lane.form_name,
        process=process,
        claims=tuple(sorted(sides.claims, key=_by_day)),
        bills=tuple(sorted(sides.ours, key=_by_day)),
        lines=tuple(add_up(sides.claims, sides.ours, process)),
        differences=tuple(sorted(kept, key=_order)),
        others=sides.others,
        expected=expected,
        calls=place.calls(),
        seconds=place.clock.monotonic() - began,
        ledger=place.choice.place,
        warnings=tuple(place.warnings),
    )


def _period(lane: Lane, request: Request, now: datetime) -> tuple[datetime, datetime]:
    """The period asked for; without one, all that the scheme reads."""
    latest = now - LAG
    until = min(request.until or latest, latest)
    since = request.since or window_start(lane, now) or now - _USUAL_PERIOD
    if since >= until:
        raise UsageError(
            tr(
                "the period is empty: it begins {since} and ends {until}",
                since=f"{since:%Y-%m-%d %H:%M}",
                until=f"{until:%Y-%m-%d %H:%M}",
            )
        )
    return since, until


def _process(lane: Lane) -> str:
    """What the claims are claims of: the first thing that the source's interface must be told."""
    assert lane.origin is not None
    interface = catalog(lane.origin.connection.connector).interfaces[lane.scheme.source.interface]
    needed = (name for name, field in interface.fields.items() if field.required and not field.moved)
    return next((str(lane.request[name]) for name in needed if lane.request.get(name)), interface.name)


def _known_as(bound: Bound) -> str:
    """What people call a system: in Chinese by its product's name, else by its connection's."""
    label = catalog(bound.connection.connector).label
    return label if current() == "zh" and label else bound.connection.name


def _by_day(one: Claim | Bill) -> tuple[str, str]:
    return one.day.isoformat() if one.day else "", one.number


def _order(difference: Difference) -> tuple[Any, ...]:
    """Open ones first; then by day and name."""
    day = difference.day
    return list(Weight).index(difference.weight), day.isoformat() if day else "", difference.name
