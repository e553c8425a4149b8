"""Questions of the wizard, asked in a terminal; or of nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.context import plain
from engine.language import tr

if TYPE_CHECKING:
    from engine.market.wizard.question import Question

__all__ = ["confirmed", "in_terminal", "nobody"]

_SHOWN = 30


def in_terminal(question: Question, problem: str | None) -> str | None:
    """Ask on standard error; standard output is for what comes of it. A choice goes by its number, too."""
    if problem is not None:
        click.secho(plain(problem), fg="red", err=True)
    else:
        click.echo(err=True)
        if question.help:
            click.secho(plain(question.help), dim=True, err=True)
        _show_choices(question)
    offered = question.guess or question.default or ""
    answer: str = click.prompt(
        click.style(plain(question.text), bold=True),
        default=offered,
        show_default=bool(offered),
        err=True,
        type=str,
    )
    return _meant(question, answer.strip())


def nobody(question: Question, problem: str | None) -> str | None:
    """There is no terminal: defaults hold."""
    return None


def confirmed(text: str, *, no: bool = False) -> bool:
    """Ask for a yes in the terminal; `no` is what no answer means there."""
    return click.confirm(click.style(text, bold=True), default=not no, err=True)


def _show_choices(question: Question) -> None:
    shown = question.choices[:_SHOWN]
    for number, choice in enumerate(shown, 1):
        label = "" if choice.label == choice.value else f"  {choice.label}"
        click.echo(plain(f"  {number:>2}  {choice.value}{label}"), err=True)
    if len(question.choices) > len(shown):
        more = len(question.choices) - len(shown)
        click.secho("  " + tr("… and {more} more; any may be typed", more=more), dim=True, err=True)


def _meant(question: Question, answer: str) -> str:
    values = [choice.value for choice in question.choices]
    if answer in values or not (answer.isascii() and answer.isdigit()):
        return answer
    place = int(answer) - 1
    return values[place] if 0 <= place < min(len(values), _SHOWN) else answer
