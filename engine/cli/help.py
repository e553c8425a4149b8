"""engine help: what a code or a class of failure means, with an example; or all in a list."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.help.library import Page

__all__ = ["help"]


@click.command(help=tr("Tell what a code such as S201, or a class of failure, means and how to mend it."))
@click.argument("code", nargs=-1)
@common_options
def help(common: Common, code: tuple[str, ...]) -> int:
    """Show one page, or list them all."""
    from engine.help.library import page_of, pages

    if not code:
        _list(common, list(pages().values()))
        return 0
    page = page_of(_checked(" ".join(code)))
    if common.json:
        emit(_as_json(page))
    else:
        _show(page)
    return 0


def _checked(word: str) -> str:
    """The word; one that is a command has a help of its own."""
    from engine.cli.main import engine

    if word in engine.list_commands(click.Context(engine)):
        raise UsageError(
            tr('"{word}" is a command, no code', word=word),
            hint=tr("see `{command}`", command=f"engine {word} --help"),
        )
    return word


def _list(common: Common, found: list[Page]) -> None:
    if common.json:
        emit({"pages": [{"code": page.code, "title": page.title} for page in found]})
        return
    for page in found:
        click.echo(f"{click.style(page.code, bold=True)}  {page.title}")
    click.echo(tr("one of them: {command}", command="engine help S201"))


def _as_json(page: Page) -> dict[str, Any]:
    return {
        "code": page.code,
        "title": page.title,
        "cause": page.cause,
        "example": {
            "file": page.example.file,
            "wrong": page.example.wrong,
            "shown": page.example.shown,
            "right": page.example.right,
        },
        "mend": page.mend,
    }


def _show(page: Page) -> None:
    click.echo(click.style(f"{page.code}  {page.title}", bold=True))
    where = page.example.file
    parts = [
        (tr("Why"), page.cause, None),
        (tr("For example, in {file}", file=where) if where else tr("For example"), page.example.wrong, "red"),
        (tr("What is said"), page.example.shown, "yellow"),
        (tr("What to do"), page.mend, None),
        (tr("Mended"), page.example.right, "green"),
    ]
    for heading, text, colour in parts:
        if text:
            click.echo(f"\n{heading}")
            click.echo(click.style(indent(text, "  "), fg=colour))
