"""A reconciliation in the terminal: the days, the differences with what mends them, the calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from engine.cli.context import plain
from engine.cli.reconcile_words import cause_word, mark_text
from engine.cli.show import say, show_table
from engine.language import tr
from engine.run.reconcile.balance import total
from engine.run.reconcile.model import Weight
from engine.run.reconcile.texts import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.run.reconcile.balance import Line, Side
    from engine.run.reconcile.execute import Reconciliation
    from engine.run.reconcile.model import Cause, Difference

__all__ = ["show"]

_MOST_DAYS = 31
_MOST_EXPLAINED = 8
_MOST_OF_A_CAUSE = 20


def show(compared: Reconciliation) -> None:
    """Print it on standard output."""
    _days(compared)
    shown: Counter[Cause] = Counter()
    for each in compared.open:
        shown[each.cause] += 1
        if shown[each.cause] <= _MOST_OF_A_CAUSE:
            _difference(each)
    _more(shown)
    _aside(compared.differences)
    _closing(compared)


def _days(compared: Reconciliation) -> None:
    lines = compared.lines
    shown = lines if len(lines) <= _MOST_DAYS else [line for line in lines if not line.agrees]
    claims, bills = total(lines)
    heading = (
        tr("day"),
        tr("organisation"),
        tr("process"),
        tr("claims"),
        tr("amount"),
        tr("bills"),
        tr("amount"),
        tr("difference"),
    )
    rows = [
        (_day(line), line.organisation or "–", line.process, *_cells(line.claims, line.bills))
        for line in shown
    ]
    show_table(heading, [*rows, (tr("total"), "", "", *_cells(claims, bills))])
    left_out = len(lines) - len(shown)
    if left_out:
        say(
            tr("1 day that agrees is not shown; --excel FILE has them all")
            if left_out == 1
            else tr("{count} days that agree are not shown; --excel FILE has them all", count=left_out)
        )


def _day(line: Line) -> str:
    return line.day.isoformat() if line.day else "–"


def _cells(claims: Side, bills: Side) -> tuple[str, str, str, str, str]:
    left = claims.amount - bills.amount
    many = claims.count - bills.count
    parts = [f"{many:+d}"] if many else []
    parts += [f"{'+' if left > 0 else ''}{money(left)}"] if left else []
    if claims.unpriced:
        parts.append(tr("{count} without amount", count=claims.unpriced))
    return str(claims.count), money(claims.amount), str(bills.count), money(bills.amount), "  ".join(parts)


def _difference(each: Difference) -> None:
    amounts = [money(each.claim.amount)] if each.claim and each.claim.amount is not None else []
    if each.bills:
        amounts.append(tr("bill {amount}", amount=money(each.bill_amount)))
    say("")
    cause = click.style(cause_word(each.cause), fg="yellow", bold=True)
    day = f" · {each.day.isoformat()}" if each.day else ""
    worth = f" · {' / '.join(amounts)}" if amounts else ""
    click.echo(f"{cause}  {plain(each.name)}{day}{worth}")
    say(f"  {each.text}")
    for line in each.mend:
        say(f"  → {line}")


def _more(shown: Counter[Cause]) -> None:
    """What was found too often to be told one by one."""
    for cause, count in shown.items():
        if count > _MOST_OF_A_CAUSE:
            say("")
            say(
                tr(
                    "{cause}: {count} more; --json and --excel FILE have them all",
                    cause=cause_word(cause),
                    count=count - _MOST_OF_A_CAUSE,
                )
            )


def _aside(differences: Sequence[Difference]) -> None:
    """What asks for nothing: counted by cause, the handled ones with their reasons."""
    explained = any(each.weight is Weight.EXPLAINED for each in differences)
    handled = [each for each in differences if each.weight is Weight.HANDLED]
    if not explained and not handled:
        return
    say("")
    if explained:
        kept = [each for each in differences if each.weight is Weight.EXPLAINED]
        say(tr("explained, nothing to do: {causes}", causes=_counted(kept)))
    for each in handled[:_MOST_EXPLAINED]:
        say(
            tr(
                "handled: {name}, {cause}: {reason}",
                name=each.name,
                cause=cause_word(each.cause),
                reason=mark_text(each),
            )
        )
    if len(handled) > _MOST_EXPLAINED:
        say(tr("… and {count} more handled", count=len(handled) - _MOST_EXPLAINED))


def _counted(found: Sequence[Difference]) -> str:
    """How many there are of each cause."""
    counts = Counter(each.cause for each in found)
    return tr(", ").join(f"{cause_word(cause)} {count}" for cause, count in counts.items())


def _closing(compared: Reconciliation) -> None:
    say("")
    count = len(compared.open)
    if count:
        causes = _counted(compared.open)
        text = (
            tr("1 difference: {causes}", causes=causes)
            if count == 1
            else tr("{count} differences: {causes}", count=count, causes=causes)
        )
        click.echo(click.style(text, fg="yellow", bold=True))
    else:
        click.echo(click.style(tr("both sides agree"), fg="green", bold=True))
    if compared.others.count:
        amount = money(compared.others.amount)
        text = (
            tr(
                "1 other document of {form} in this period, {amount}, is not of this scheme",
                form=compared.form,
                amount=amount,
            )
            if compared.others.count == 1
            else tr(
                "{count} other documents of {form} in this period, {amount} in all, are not of this scheme",
                count=compared.others.count,
                form=compared.form,
                amount=amount,
            )
        )
        say(f"  {text}")
    for warning in compared.warnings:
        say(f"  ! {warning}", style="yellow")
    calls = "; ".join(
        f"{name}: " + ", ".join(f"{interface} {count}" for interface, count in sorted(made.items()))
        for name, made in compared.calls.items()
        if made
    )
    say(f"  {tr('calls')}  {calls or '0'}  ({compared.seconds:.1f} s)")
    say(f"  {tr('ledger')}  {compared.ledger}")
