"""Help and usage errors in the engine's own words: click's are English only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Group", "usage_error"]


class _Formatter(click.HelpFormatter):
    """Help pages with headings in the user's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or tr("Usage: "))

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        shown = {"Options": tr("Options"), "Commands": tr("Commands")}.get(name, name)
        with super().section(shown):
            yield

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        own = {
            "Show this message and exit.": tr("Show this message and exit."),
            "Show the version and exit.": tr("Show the version and exit."),
        }
        super().write_dl([(name, own.get(text, text)) for name, text in rows], col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


class Group(click.Group):
    """A group whose commands speak the user's language, and that guesses a mistyped one."""

    context_class = _Context

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self.find_command(ctx, cmd_name)
        if found is not None:
            found.context_class = _Context
        return found

    def find_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of this name."""
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise _unknown_command(name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def _unknown_command(name: str, known: list[str]) -> UsageError:
    from engine.findings import nearest

    close = nearest(name, known)
    return UsageError(
        tr("there is no command '{name}'; known: {known}", name=name, known=", ".join(known)),
        hint=tr("did you mean '{word}'?", word=close) if close else None,
    )


def usage_error(error: click.ClickException) -> UsageError:
    """An error of click's, in the engine's words, with the command's usage as a hint."""
    context = getattr(error, "ctx", None)
    return UsageError(_message(error, context), hint=_usage(context))


def _message(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return tr("{name} is missing", name=error.param.get_error_hint(context))
    if isinstance(error, click.NoSuchOption):
        return tr("there is no option '{name}'", name=error.option_name)
    if isinstance(error, click.BadParameter) and (hint := _hint(error, context)):
        return tr("{name}: {message}", name=hint, message=error.message)
    if type(error) is click.UsageError and context is not None and isinstance(context.command, click.Group):
        known = ", ".join(context.command.list_commands(context))
        return tr("'{command}' needs a command: {known}", command=context.command_path, known=known)
    return error.format_message()


def _hint(error: click.BadParameter, context: click.Context | None) -> str:
    if error.param_hint is not None:
        return error.param_hint if isinstance(error.param_hint, str) else ", ".join(error.param_hint)
    if error.param is not None and context is not None:
        return error.param.get_error_hint(context)
    return ""


def _usage(context: click.Context | None) -> str | None:
    if context is None:
        return None
    pieces = [context.command_path, *context.command.collect_usage_pieces(context)]
    return tr("usage: {line}", line=" ".join(pieces))
