"""engine runs: which runs there were and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, run_async
from engine.cli.usage import Group
from engine.errors import UsageError
from engine.language import tr
from engine.run.words import status_word

if TYPE_CHECKING:
    from datetime import datetime

    from engine.ledger.runs import Run

__all__ = ["runs"]


@click.group(cls=Group, help=tr("Runs: list them, show one."))
@common_options
def runs(common: Common) -> None:
    """The group."""


@runs.command("list", help=tr("List the latest runs."))
@click.argument("scheme", required=False)
@common_options
def list_(common: Common, scheme: str | None) -> int:
    """List runs."""
    found = run_async(_listed(common, scheme))
    if common.json:
        emit({"runs": [_as_json(run) for run in found]})
        return 0
    from engine.cli.show import show_table

    if not found:
        click.echo(tr("no runs yet in this ledger"))
    show_table(
        (
            tr("run"),
            tr("began"),
            tr("status"),
            tr("delivered"),
            tr("failed"),
            tr("scheme"),
            tr("environment"),
        ),
        [
            (
                run.id,
                _when(run.started_at),
                status_word(run.status) if run.status else tr("no end"),
                _count(run, "delivered"),
                _count(run, "failed"),
                run.scheme,
                run.environment,
            )
            for run in found
        ],
    )
    return 0


def _count(run: Run, name: str) -> str:
    return str((run.result or {}).get("counts", {}).get(name, ""))


async def _listed(common: Common, scheme: str | None) -> list[Run]:
    from engine.ledger.runs import list_runs
    from engine.run.inspect import looking, scheme_id

    async with looking(common.choose()) as view:
        name = scheme_id(scheme) if scheme else None
        return await view.ledger.do(lambda tx: list_runs(tx, name))


@runs.command(help=tr("Show one run: what run --json printed."))
@click.argument("run")
@common_options
def show(common: Common, run: str) -> int:
    """Show one run."""
    found = run_async(_shown(common, run))
    if found is None:
        raise UsageError(tr("there is no run '{run}'", run=run), hint=tr("engine runs list shows them"))
    if common.json:
        emit(_as_json(found))
        return 0
    from engine.cli.pretty import pretty
    from engine.cli.show import say

    say(f"{found.id} · {found.scheme} · {found.environment} · {found.command}", style="bold")
    ended = _when(found.ended_at) if found.ended_at else tr("no end: it was killed, or is still under way")
    say(f"  {_when(found.started_at)} → {ended}")
    if found.result:
        click.echo(pretty(found.result))
    return 0


async def _shown(common: Common, run: str) -> Run | None:
    from engine.ledger.runs import show as show_run
    from engine.run.inspect import looking

    async with looking(common.choose()) as view:
        return await view.ledger.do(lambda tx: show_run(tx, run))


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "scheme": run.scheme,
        "environment": run.environment,
        "command": run.command,
        "scheme_hash": run.scheme_hash,
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "ended_at": run.ended_at.isoformat(timespec="seconds") if run.ended_at else None,
        "status": run.status,
        "result": run.result,
    }


def _when(at: datetime) -> str:
    from engine.run.telling import when

    return when(at)
