"""kill -9 of the real `engine run` at moments that a seed chooses, and the audit of what came of it."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from outside_serving import Loop
from outside_world import Result, World
from processes_figures import Figures
from processes_simulated import Simulated, kinds_of

_ENDED = (-9, 0, 1)
_SIMULATION = Path(__file__).parent.parent / "simulation"
_PLANTED = """
import sys
sys.path.insert(0, {path!r})
from dst.plants import PLANTS
from engine.cli.main import run
with next(plant for plant in PLANTS if plant.name == {plant!r}).plant():
    run()
"""
_MOST_RUNS = 60
_CALLS = {"kingdee": ("batchsave", "batchsave", "submit", "audit"), "dingtalk": ("comment", "comment", "get")}
_KINDS = {
    "kingdee": ("kill_before", "kill_after", "kill_late", "kill_late"),
    "dingtalk": ("kill", "kill_after", "kill_after"),
}


class Company(World):
    """A world with agreed claims, whose command is killed again and again.

    `plant` names a bug of `tests/simulation/dst/plants.py` to run with: to see that the audit finds it.
    """

    kills_by_itself = True
    zero = ("skipped", "waiting", "failed", "unknown", "pending")

    def __init__(
        self,
        folder: Path,
        loop: Loop,
        *,
        ledger: str | None = None,
        unique: bool = True,
        claims: int = 16,
        batch: int = 4,
        plant: str = "",
    ) -> None:
        super().__init__(folder, loop)
        folder.mkdir()
        self.ledger = ledger
        self.kinds = ("the servers of tests/scenarios/outside", *kinds_of(ledger, unique))
        self.boot = _PLANTED.format(path=str(_SIMULATION), plant=plant) if plant else self.boot
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

    @property
    def late(self) -> int:
        """Requests that took effect after their sender was dead."""
        return self.kingdee.struck.count("kill_late")

    def fail(self, chance: random.Random) -> None:
        """Let the process be killed right before, right after, or long before the effect of a call."""
        side = chance.choice(("kingdee", "kingdee", "dingtalk"))
        server = getattr(self, side)
        method = chance.choice(_CALLS[side])
        server.fail(method, chance.choice(_KINDS[side]), skip=chance.randint(0, 2), arg=0.2)

    def calm(self) -> None:
        self.kingdee.plan.clear()
        self.dingtalk.plan.clear()

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

    def __init__(self, company: Company | Simulated, seed: int, kills: int) -> None:
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
        self.figures.other += self.company.left_open() + _miscounted(ended, self.company.zero)
        self.figures.kinds = Counter(dict.fromkeys(self.company.kinds, self.figures.kills))
        return self.figures

    def _strike(self) -> Result | None:
        """One run that is to be killed; its result when it had done everything before."""
        how = self.random.choice((self._by_call, self._by_call, self._by_time, self._by_fault))
        moment = how.__name__.removeprefix("_by_")
        before = self.company.late
        process = self.company.start()
        how(process)
        ended = self.company.finish(process)
        self.company.calm()
        self.figures.runs += 1
        self.figures.late += self.company.late > before
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

    def _by_fault(self, process: subprocess.Popen[str]) -> None:
        """While calls go wrong; where the systems can tell, right before, right after, or long before an
        effect."""
        self.company.fail(self.random)
        if not self.company.kills_by_itself:
            self._by_call(process)

    def _in_peace(self) -> Result:
        for _ in range(6):
            ended = self.company.finish(self.company.start())
            self.figures.runs += 1
            if ended.code == 0:
                return ended
        self.figures.other.append(f"the last run ended with {ended.code}: {ended.err[-800:]}")
        return ended


def _miscounted(ended: Result, zero: tuple[str, ...]) -> list[str]:
    counts: dict[str, Any] = ended.counts
    odd = any(counts[name] for name in zero)
    return [f"counts of the last run: {counts}"] if odd or ended.json["attention"] else []
