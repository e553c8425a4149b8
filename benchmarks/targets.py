"""What is wanted of the engine, beside what was measured: ratios of one run, and a few plain limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import whole_job

__all__ = ["Target", "of_mapping", "of_memory", "of_starting", "of_whole_job"]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure: at most, or with `least` at least, what is wanted."""

    what: str
    measured: float
    wanted: float
    unit: str
    least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is as wanted."""
        return self.measured >= self.wanted if self.least else self.measured <= self.wanted

    def row(self) -> tuple[str, str, str, str]:
        """As a line of the report."""
        bound = "at least" if self.least else "at most"
        return (
            self.what,
            f"{bound} {self.wanted:g}{self.unit}",
            f"{self.measured:.3g}{self.unit}" if self.measured < 100 else f"{self.measured:.0f}{self.unit}",
            "yes" if self.holds else "**no**",
        )


def of_whole_job(found: Sequence[Mapping[str, Any]]) -> list[Target]:
    """The engine against the job by hand, the peers, and plain limits."""
    rows = {(each["name"], each["latency"]): each for each in found}
    made = []
    for (name, latency), engine in rows.items():
        if name != whole_job.ENGINE:
            continue
        at = f"at {latency * 1000:.0f} ms a call"
        speed = engine["per_second"]
        hand = speed / rows[whole_job.BY_HAND, latency]["per_second"] * 100
        made.append(Target(f"whole job, of by hand, {at}", hand, 90 if latency else 60, " %", least=True))
        for peer, wanted in (("airbyte-cdk", 3.0), ("Node-RED", 1.0)):
            there = [each for (who, late), each in rows.items() if late == latency and who.startswith(peer)]
            if there and (not latency or peer == "Node-RED"):
                times = speed / there[0]["per_second"]
                made.append(
                    Target(f"whole job, of {there[0]['name']}, {at}", times, wanted, " ×", least=True)
                )
        if not latency:
            made.append(Target("processor time of a claim", engine["cpu_ms"], 0.5, " ms"))
            made.append(Target(f"memory at {engine['claims']} claims", engine["peak"], 90, " MB"))
    return made


def of_mapping(ratio: Mapping[str, float]) -> list[Target]:
    """Compiled mappings, and those whose templates stay Jinja's, against a mapping by hand."""
    wanted = {"compiled": 1.5, "templates": 6.0, "sandboxed": 6.0, "statements": 6.0}
    return [
        Target(f"mapping, {name}, of by hand", ratio[name], most, " ×")
        for name, most in wanted.items()
        if name in ratio
    ]


def of_memory(found: Sequence[Mapping[str, Any]]) -> list[Target]:
    """The largest run against the one of the ordinary size."""
    few, many = found[-2], found[-1]
    what = f"memory at {many['claims']} claims, of that at {few['claims']}"
    return [Target(what, many["peak"] / few["peak"] * 100, 110, " %")]


def of_starting(found: Mapping[str, Mapping[str, float]], size: float | None) -> list[Target]:
    """How long commands take to start, and what is installed."""
    wanted = {"engine --help": 150, "engine validate, one scheme": 300}
    made = [Target(name, cost["wall_ms"], wanted[name], " ms") for name, cost in found.items()]
    return made if size is None else [*made, Target("installed, with all it depends on", size, 45, " MB")]
