"""What storms of kills did, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


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
    kinds: Counter[str] = field(default_factory=Counter)
    """Kills by database, kind of target and who played the systems."""

    def add(self, other: Figures) -> None:
        for name in ("sets", "claims", "runs", "kills", "late", "lost", "twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.other += other.other
        self.moments += other.moments
        self.kinds += other.kinds

    def bad(self) -> list[str]:
        return (
            [f"{self.lost} lost"] * bool(self.lost) + [f"{self.twice} twice"] * bool(self.twice) + self.other
        )
