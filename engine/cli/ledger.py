"""engine ledger: what the ledger holds, its backup, its upgrade, its pruning."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from engine.cli.context import Common, common_options, emit, run_async
from engine.cli.usage import Group
from engine.language import tr
from engine.run.words import state_word

__all__ = ["ledger"]

_YOUNGEST = timedelta(days=31)
_PRUNED = {
    "payloads": "documents as they were sent",
    "snapshots": "records as they were read",
    "events": "events of closed records",
    "runs": "runs",
    "lookups": "kept look-ups",
    "budgets": "daily counts of calls",
}


@click.group(cls=Group, help=tr("The ledger: status, backup, upgrade, prune."))
@common_options
def ledger(common: Common) -> None:
    """The group."""


@ledger.command(help=tr("Show where the ledger is, how large, and how many records stand where."))
@common_options
def status(common: Common) -> int:
    """Show the ledger's status."""
    from engine.ledger.backup import check

    choice = common.choose()
    found = run_async(_status(common))
    wrong = check(choice.ledger)
    if common.json:
        emit(found | {"problems": wrong})
        return 1 if wrong else 0
    click.echo(f"{tr('ledger')}  {found['ledger']}")
    click.echo(f"{tr('version')}  {found['version']}")
    click.echo(f"{tr('size')}  {found['bytes'] / 1024:,.0f} KB")
    for state, number in found["deliveries"].items():
        click.echo(f"  {state_word(state)}  {number}")
    for line in wrong:
        click.echo(f"! {line}")
    return 1 if wrong else 0


async def _status(common: Common) -> dict[str, Any]:
    from engine.ledger.backup import status as read
    from engine.run.inspect import looking

    choice = common.choose()
    async with looking(choice) as view:
        found = await view.ledger.do(read)
    return {
        "ledger": found.place,
        "version": found.version,
        "bytes": found.size,
        "records": found.records,
        "runs": found.runs,
        "deliveries": dict(found.deliveries),
    }


@ledger.command(help=tr("Copy the ledger, while others may use it."))
@click.argument("to", required=False)
@common_options
def backup(common: Common, to: str | None) -> int:
    """Back the ledger up."""
    from engine.ledger.backup import backup as copy
    from engine.ledger.open import ledger_path
    from engine.run.workplace import clock_of

    choice = common.choose()
    path = ledger_path(choice.ledger)
    stamp = f"{clock_of(choice).now():%Y%m%d-%H%M%S}"
    default = path.with_name(f"{path.stem}-{stamp}{path.suffix}") if path else Path(f"ledger-{stamp}.db")
    made = copy(choice.ledger, Path(to) if to else default)
    if common.json:
        emit({"backup": str(made)})
    else:
        click.echo(tr("copied to {path}", path=made))
    return 0


@ledger.command(help=tr("Bring the ledger's tables to this program's version."))
@common_options
def upgrade(common: Common) -> int:
    """Upgrade the ledger."""
    from engine.ledger.open import upgrade as bring_up

    before, after = bring_up(common.choose().ledger)
    if common.json:
        emit({"before": before, "after": after})
    else:
        click.echo(tr("version {before} → {after}", before=before or "-", after=after))
    return 0


@ledger.command(help=tr("Let go of old payloads and stories; identity, numbers and totals stay."))
@click.option(
    "--older-than",
    "older_than",
    default="365d",
    show_default=True,
    metavar="DURATION",
    help=tr("How old a thing must be to go: 365d; at least 31d."),
)
@click.option("--dry-run", "dry_run", is_flag=True, help=tr("Only tell what would go."))
@common_options
def prune(common: Common, older_than: str, dry_run: bool) -> int:
    """Prune the ledger."""
    from engine.cli.run import duration_option

    age = duration_option("--older-than", older_than)
    if age < _YOUNGEST:
        raise click.BadParameter(
            tr("at least 31d: what is younger is still compared and asked for"), param_hint="--older-than"
        )
    before, gone = run_async(_prune(common, age, dry_run))
    if common.json:
        emit({"before": before.isoformat(timespec="seconds"), "dry_run": dry_run, **gone})
        return 0
    day = f"{before:%Y-%m-%d}"
    click.echo(
        tr("would go, of before {day}:", day=day) if dry_run else tr("gone, of before {day}:", day=day)
    )
    for name, word in _PRUNED.items():
        click.echo(f"  {tr(word)}  {gone[name]}")
    return 0


async def _prune(common: Common, age: timedelta, dry_run: bool) -> tuple[datetime, dict[str, int]]:
    from dataclasses import asdict

    from engine.clock import SHANGHAI
    from engine.ledger.prune import prune_in_parts, would_prune
    from engine.run.inspect import looking
    from engine.run.workplace import clock_of

    choice = common.choose()
    before = clock_of(choice).now().astimezone(SHANGHAI) - age
    async with looking(choice) as view:
        if dry_run:
            found = await view.ledger.do(lambda tx: would_prune(tx, before))
        else:
            found = await prune_in_parts(view.ledger, before)
    return before, asdict(found)
