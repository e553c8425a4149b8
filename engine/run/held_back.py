"""What the scheme's guard has held back: how much it is, what to look at first, and what lets it through."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.language import tr
from engine.ledger import deliveries
from engine.ledger.rows import State
from engine.run.advice import commands_of
from engine.run.inspect import View

if TYPE_CHECKING:
    from engine.ledger.rows import Delivery
    from engine.run.lane import Lane, Work
    from engine.run.workplace import Workplace

__all__ = ["held_back"]


async def held_back(place: Workplace, lane: Lane, work: Work) -> str | None:
    """The guard's message when it has stopped this run; None when it has not."""
    limit = work.brake.guard
    if limit is None:
        return None
    found = await work.ledger.do(
        lambda tx: deliveries.in_states(tx, lane.scheme.id, lane.to.system, [State.READY], limit=None)
    )
    if not found:
        return limit
    command = commands_of(View(place.choice, place.ledger, place.clock))
    scheme, guard = lane.scheme.id, lane.scheme.target.guard
    steps = [
        tr("look at them first: `{command}`", command=command("records", "list", scheme, "--state", "ready")),
        tr("`{command}` then sends the next ones", command=command("run", scheme)),
    ]
    if guard is not None:
        place_of_guard = f"{guard.position.file}:{guard.position.line}"
        steps.append(tr("to send more at once, raise `guard` ({place})", place=place_of_guard))
        steps[1:] = _beyond(found, guard.amount) + steps[1:]
    return tr("; ").join([limit, _worth(found), *steps])


def _worth(found: list[Delivery]) -> str:
    """How many, and their sum as far as they have one."""
    amount = f"{sum((each.amount or Decimal(0) for each in found), Decimal(0)):,.2f}"
    if len(found) == 1:
        return tr("1 document worth {amount} is held back", amount=amount)
    return tr("{count} documents worth {amount} are held back", count=len(found), amount=amount)


def _beyond(found: list[Delivery], limit: Decimal | None) -> list[str]:
    """A document that no run would ever send, since it alone is worth more than a run may send."""
    largest = max(found, key=lambda each: each.amount or Decimal(0))
    if limit is None or largest.amount is None or largest.amount <= limit:
        return []
    return [
        tr(
            "'{name}' alone is worth {amount}: no run sends it until `guard` is raised",
            name=largest.number or largest.source_id,
            amount=f"{largest.amount:,.2f}",
        )
    ]
