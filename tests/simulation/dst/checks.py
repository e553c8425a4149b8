"""What must hold after a history: the promises, asked of the systems and of the ledger."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Row

    from dst.dingtalk import Claim
    from dst.world import World
    from engine.run.result import RunResult

__all__ = ["verdicts"]


def verdicts(world: World) -> list[str]:
    """Everything that is not as promised; nothing when all is."""
    found: list[str] = []
    foreign, different = world.setup.foreign or ("", False)
    if world.decided != ({foreign} if different else set()):
        found.append(f"CONFLICT: a person had to decide on {sorted(world.decided)}")
    for claim in world.setup.claims:
        if different and claim.id == foreign:
            found += _left_alone(world, claim)
            continue
        found += _bills(world, claim)
        found += _comments(world, claim)
        found += _ledger(world, claim)
    found += _strangers(world)
    found += _counts(world)
    found += _quota(world)
    return found


def _bills(world: World, claim: Claim) -> list[str]:
    bills = world.kingdee.numbered(f"DD{claim.number}")
    if not claim.is_due:
        return (
            [f"{claim.number} ({claim.outcome}, {claim.biz_action}) has {len(bills)} bills"] if bills else []
        )
    if not bills:
        return [f"LOST: {claim.number} has no bill"]
    if len(bills) > 1:
        return [f"TWICE: {claim.number} has {len(bills)} bills: {', '.join(bill.id for bill in bills)}"]
    bill = bills[0]
    wrong = []
    if bill.amounts != claim.amounts:
        wrong.append(f"AMOUNT: {claim.number} has {bill.amounts}, not {claim.amounts}")
    if bill.effects != Counter(save=1, submit=1, audit=1) or bill.status != "C":
        wrong.append(f"STAGES: {claim.number} stands at {bill.status}, with {dict(bill.effects)}")
    return wrong


def _left_alone(world: World, claim: Claim) -> list[str]:
    """A bill of another amount that stood there before: nobody may have touched it, or told of it."""
    bills = world.kingdee.numbered(f"DD{claim.number}")
    if len(bills) == 1 and bills[0].effects == Counter(save=1) and not claim.comments:
        return []
    shown = [(bill.id, bill.status, dict(bill.effects)) for bill in bills]
    return [
        f"FOREIGN: {claim.number} was paid by hand, and now has {shown} and {len(claim.comments)} comments"
    ]


def _comments(world: World, claim: Claim) -> list[str]:
    wanted = 1 if claim.is_due else 0
    if len(claim.comments) == wanted:
        return []
    return [f"COMMENTS: {claim.number} has {len(claim.comments)}, not {wanted}"]


def _ledger(world: World, claim: Claim) -> list[str]:
    """The record's own state, and its callback's."""
    query = text(
        "SELECT d.scheme, d.state, d.failure, d.reason, d.target_number FROM deliveries d "
        "JOIN records r ON r.id = d.record_id WHERE r.source_id = :id ORDER BY d.id"
    )
    with world.database.begin() as tx:
        rows = tx.execute(query, {"id": claim.id}).all()
    own = [row for row in rows if row.scheme in world.schemes]
    if len(own) != len(world.schemes):
        return [f"LEDGER: {claim.number} has {len(own)} deliveries"]
    wrong = [text for row in own for text in _state(claim, row)]
    return wrong + [
        f"LEDGER: callback of {claim.number} is {row.state} ({row.reason})"
        for row in rows
        if row.scheme not in world.schemes and row.state != "done"
    ]


def _state(claim: Claim, row: Row[Any]) -> list[str]:
    """Whether a delivery has ended as its claim must."""
    if claim.is_due:
        good = row.state == "done" and row.target_number == f"DD{claim.number}"
    elif claim.outcome != "agree":
        good = row.state == "skipped" and bool(row.reason)
    else:
        good = row.state == "failed" and row.failure == "changed after approval" and bool(row.reason)
    return [] if good else [f"LEDGER: {claim.number} is {row.state} ({row.failure}: {row.reason})"]


def _strangers(world: World) -> list[str]:
    known = {f"DD{claim.number}" for claim in world.setup.claims}
    return [
        f"STRANGER: bill {bill.id} has the number {bill.number}"
        for bill in world.kingdee.bills.values()
        if bill.number not in known
    ]


def _counts(world: World) -> list[str]:
    """fetched = already + delivered + skipped + waiting + failed + unknown + pending; nothing forgotten."""
    wrong = []
    for result in world.results:
        counts = result.counts.as_json()
        if counts["fetched"] != sum(number for name, number in counts.items() if name != "fetched"):
            wrong.append(f"COUNTS: {result.run}: {counts}")
        if result.status == "success" and (counts["failed"] or counts["unknown"] or counts["pending"]):
            wrong.append(f"STATUS: {result.run} is a success with {counts}")
    for scheme in world.schemes:
        ended = [result for result in world.results if result.scheme == scheme]
        wrong += _last(world, scheme, ended[-1]) if ended else [f"RUNS: none of {scheme} ever ended"]
    return wrong


def _last(world: World, scheme: str, last: RunResult) -> list[str]:
    """What a scheme's last run says of its open failures."""
    wrong = []
    with world.database.begin() as tx:
        open_ = tx.scalar(
            text("SELECT count(*) FROM deliveries WHERE scheme = :s AND state IN ('failed', 'unknown')"),
            {"s": scheme},
        )
    if last.attention != open_:
        wrong.append(f"ATTENTION: {last.attention}, and the ledger has {open_}")
    wanted = "partial" if open_ else "success"
    if last.status != wanted:
        wrong.append(f"STATUS: the last run is {last.status}, not {wanted}: {last.message}")
    return wrong


def _quota(world: World) -> list[str]:
    limit = world.setup.month_limit
    if limit is None:
        return []
    return [
        f"QUOTA: {month}: {calls} of {limit} calls"
        for month, calls in world.dingtalk.served.items()
        if " " not in month and calls > limit
    ]
