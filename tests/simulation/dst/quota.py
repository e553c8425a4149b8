"""Three months in virtual time: does a quota of calls last, and how long do people wait for their money?"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from dst.clock import BEGINNING
from dst.dingtalk import Claim
from dst.floor import Lasting, fewest_readings
from dst.setup import Setup
from dst.storm import Storm
from dst.world import World, played
from engine.clock import SHANGHAI
from engine.ledger.budgets import read_budget
from engine.run.execute import Request
from engine.run.result import RunResult

__all__ = ["Report", "simulate"]

_DIGITS = re.compile(r"[0-9]+(?:-[0-9]+)*")
_LASTING = Lasting(5.0, 40 * 24 * 60.0)
_READING = "topapi/processinstance/get"
_PAGE = 20


@dataclass(slots=True)
class Report:
    """What the months came to. Delays are in hours, from agreed to audited."""

    days: int
    month_limit: int | None
    claims: int
    agreed: int
    unpaid: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    quick_delays: list[float] = field(default_factory=list)
    """Of claims that were agreed within a day."""
    runs: int = 0
    unlisted: int = 0
    forecasts: list[tuple[str, int]] = field(default_factory=list)
    """The month, and what was forecast for it in its middle."""
    warnings: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def calls_per_claim(self) -> float:
        return sum(calls for name, calls in self.calls.items() if " " not in name) / self.claims

    @property
    def fewest_calls_per_claim(self) -> float:
        """What a clairvoyant would need: each claim listed once, got once when it is final, and told once."""
        return (math.ceil(self.claims / _PAGE) + self.claims + self.agreed) / self.claims

    @property
    def readings_per_claim(self) -> float:
        read = sum(calls for name, calls in self.calls.items() if name.endswith(f" {_READING}"))
        return read / self.claims

    @property
    def mean_delay(self) -> float:
        return sum(self.delays) / len(self.delays)

    @property
    def worst_forecast(self) -> float:
        """By what share of a month's calls its forecast was off, in the worst of the whole months."""
        months = {name: calls for name, calls in self.calls.items() if " " not in name}
        return max((abs(told - months[name]) / months[name] for name, told in self.forecasts), default=0.0)

    def middle(self, of: list[float]) -> float:
        return sorted(of)[len(of) // 2]

    def text(self) -> str:
        """The figures, a line each."""
        months = {name: calls for name, calls in self.calls.items() if " " not in name}
        by_interface: Counter[str] = Counter()
        for name, calls in self.calls.items():
            if " " in name:
                by_interface[name.partition(" ")[2]] += calls
        return "\n".join(
            [
                f"{self.days} days, {self.claims} claims ({self.agreed} agreed and due), {self.runs} runs",
                f"unpaid {len(self.unpaid)}, untold {len(self.untold)}",
                f"calls by month {months}; by interface {dict(by_interface)}",
                f"calls per claim {self.calls_per_claim:.2f}; who knew beforehand when each claim is agreed "
                f"would need {self.fewest_calls_per_claim:.2f}",
                f"readings per claim {self.readings_per_claim:.2f}; the best schedule of one who knows how "
                "long claims take, but not when each ends, has the same mean delay with "
                f"{fewest_readings(_LASTING, 60 * self.mean_delay):.2f}",
                f"hours from agreed to paid: median {self.middle(self.delays):.1f}, "
                f"mean {self.mean_delay:.1f}, worst {max(self.delays):.1f}; "
                f"agreed within a day: median {self.middle(self.quick_delays):.1f}",
                f"runs that listed nothing for want of calls: {self.unlisted}",
                f"forecast in mid-month {self.forecasts}",
                f"warnings {dict(self.warnings)}",
            ]
        )


def simulate(
    folder: Path, *, days: int, month_limit: int | None = 5000, per_day: int = 20, tail: float = 3.0
) -> Report:
    """Let `per_day` claims be made each day, lasting minutes to 40 days, with a run every ten minutes.

    What was agreed in the last `tail` days need not be paid by the end.
    """
    random = Random(f"quota {days}/{month_limit}/{per_day}")
    claims = tuple(_draw(random, day, number) for day in range(days) for number in range(per_day))
    setup = Setup(
        seed=0,
        unique=True,
        processes=1,
        claims=claims,
        storm=Storm(random, raging=False),
        storm_seconds=days * 86400.0,
        timeout=20.0,
        life=20.0,
        settle=80.0,
        auth="login_by_sign",
        lease_wait=60.0,
        largest_page=_PAGE,
        month_limit=month_limit,
        knows_the_dead=True,
        clock_may_gain=False,
        foreign=None,
    )
    world = World(setup, folder, most_steps=50_000_000)
    report = Report(days, month_limit, len(claims), 0)
    with played(world):
        world.loop.run_until_complete(_live(world, report))
    _judge(world, report, tail)
    return report


def _draw(random: Random, day: int, number: int) -> Claim:
    """Claims are made in office hours; how long their approvers take is spread evenly over magnitudes."""
    created = BEGINNING + timedelta(days=day, hours=random.uniform(0.0, 9.0))
    minutes = math.exp(random.uniform(math.log(_LASTING.shortest), math.log(_LASTING.longest)))
    wall = created.astimezone(SHANGHAI)
    return Claim(
        id=f"claim-{day:03d}-{number:03d}-{random.getrandbits(48):012x}",
        number=f"{wall:%Y%m%d%H%M}{day:05d}{number:04d}",
        created=created,
        finished=created + timedelta(minutes=minutes),
        outcome=random.choice(("agree",) * 9 + ("refuse",)),
        amounts=(Decimal(random.randint(100, 500_000)) / 100,),
        person=f"523700000000{random.randint(1, 20):04d}",
    )


async def _live(world: World, report: Report) -> None:
    end = world.setup.storm_seconds
    begun = 0.0
    month = ""
    while world.loop.time() < end:
        result = await world.run_once(Request(_scheme()))
        report.runs += 1
        if result is None:
            report.problems.append(f"a run died: {world.history.lines()[-1]}")
            return
        _note(report, result)
        now = world.wall.now().astimezone(SHANGHAI)
        if now.day >= 15 and f"{now:%Y-%m}" != month:
            month = f"{now:%Y-%m}"
            report.forecasts.append((month, _forecast(world, now)))
        begun += 600.0
        await asyncio.sleep(max(begun - world.loop.time(), 1.0))


def _scheme() -> str:
    from dst.setup import scheme_file

    return scheme_file()


def _note(report: Report, result: RunResult) -> None:
    for text in result.warnings:
        report.warnings["listed nothing new" if "listed nothing new" in text else _DIGITS.sub("…", text)] += 1
    report.unlisted += any("listed nothing new" in text for text in result.warnings)
    if result.error is not None:
        report.problems.append(f"{result.run}: {result.error.message}")


def _forecast(world: World, now: datetime) -> int:
    from sqlalchemy import select

    from engine.ledger.tables import budgets

    limit = world.setup.month_limit
    with world.database.begin() as tx:
        system = tx.scalar(select(budgets.c.system).where(budgets.c.interface == _READING))
        return read_budget(tx, str(system), now, per_month=limit, per_day=None).forecast_month


def _judge(world: World, report: Report, tail: float) -> None:
    report.calls = world.dingtalk.served
    end = world.wall.true()
    audited = {bill.number: bill.audited_at for bill in world.kingdee.bills.values()}
    for claim in world.setup.claims:
        if not claim.is_due or claim.finished > end - timedelta(days=tail):
            continue
        report.agreed += 1
        paid = audited.get(f"DD{claim.number}")
        if paid is None:
            report.unpaid.append(claim.number)
            continue
        hours = (paid - claim.finished) / timedelta(hours=1)
        report.delays.append(hours)
        if claim.finished - claim.created < timedelta(days=1):
            report.quick_delays.append(hours)
        if len(claim.comments) != 1:
            report.untold.append(claim.number)
