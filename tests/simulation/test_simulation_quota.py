"""A month's calls last: runs decide by themselves what is worth a call. `make soak` plays 90 days."""

from __future__ import annotations

from pathlib import Path

from dst.quota import Report, simulate


def most_in_a_month(report: Report) -> int:
    return max(calls for name, calls in report.calls.items() if " " not in name)


def test_everyone_is_paid_and_told_within_the_quota(tmp_path: Path) -> None:
    report = simulate(tmp_path, days=4, month_limit=5000, per_day=10)
    assert not report.problems
    assert not report.unpaid
    assert not report.untold
    assert most_in_a_month(report) <= 5000


def test_a_quota_that_is_too_small_delays_and_is_never_exceeded(tmp_path: Path) -> None:
    report = simulate(tmp_path, days=3, month_limit=150, per_day=20)
    assert report.warnings
    assert most_in_a_month(report) <= 150
