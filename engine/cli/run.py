"""engine run: carry out a scheme."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from engine.cli.context import Common, common_options, run_async
from engine.language import tr

__all__ = ["run"]


@click.command(help=tr("Run a scheme: read what is new, deliver each document once, write back."))
@click.argument("scheme")
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@click.option(
    "--since", metavar="D", help=tr("List from this time on, for this run only: a date, a time, or -40d.")
)
@click.option("--until", metavar="D", help=tr("List up to this time, for this run only."))
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help=tr("List at most N records."))
@click.option("--recheck", is_flag=True, help=tr("Ask for every waiting record again."))
@click.option("--settle-wait", metavar="S", help=tr("How long to wait for unclear documents: 90, 90s, 5m."))
@common_options
def run(common: Common, **given: Any) -> int:
    """Carry out a scheme."""
    return run_async(_run(common, given))


async def _run(common: Common, given: dict[str, Any]) -> int:
    from engine.cli.report import Reporter
    from engine.run.execute import Request, execute
    from engine.run.runner import Options
    from engine.run.workplace import Workplace
    from engine.scheme.params import parse_overrides

    overrides = parse_overrides(given["pairs"])
    async with Workplace(common.choose_for(given["scheme"])) as place:
        since, until = window_options(given["since"], given["until"], place.clock.now())
        options = Options(
            since=since,
            until=until,
            limit=given["limit"],
            recheck=given["recheck"],
            settle_wait=seconds_option("--settle-wait", given["settle_wait"]),
        )
        with Reporter(common, place) as reporter:
            request = Request(
                given["scheme"],
                overrides,
                options,
                announce=reporter.announce,
                watch=reporter.watch,
                tell=reporter.tell,
            )
            result = await execute(place, request)
    return reporter.conclude(result)


def window_options(
    since: str | None, until: str | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """The two ends of a window given by hand; one without time between them is refused, not listed empty."""
    start, end = moment_option("--since", since, now), moment_option("--until", until, now)
    if start is not None and start >= min(end or now, now):
        raise click.BadParameter(
            tr("'{text}' is not before the end of the window", text=since), param_hint="--since"
        )
    return start, end


def moment_option(name: str, text: str | None, now: datetime) -> datetime | None:
    """A date, an ISO time, or so long before now; in Asia/Shanghai where it names no zone."""
    from engine.scheme.params import moment

    if text is None:
        return None
    try:
        return moment(text, now)
    except ValueError as error:
        raise click.BadParameter(
            tr("'{text}' is no date, time, or -40d", text=text), param_hint=name
        ) from error


def seconds_option(name: str, text: str | None) -> float | None:
    """A duration such as 90s or 2h, in seconds; a bare number is seconds."""
    return None if text is None else duration_option(name, text).total_seconds()


def duration_option(name: str, text: str) -> timedelta:
    """A duration such as 90s, 2h or 40d."""
    from engine.connector.limits import parse_duration

    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            tr("'{text}' is no duration such as 90s, 2h, 40d", text=text), param_hint=name
        ) from error
