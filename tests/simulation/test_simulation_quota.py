"""A month's calls last: runs decide by themselves what is worth a call. `make soak` plays 90 days."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest
from dst.floor import Lasting, fewest_readings
from dst.quota import Report, simulate


def most_in_a_month(report: Report) -> int:
    return max(calls for name, calls in report.calls.items() if " " not in name)


def test_everyone_is_paid_and_told_within_the_quota(tmp_path: Path) -> None:
    report = simulate(tmp_path, days=4, month_limit=5000, per_day=10, tail=1.0)
    assert not report.problems
    assert report.agreed > 5
    assert not report.unpaid
    assert not report.untold
    assert most_in_a_month(report) <= 5000


def test_a_quota_that_is_too_small_delays_and_is_never_exceeded(tmp_path: Path) -> None:
    report = simulate(tmp_path, days=3, month_limit=150, per_day=20)
    assert any("at this pace" in text for text in report.warnings), report.warnings
    assert most_in_a_month(report) <= 150


@pytest.mark.parametrize("growth", [1.1, 1.5, 3.0])
def test_no_schedule_is_better_than_the_best(growth: float) -> None:
    lasting = Lasting(5.0, 40 * 24 * 60.0)
    span = log(lasting.longest / lasting.shortest)
    age, readings, delay = 0.0, 0.0, 0.0
    while lasting.ended(age) < 1:
        after = max(age + 10.0, age * growth)
        readings += 1 - lasting.ended(age)
        step = (after - age) / 2000
        middles = (age + (number + 0.5) * step for number in range(2000))
        delay += sum(
            (after - at) * step / (at * span) for at in middles if lasting.shortest < at < lasting.longest
        )
        age = after
    best = fewest_readings(lasting, delay)
    assert 1 <= best < readings
