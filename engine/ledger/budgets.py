"""Calls counted by system, interface, day and month, and the turns of paced ones; shared by all processes.

Days and months are the calendar's in Asia/Shanghai, as the vendors count them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, update

from engine.clock import SHANGHAI
from engine.ledger.prepared import Prepared
from engine.ledger.sql import insertion
from engine.ledger.tables import budgets, pacing

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Budget", "count", "give_back", "read_budget", "take_slots", "today"]

_SHORTEST_BASIS = timedelta(days=3)
"""A forecast counts on at least so much time, so that a busy first hour does not make it cry wolf."""

_RECENT = timedelta(days=7)
"""A forecast looks back so far: a week holds each day once, and the pace of a month changes."""

_NEARLY = 0.9
_HARDLY_ANY = 0.98
_CLOCK_MOVED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Budget:
    """The metered calls of a system: used, allowed (None: no limit), and where the month is heading."""

    month_used: int
    month_limit: int | None
    day_used: int
    day_limit: int | None
    forecast_month: int
    month_end: datetime
    runs_out: datetime | None = None

    def plus(self, calls: int) -> Budget:
        """With calls that are counted by now; the forecast stays as it was."""
        return replace(self, month_used=self.month_used + calls, day_used=self.day_used + calls)

    @property
    def left(self) -> int | None:
        """How many calls may still be made now; None without a limit."""
        lefts = [
            max(limit - used, 0)
            for limit, used in ((self.month_limit, self.month_used), (self.day_limit, self.day_used))
            if limit is not None
        ]
        return min(lefts, default=None)

    @property
    def nearly_spent(self) -> bool:
        """Nine tenths of the month's calls are used and the rest will not last, or hardly any are left."""
        if self.month_limit is None:
            return False
        used = self.month_used / self.month_limit
        return used >= _HARDLY_ANY or (used >= _NEARLY and self.overrunning)

    @property
    def overrunning(self) -> bool:
        """At this pace the month's quota will not last."""
        return self.month_limit is not None and self.forecast_month > self.month_limit


def today(now: datetime) -> str:
    """The day, as `budgets.period` has it."""
    return now.astimezone(SHANGHAI).date().isoformat()


def count(tx: Connection, system: str, interface: str, calls: int, day: str, *, metered: bool) -> None:
    """Add calls that are about to be made to their day and month."""
    rows = [
        {"system": system, "interface": interface, "period": period, "calls": calls, "metered": metered}
        for period in (day, day[:7])
    ]
    _COUNT.write(tx, rows)


_COUNT = Prepared(
    lambda dialect: insertion(
        dialect, budgets, ("system", "interface", "period", "calls", "metered")
    ).on_conflict_do_update(
        index_elements=["system", "interface", "period"],
        set_={"calls": budgets.c.calls + bindparam("calls"), "metered": bindparam("metered")},
    )
)


def give_back(tx: Connection, system: str, interface: str, calls: int, day: str) -> None:
    """Take calls off again that were counted and not made."""
    tx.execute(
        update(budgets)
        .where(
            budgets.c.system == system,
            budgets.c.interface == interface,
            budgets.c.period.in_([day, day[:7]]),
            budgets.c.calls >= calls,
        )
        .values(calls=budgets.c.calls - calls)
    )


def read_budget(
    tx: Connection, system: str, now: datetime, *, per_month: int | None, per_day: int | None
) -> Budget:
    """What the system's metered interfaces have used together."""
    day = today(now)
    month = day[:7]
    found = _USED.rows(tx, {"system": system, "first": month, "last": month + "-31"})
    used: dict[str, int] = {period: int(calls) for period, calls in found}
    month_used = used.pop(month, 0)
    forecast, runs_out, month_end = _forecast(month_used, used, now, per_month)
    return Budget(
        month_used, per_month, used.get(day, 0), per_day, forecast, month_end=month_end, runs_out=runs_out
    )


_USED = Prepared(
    lambda _: (
        select(budgets.c.period, func.sum(budgets.c.calls))
        .where(
            budgets.c.system == bindparam("system"),
            budgets.c.metered.is_(True),
            budgets.c.period >= bindparam("first"),
            budgets.c.period <= bindparam("last"),
        )
        .group_by(budgets.c.period)
    )
)


def _forecast(
    used: int, by_day: dict[str, int], now: datetime, limit: int | None
) -> tuple[int, datetime | None, datetime]:
    """Calls by the end of the month at the pace of its last days of use; when the limit is reached; and when
    the month ends."""
    begun = datetime.fromisoformat(min(by_day, default=today(now))).replace(tzinfo=SHANGHAI)
    month_end = (begun.replace(day=1) + timedelta(days=32)).replace(day=1)
    recent = today(max(begun, now - _RECENT))
    since = datetime.fromisoformat(recent).replace(tzinfo=SHANGHAI)
    lately = sum(calls for day, calls in by_day.items() if day >= recent)
    basis = max(now - since, _SHORTEST_BASIS)
    forecast = round(used + lately * ((month_end - now) / basis))
    if limit is None or forecast <= limit or not lately:
        return forecast, None, month_end
    return forecast, now + max(limit - used, 0) / lately * basis, month_end


def take_slots(
    tx: Connection, system: str, interface: str, number: int, earliest: datetime, interval: timedelta
) -> datetime:
    """The first of the next moments at which calls of an interface may start, `interval` apart, for this
    process alone.

    A stored moment that lies further ahead than processes can have taken turns is left over from a clock
    that was set back, and is ignored.
    """
    mine = {"system": system, "interface": interface}
    stored: datetime | None = _NEXT.scalar(tx, mine)
    farthest = earliest + max(_CLOCK_MOVED, 100 * interval)
    first = stored if stored is not None and earliest < stored <= farthest else earliest
    _MOVE_ON.write(tx, [{**mine, "next_at": first + number * interval}])
    return first


_NEXT = Prepared(
    lambda _: select(pacing.c.next_at).where(
        pacing.c.system == bindparam("system"), pacing.c.interface == bindparam("interface")
    )
)
_MOVE_ON = Prepared(
    lambda dialect: insertion(dialect, pacing, ("system", "interface", "next_at")).on_conflict_do_update(
        index_elements=["system", "interface"], set_={"next_at": bindparam("next_at")}
    )
)
