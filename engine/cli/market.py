"""engine market: what ships and what others offer; a command is imported when it is called."""

from __future__ import annotations

import importlib

import click

from engine.cli.context import Common, common_options
from engine.cli.usage import Group
from engine.language import tr

__all__ = ["market"]

_COMMANDS = {
    "list": ("engine.cli.market_show", "list_"),
    "show": ("engine.cli.market_show", "show"),
    "copy": ("engine.cli.market_copy", "copy"),
    "diff": ("engine.cli.market_upgrade", "diff"),
    "upgrade": ("engine.cli.market_upgrade", "upgrade"),
    "check": ("engine.cli.market_check", "check"),
    "page": ("engine.cli.market_check", "page"),
}


class _Lazy(Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def find_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, command = _COMMANDS[name]
        found: click.Command = getattr(importlib.import_module(module), command)
        return found


@click.group(
    cls=_Lazy, help=tr("Market schemes: list, show, copy, compare and upgrade; check folders, write pages.")
)
@common_options
def market(common: Common) -> None:
    """The group."""
