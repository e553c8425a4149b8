"""engine explain: what stands behind a scheme's mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit, plain
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.mapping.compiled.ways import Way

__all__ = ["explain"]


@click.command(help=tr("Tell how a scheme's mapping is worked out."))
@click.argument("scheme")
@click.option("--compiled", is_flag=True, help=tr("Which fields are compiled, and why the others are not."))
@common_options
def explain(common: Common, scheme: str, compiled: bool) -> int:
    """Explain a scheme's mapping."""
    from engine.run.setup import checked_scheme
    from engine.scheme.ways import ways_of

    if not compiled:
        raise UsageError(tr("say what to explain: {known}", known="--compiled"))
    environment = common.environment()
    checked = checked_scheme(scheme, environment)
    ways = ways_of(checked, environment)
    if common.json:
        emit({"scheme": checked.id, "fields": [_as_json(way) for way in ways]})
    else:
        _print(ways)
    return 0


def _as_json(way: Way) -> dict[str, object]:
    return {
        "field": way.field,
        "way": "interpreted" if way.reason else "compiled",
        "reason": tr(way.reason) if way.reason else None,
        "file": way.position.file,
        "line": way.position.line,
    }


def _print(ways: list[Way]) -> None:
    widest = max((len(way.field) for way in ways), default=0)
    for way in ways:
        said = click.style(tr("compiled"), fg="green")
        if way.reason:
            said = click.style(tr("interpreted: {reason}", reason=tr(way.reason)), fg="yellow")
        click.echo(f"{way.position.line:>5}  {plain(way.field):{widest}}  {said}")
    done = sum(way.reason is None for way in ways)
    click.echo(tr("{done} of {count} are compiled", done=done, count=len(ways)))
