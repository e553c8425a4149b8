"""The scorecard: what a soak did to the engine, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dst.quota import Report
from dst.storm import KINDS
from dst.world import Outcome

__all__ = ["Planted", "Score", "scorecard"]

_MEANINGS = {
    "LOST": "claims without a bill",
    "TWICE": "claims with two bills",
    "AMOUNT": "bills with a wrong amount",
    "STAGES": "bills not saved, submitted and audited once each",
    "COMMENTS": "write-backs not made once",
    "LEDGER": "records in no final or explained state",
    "FOREIGN": "bills made by hand that were touched or told of",
    "STRANGER": "bills of no claim",
    "CONFLICT": "conflicts that were none, or were not seen",
    "COUNTS": "runs whose counts do not add up",
    "ATTENTION": "runs that forgot a failure",
    "STATUS": "runs that called themselves what they were not",
    "QUOTA": "months over the quota",
}


@dataclass(slots=True)
class Score:
    """What many histories come to."""

    histories: int = 0
    by_target: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    """In how many histories each kind of fault struck."""
    runs: int = 0
    bills: int = 0
    steps: int = 0
    hours: float = 0.0
    refused_twice: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Add one history."""
        self.histories += 1
        self.by_target["unique numbers" if outcome.unique else "no unique numbers"] += 1
        self.faults += outcome.history.faults
        self.struck += Counter(set(outcome.history.faults))
        self.runs += outcome.runs
        self.bills += outcome.bills
        self.steps += outcome.steps
        self.hours += outcome.seconds / 3600
        self.refused_twice += outcome.refused_twice
        self.violations += Counter(text.partition(":")[0] for text in outcome.violations)
        if outcome.violations:
            self.reports.append(outcome.report())

    def add(self, other: Score) -> None:
        """Add the histories of another worker."""
        for name in ("histories", "runs", "bills", "steps", "hours", "refused_twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("by_target", "faults", "struck", "violations"):
            getattr(self, name).update(getattr(other, name))


@dataclass(frozen=True, slots=True)
class Planted:
    """How often a planted bug was found."""

    name: str
    unique: bool
    harm: str
    histories: int
    of: int
    example: str


def scorecard(score: Score, planted: Sequence[Planted], quotas: Sequence[Report], commit: str) -> str:
    """The scorecard as Markdown; `commit` is the engine's that was soaked."""
    lines = [*_head(score, commit), *_faults(score), *_planted(planted), *_quota(quotas)]
    return "\n".join(lines) + "\n"


def _head(score: Score, commit: str) -> list[str]:
    others = {name: number for name, number in score.violations.items() if name not in _MEANINGS}
    rows = [f"| {meaning} | {score.violations[name]} |" for name, meaning in _MEANINGS.items()]
    rows += [f"| {name} | {number} |" for name, number in others.items()]
    targets = ", ".join(f"{number:,} with {name}" for name, number in sorted(score.by_target.items()))
    return [
        "# Reliability",
        "",
        f"Written by `make soak`, at commit {commit}. The runner, the ledger and the connectors run",
        "unchanged in a simulated world (`tests/simulation`): scheduler, clock, network, disk and both",
        "systems come from a seed, so that every history can be played again to the last event. One to",
        "three engine processes go through a storm of faults; then calm runs follow until nothing changes",
        "any more, and both systems and the ledger are asked whether every promise was kept.",
        "",
        f"**{score.histories:,} histories** ({targets}): {score.runs:,} runs of the engine, "
        f"{score.bills:,} bills, {sum(score.faults.values()):,} faults, "
        f"{score.hours / 24:,.0f} virtual days, {score.steps:,} steps.",
        "",
        "| what must never be | found |",
        "| --- | --- |",
        *rows,
        "",
        f"A second bill that only the target's unique numbers kept away: {score.refused_twice:,} times.",
        "Where numbers are not unique, asking and settling alone protect; there a request may live as long",
        "as 75 s, and the settle time is 80 s.",
    ]


def _faults(score: Score) -> list[str]:
    rows = [f"| {kind} | {score.faults[kind]:,} | {score.struck[kind]:,} |" for kind in KINDS]
    return ["", "## Faults", "", "| kind | times | in histories |", "| --- | --- | --- |", *rows]


def _planted(planted: Sequence[Planted]) -> list[str]:
    rows = [
        f"| {each.name} | {'unique' if each.unique else 'not unique'} | {each.histories} of {each.of} "
        f"| {each.example} |"
        for each in planted
    ]
    return [
        "",
        "## Planted bugs",
        "",
        "A check that cannot fail is worth nothing: eight protocol bugs, planted into the engine, must show.",
        "",
        "| bug | numbers | found in histories | the first of them |",
        "| --- | --- | --- | --- |",
        *rows,
    ]


def _quota(quotas: Sequence[Report]) -> list[str]:
    lines = [
        "",
        "## Quota",
        "",
        f"{quotas[0].days} days in virtual time: 20 claims a day that last from minutes to 40 days (spread",
        "evenly over magnitudes), each paid and commented on, `engine run` every ten minutes. What the",
        "quota leaves after listing, final readings and comments goes into asking sooner for what was not",
        "final yet: a smaller quota takes fewer calls, and people wait longer.",
    ]
    for quota in quotas:
        lines += ["", f"{quota.month_limit:,} calls a month:", ""]
        lines += [f"- {line}" for line in quota.text().splitlines()]
    return lines
