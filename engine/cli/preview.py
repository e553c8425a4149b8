"""engine preview: source record and target document side by side; sends nothing."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain, run_async, stdout
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.lane import Lane, Work
    from engine.run.preview import Previewed
    from engine.run.workplace import Workplace

__all__ = ["outcome_word", "preview", "print_briefly", "print_pair"]

_FIRST = 3
# Worth seeing when there is nothing to deliver: what goes wrong, and what the mapping makes of the rest.
_TELLING = ("failed", "held", "retry", "already")
_PIPE_WIDTH = 160


@click.command(help=tr("Show what would be sent, beside what it is made from; sends nothing."))
@click.argument("scheme")
@click.option("--record", metavar="FILE|ID", help=tr("A JSON file, or a record's id or number."))
@click.option("--all", "whole", is_flag=True, help=tr("All records of the scheme's window: count and total."))
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@common_options
def preview(common: Common, scheme: str, record: str | None, whole: bool, pairs: tuple[str, ...]) -> int:
    """Show what a run would send."""
    return run_async(_preview(common, scheme, record, whole, pairs))


async def _preview(
    common: Common, scheme: str, record: str | None, whole: bool, pairs: tuple[str, ...]
) -> int:
    from engine.cli.report import announce
    from engine.run.lane import Work
    from engine.run.setup import build_lane, checked_scheme
    from engine.run.tally import Brake, Tally
    from engine.run.workplace import Workplace
    from engine.scheme.params import parse_overrides

    overrides = parse_overrides(pairs)
    choice = common.choose()
    checked = checked_scheme(scheme, choice.environment)
    async with Workplace(choice) as place:
        lane = build_lane(place, checked, overrides, lists=record is None)
        announce(place, lane, tr("would write to"))
        work = Work("preview", choice.environment.name, place.ledger, place.clock, Tally(), Brake())
        shown = await _collect(lane, work, place, record, whole, common)
    if common.json:
        emit(_as_json(shown))
    elif whole:
        _print_list(shown)
    else:
        for one in shown:
            print_pair(one)
        if not any(one.outcome == "deliver" for one in shown):
            click.echo(tr("nothing would be delivered; --all shows what the window holds"))
    return 1 if any(one.outcome == "failed" for one in shown) else 0


async def _collect(
    lane: Lane, work: Work, place: Workplace, record: str | None, whole: bool, common: Common
) -> list[Previewed]:
    from engine.run.preview import preview_all, preview_file, preview_id

    if record is not None:
        if record_is_file(record):
            return [await preview_file(lane, Path(record))]
        return [await preview_id(lane, work, record)]
    shown: list[Previewed] = []
    others: list[Previewed] = []
    async for one in preview_all(lane, work):
        if whole or one.outcome == "deliver":
            shown.append(one)
        elif one.outcome in _TELLING and len(others) < _FIRST:
            others.append(one)
        if not whole and len(shown) == _FIRST:
            break
    return shown or others


def record_is_file(record: str) -> bool:
    """Whether `--record` names a file rather than an id or number."""
    return Path(record).is_file()


def _worth(one: Previewed) -> Decimal:
    amount = getattr(one.verdict, "amount", None)
    return amount if isinstance(amount, Decimal) else Decimal(0)


def _as_json(shown: list[Previewed]) -> dict[str, Any]:
    counted = Counter(one.outcome for one in shown)
    names = ("deliver", "already", "retry", "waiting", "skipped", "held", "failed")
    return {
        "records": [one.as_json() for one in shown],
        "counts": {name: counted[name] for name in names},
        "count": counted["deliver"],
        "amount": format(_total(shown), "f"),
    }


def _total(shown: list[Previewed]) -> Decimal:
    return sum((_worth(one) for one in shown if one.outcome == "deliver"), Decimal(0))


def _print_list(shown: list[Previewed]) -> None:
    from engine.cli.show import show_table

    show_table(
        (tr("number"), tr("outcome"), tr("amount"), tr("reason")),
        [
            (
                one.number or one.id,
                outcome_word(one.outcome),
                f"{_worth(one):,.2f}" if one.outcome in ("deliver", "already", "retry") else "",
                one.reason or "",
            )
            for one in shown
        ],
    )
    count = sum(one.outcome == "deliver" for one in shown)
    click.echo(
        tr(
            "{count} documents would be delivered, {total} in all; nothing was sent",
            count=count,
            total=f"{_total(shown):,.2f}",
        )
    )


def outcome_word(name: str) -> str:
    """What becomes of a record, in the user's language."""
    return {
        "deliver": tr("deliver"),
        "already": tr("delivered"),
        "retry": tr("needs a retry"),
        "waiting": tr("waiting"),
        "skipped": tr("skipped"),
        "held": tr("held"),
        "failed": tr("failed"),
    }[name]


def print_briefly(one: Previewed) -> None:
    """What would become of a record, in one line."""
    words = [
        tr("tried on {record}: {outcome}", record=one.number or one.id, outcome=outcome_word(one.outcome))
    ]
    key = getattr(one.verdict, "key", None)
    if one.outcome == "deliver" and key:
        words = [tr("tried on {record}: becomes '{key}'", record=one.number or one.id, key=key)]
        if _worth(one):
            words.append(f"{_worth(one):,.2f}")
    elif one.reason:
        words.append(one.reason)
    click.echo(plain(", ".join(words)))


def print_pair(one: Previewed) -> None:
    """A record and its document, side by side."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from engine.cli.pretty import pretty

    document = one.as_json()["document"]
    right = pretty(document) if document is not None else (one.reason or outcome_word(one.outcome))
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(
        Panel(
            Text(pretty(one.record), overflow="fold"),
            title=Text(plain(f"{tr('record')} {one.number or one.id}")),
            title_align="left",
        ),
        Panel(Text(plain(right), overflow="fold"), title=Text(tr("document")), title_align="left"),
    )
    console = stdout()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH, highlight=False)
    console.print(grid, soft_wrap=False)
