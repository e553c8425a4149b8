"""engine reconcile: both sides of a scheme compared, with what mends each difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, interactive, plain, run_async, stderr
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.run.lane import Lane
    from engine.run.reconcile.execute import Reconciliation
    from engine.run.workplace import Workplace

__all__ = ["reconcile"]


@click.command(help=tr("Compare source and target: by day, organisation and process, each difference told."))
@click.argument("scheme")
@click.option("--since", metavar="D", help=tr("The period's begin: a date, a time, or -40d."))
@click.option("--until", metavar="D", help=tr("The period's end, which is not part of it; now by default."))
@click.option("--excel", metavar="FILE", help=tr("Write a workbook for the accountant besides."))
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@common_options
def reconcile(common: Common, scheme: str, **given: Any) -> int:
    """Compare both sides."""
    if given["excel"]:
        from engine.cli.workbook import check_target

        check_target(given["excel"])
    compared = run_async(_reconcile(common, scheme, given))
    if given["excel"]:
        from engine.cli.workbook import write_workbook

        write_workbook(compared, given["excel"])
        click.echo(tr("workbook written: {file}", file=given["excel"]), err=True)
    if common.json:
        from engine.cli.reconcile_json import as_json

        emit(as_json(compared))
        for warning in compared.warnings:
            click.echo(plain(f"{tr('warning')}: {warning}"), err=True)
    else:
        from engine.cli.reconcile_tables import show

        show(compared)
    return compared.exit_code


async def _reconcile(common: Common, scheme: str, given: Mapping[str, Any]) -> Reconciliation:
    from engine.cli.run import moment_option
    from engine.run.reconcile.execute import Request
    from engine.run.reconcile.execute import reconcile as compare
    from engine.run.workplace import Workplace
    from engine.scheme.params import parse_overrides

    async with Workplace(common.choose_for(scheme)) as place:
        now = place.clock.now()
        request = Request(
            scheme,
            moment_option("--since", given["since"], now),
            moment_option("--until", given["until"], now),
            parse_overrides(given["pairs"]),
            announce=lambda *told: _announce(place, *told),
        )
        if not interactive():
            return await compare(place, request)
        with stderr().status(tr("reading both sides")):
            return await compare(place, request)


def _announce(
    place: Workplace, lane: Lane, since: datetime, until: datetime, expected: Mapping[str, int]
) -> None:
    """Say what is compared, and about how many calls that takes, before any is made."""
    from engine.cli.report import announce
    from engine.clock import SHANGHAI

    announce(place, lane, tr("compares with"))
    begin, end = (f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for at in (since, until))
    calls = ", ".join(f"{name} {count}" for name, count in expected.items())
    click.echo(f"  {tr('period {begin} to {end}', begin=begin, end=end)}", err=True)
    click.echo(
        f"  {tr('about {calls} calls, and one for each claim that is new to the ledger', calls=calls)}",
        err=True,
    )
