"""engine records adopt and handle: what a human decides about a difference, with his reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit, plain, run_async
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.adopt import Adopted

__all__ = ["adopt", "handle"]


@click.command(
    help=tr("Take the bill that the target has for a record's delivery, as it is, though it differs.")
)
@click.argument("scheme")
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT", help=tr("Why; kept with the record."))
@click.option("--bill", metavar="NUMBER|ID", help=tr("Which bill, where more than one could be meant."))
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@common_options
def adopt(
    common: Common, scheme: str, name: str, reason: str, bill: str | None, pairs: tuple[str, ...]
) -> int:
    """Take a bill over."""
    adopted = run_async(_adopt(common, scheme, name, reason, bill, pairs))
    if common.json:
        emit({"adopted": adopted.as_json()})
    else:
        text = tr(
            "'{name}' is delivered by '{bill}' from now on; the bill stays as it is",
            name=adopted.number,
            bill=adopted.bill.number,
        )
        click.echo(plain(text))
        if adopted.differences:
            click.echo(plain(tr("it differs: {differences}", differences=adopted.differences)))
        click.echo(tr("the next run writes back"))
    return 0


async def _adopt(
    common: Common, scheme: str, name: str, reason: str, bill: str | None, pairs: tuple[str, ...]
) -> Adopted:
    from engine.cli.report import announce
    from engine.run.adopt import Adoption
    from engine.run.adopt import adopt as take
    from engine.run.workplace import Workplace
    from engine.scheme.params import parse_overrides

    overrides = parse_overrides(pairs)
    async with Workplace(common.choose_existing()) as place:
        wanted = Adoption(
            scheme, name, reason, bill, overrides, lambda lane: announce(place, lane, tr("asks"))
        )
        return await take(place, wanted)


@click.command(
    help=tr("Mark a difference that `engine reconcile` found as dealt with, until it changes again.")
)
@click.argument("scheme")
@click.argument("names", nargs=-1, required=True)
@click.option("--reason", required=True, metavar="TEXT", help=tr("Why; kept with the record."))
@common_options
def handle(common: Common, scheme: str, names: tuple[str, ...], reason: str) -> int:
    """Mark differences as dealt with."""
    causes = run_async(_handle(common, scheme, names, reason))
    if common.json:
        emit({"handled": [{"name": name, "cause": cause} for name, cause in zip(names, causes, strict=True)]})
    else:
        click.echo(
            tr("1 difference marked as handled")
            if len(causes) == 1
            else tr("{count} differences marked as handled", count=len(causes))
        )
    return 0


async def _handle(common: Common, scheme: str, names: tuple[str, ...], reason: str) -> list[str]:
    from engine.run.inspect import looking, scheme_id, target_system
    from engine.run.reconcile.marks import handle as mark

    if not reason.strip():
        raise UsageError(tr("say why: --reason is kept with the record"))
    async with looking(common.choose()) as view:
        id, system, now = scheme_id(scheme), target_system(view, scheme), view.clock.now()
        return await view.ledger.do(lambda tx: mark(tx, id, system, names, reason.strip(), now))
