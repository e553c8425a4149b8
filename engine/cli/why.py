"""engine why: the whole story of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit, run_async
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.why import Story

__all__ = ["why"]


@click.command(help=tr("Tell the whole story of one record, or why it is not there."))
@click.argument("number")
@click.option("--scheme", metavar="S", help=tr("Only under this scheme."))
@common_options
def why(common: Common, number: str, scheme: str | None) -> int:
    """Tell a record's story."""
    told = run_async(_told(common, number, scheme))
    if common.json:
        emit(told.as_json())
    else:
        _print(told, common.choose().place)
    return 0 if told.chapters else 1


async def _told(common: Common, number: str, scheme: str | None) -> Story:
    from engine.run.inspect import looking, scheme_id
    from engine.run.why import why as tell

    async with looking(common.choose()) as view:
        return await tell(view, number, scheme_id(scheme) if scheme else None)


def _print(told: Story, place: str) -> None:
    from engine.cli.show import near, say
    from engine.run.telling import when

    many = len({chapter.target_system for chapter in told.chapters}) > 1
    for chapter in told.chapters:
        system = f" → {chapter.target_system}" if many else ""
        say(f"{chapter.name} · {chapter.scheme}{system}", style="bold")
        say(f"  {chapter.headline}")
        for name, value in chapter.place:
            say(f"    {name}: {near(value)}")
        for step in chapter.next:
            say(f"  → {step}")
        for at, text, times in chapter.events:
            again = tr(" ({times} times)", times=times) if times > 1 else ""
            say(f"  {when(at)}  {text}{again}")
    for line in told.absent:
        say(line)
    if told.absent:
        say(f"{tr('ledger')}  {near(place)}")
