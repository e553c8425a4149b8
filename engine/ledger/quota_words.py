"""What people are told about a quota: that it will not last, is nearly spent, or is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import QuotaSpent
from engine.language import tr

if TYPE_CHECKING:
    from engine.ledger.budgets import Budget

__all__ = ["spent", "warning"]


def spent(budget: Budget, name: str) -> QuotaSpent:
    """The error for a call that is one too many."""
    if budget.month_limit is not None and budget.month_used >= budget.month_limit:
        message = tr(
            '"{name}": the {limit} calls of this month are used up', name=name, limit=budget.month_limit
        )
        hint = tr(
            "they begin anew on {date}; if the vendor allows more, raise limits.per_month",
            date=f"{budget.month_end:%Y-%m-%d}",
        )
        return QuotaSpent(message, hint=hint)
    return QuotaSpent(
        tr('"{name}": the {limit} calls of this day are used up', name=name, limit=budget.day_limit),
        hint=tr("they begin anew at midnight; if the vendor allows more, raise limits.per_day"),
    )


def warning(budget: Budget, name: str) -> tuple[int, str]:
    """How grave it is (0: all is well, 1: the quota will not last, 2: nearly spent), and in words."""
    if budget.nearly_spent:
        return 2, tr(
            '"{name}": {used} of the {limit} calls of this month are used',
            name=name,
            used=budget.month_used,
            limit=budget.month_limit,
        )
    if budget.overrunning and budget.runs_out is not None:
        return 1, tr(
            '"{name}": at this pace {forecast} calls by the end of the month, of {limit} allowed; '
            "they last until {date}",
            name=name,
            forecast=budget.forecast_month,
            limit=budget.month_limit,
            date=f"{budget.runs_out:%Y-%m-%d}",
        )
    return 0, ""
