"""The storm: which faults a history has, and how often; all of it drawn from the history's seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

__all__ = ["KINDS", "Storm", "draw_storm"]

KINDS: dict[str, float] = {
    # the network, for each request
    "connection refused": 0.10,
    "request lost": 0.06,
    "answer lost": 0.10,
    "connection reset": 0.10,
    "late commit": 0.10,
    "slow answer": 0.15,
    "request doubled": 0.08,
    "5xx before": 0.10,
    "5xx after": 0.10,
    "html page": 0.06,
    "empty body": 0.08,
    # the systems, for each request that arrives
    "throttled": 0.08,
    "token expired": 0.10,
    "session expired": 0.10,
    "quota spent": 0.01,
    "bad page": 0.15,
    "half a batch": 0.20,
    "locked bill": 0.10,
    "missing DIndex": 0.20,
    "unnamed document": 0.15,
    "wrong IsSuccess": 0.15,
    # the machine: for each step of a process, or each transaction
    "crash": 0.0015,
    "crash before commit": 0.01,
    "crash after commit": 0.01,
    "pause": 0.0025,
    "clock jump": 0.0006,
    "disk full": 0.010,
    "ledger lost before commit": 0.010,
    "ledger lost after commit": 0.010,
}
"""Every kind of fault, and the rate at which it is common."""


@dataclass(slots=True)
class Storm:
    """The rates of one history. In calm weather nothing strikes."""

    random: Random
    rates: dict[str, float] = field(default_factory=dict)
    raging: bool = True

    def strikes(self, kind: str) -> bool:
        """Whether a fault happens here; draws only for kinds that this history has."""
        rate = self.rates.get(kind, 0.0)
        return self.raging and rate > 0.0 and self.random.random() < rate


def draw_storm(random: Random, without: frozenset[str] = frozenset()) -> Storm:
    """A storm of many kinds of faults, each rare, common or frequent; or of a few kinds, very frequent: what
    seldom comes together would else be hidden by all the rest; or of every kind at once, all frequent."""
    possible = [kind for kind in KINDS if kind not in without]
    if random.random() < 0.1:
        rates = {kind: KINDS[kind] * 2.5 for kind in possible}
    elif random.random() < 0.3:
        rates = {kind: KINDS[kind] * 4.0 for kind in random.sample(possible, random.randint(1, 4))}
    else:
        kinds = [kind for kind in possible if random.random() < 0.45]
        rates = {kind: KINDS[kind] * random.choice((0.3, 1.0, 1.0, 2.0)) for kind in kinds}
    return Storm(Random(random.getrandbits(64)), rates)
