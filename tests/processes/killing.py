"""kill -9 of the real `engine run` at moments that a seed chooses, and the audit of what came of it."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from outside_serving import Loop
from outside_world import Result, World

_ENDED = (-9, 0, 1)
_MOST_RUNS = 60
_CALLS = {"kingdee": ("batchsave", "batchsave", "submit", "audit"), "dingtalk": ("comment", "comment", "get")}
_KINDS = {
    "kingdee": ("kill_before", "kill_after", "kill_late", "kill_late"),
    "dingtalk": ("kill", "kill_after", "kill_after"),
}


@dataclass(slots=True)
class Figures:
    """What a storm did, and what came of it; figures of several storms add up."""

    sets: int = 0
    claims: int = 0
    runs: int = 0
    kills: int = 0
    late: int = 0
    lost: int = 0
    twice: int = 0
    other: list[str] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        for name in ("sets", "claims", "runs", "kills", "late", "lost", "twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.other += other.other
        self.moments += other.moments

    def bad(self) -> list[str]:
        return (
            [f"{self.lost} lost"] * bool(self.lost) + [f"{self.twice} twice"] * bool(self.twice) + self.other
        )


class Company(World):
    """A world with agreed claims, whose command is killed again and again."""

    def __init__(
        self,
        folder: Path,
        loop: Loop,
        *,
        ledger: str | None = None,
        unique: bool = True,
        claims: int = 16,
        batch: int = 4,
    ) -> None:
        super().__init__(folder, loop)
        folder.mkdir()
        self.ledger = ledger
        self.open()
        self.connect(unique=unique, senders=2, timeout="5s")
        self.scheme(("batch: 20", f"batch: {batch}"))
        self.agreed = self.claims(claims, days_ago=0.5)
        self.sums = {
            f"DD{claim.number}": Decimal(f"{100 + n}.{n:02d}") for n, claim in enumerate(self.agreed)
        }

    def environment(self, env: str | None) -> dict[str, str]:
        given = super().environment(env)
        return given | {"ENGINE_LEDGER": self.ledger} if self.ledger else given

    def served(self) -> int:
        """Calls that have reached the servers."""
        return len(self.dingtalk.log) + len(self.kingdee.log)

    def start(self, scheme: str = "expense_to_paybill") -> subprocess.Popen[str]:
        return self.spawn("run", scheme, "--json")

    def audit(self) -> Figures:
        """What is lost, double or odd, now that all runs have ended."""
        numbers, totals = self.kingdee.numbers(), self.kingdee.totals()
        found = Figures(sets=1, claims=len(self.agreed))
        found.lost = sum(key not in numbers for key in self.sums)
        found.lost += sum(not claim.comments for claim in self.agreed)
        found.twice = sum(count - 1 for count in numbers.values())
        found.twice += sum(len(claim.comments) - 1 for claim in self.agreed if claim.comments)
        for bill in self.kingdee.bills:
            if bill["status"] != "C":
                found.other.append(f"{bill['number']} was left at {bill['status']}")
            if totals[bill["number"]] != self.sums.get(bill["number"]):
                found.other.append(f"{bill['number']} pays {totals[bill['number']]}")
        return found

    def left_open(self) -> list[str]:
        """Records that are not done, as the command tells."""
        told = self.engine("records", "list", "expense_to_paybill", "--json")
        return [
            f"{row['number']} is {row['state']}" for row in told.json["records"] if row["state"] != "done"
        ]


class Storm:
    """Kills of one claim set, all from one seed."""

    def __init__(self, company: Company, seed: int, kills: int) -> None:
        self.company = company
        self.random = random.Random(seed)
        self.figures = Figures()
        self._wanted = kills

    def play(self) -> Figures:
        """Start and kill until all is delivered or the kills are used up; then end in peace, and audit."""
        ended: Result | None = None
        while ended is None and self.figures.kills < self._wanted and self.figures.runs < _MOST_RUNS:
            ended = self._strike()
        ended = ended or self._in_peace()
        self.figures.add(self.company.audit())
        self.figures.other += self.company.left_open() + _miscounted(ended)
        return self.figures

    def _strike(self) -> Result | None:
        """One run that is to be killed; its result when it had done everything before."""
        how = self.random.choice((self._by_call, self._by_call, self._by_time, self._by_fault))
        moment = how.__name__.removeprefix("_by_")
        before = len(self.company.kingdee.struck)
        process = self.company.start()
        how(process)
        ended = self.company.finish(process)
        self._forget_faults()
        self.figures.runs += 1
        self.figures.late += "kill_late" in self.company.kingdee.struck[before:]
        if ended.code == -9:
            self.figures.kills += 1
            self.figures.moments[moment] += 1
        elif ended.code not in _ENDED:
            self.figures.other.append(f"a run ended with {ended.code}: {ended.err[-500:]}")
        return ended if ended.code == 0 else None

    def _by_call(self, process: subprocess.Popen[str]) -> None:
        """A few milliseconds after the servers have seen so many calls."""
        until = self.company.served() + self.random.randint(1, 12)
        extra = self.random.uniform(0, 0.03)
        threading.Thread(target=self._await_calls, args=(process, until, extra), daemon=True).start()

    def _await_calls(self, process: subprocess.Popen[str], until: int, extra: float) -> None:
        while process.poll() is None and self.company.served() < until:
            time.sleep(0.001)
        time.sleep(extra)
        process.kill()

    def _by_time(self, process: subprocess.Popen[str]) -> None:
        """Somewhere between the interpreter's start and the end of a run."""
        timer = threading.Timer(self.random.uniform(0.2, 1.2), process.kill)
        timer.daemon = True
        timer.start()

    def _by_fault(self, _: subprocess.Popen[str]) -> None:
        """Right before, right after, or long before the effect of a call."""
        side = self.random.choice(("kingdee", "kingdee", "dingtalk"))
        server = getattr(self.company, side)
        method = self.random.choice(_CALLS[side])
        server.fail(method, self.random.choice(_KINDS[side]), skip=self.random.randint(0, 2), arg=0.2)

    def _forget_faults(self) -> None:
        self.company.kingdee.plan.clear()
        self.company.dingtalk.plan.clear()

    def _in_peace(self) -> Result:
        for _ in range(6):
            ended = self.company.finish(self.company.start())
            self.figures.runs += 1
            if ended.code == 0:
                return ended
        self.figures.other.append(f"the last run ended with {ended.code}: {ended.err[-800:]}")
        return ended


def _miscounted(ended: Result) -> list[str]:
    counts: dict[str, Any] = ended.counts
    odd = {
        name: counts[name] for name in ("skipped", "waiting", "failed", "unknown", "pending") if counts[name]
    }
    return [f"counts of the last run: {counts}"] if odd or ended.json["attention"] else []
