"""What to do once a scheme has been made or copied: the same, whichever command made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["next_steps", "tell_next"]


def next_steps(scheme: str, environment: str | None, *, broken: bool, unreached: bool = False) -> list[str]:
    """The commands, in order: look at all that would be sent, then send it; what stops that comes first.

    `environment` is None for the one that is meant when none is named.
    """
    suffix = f" --env {environment}" if environment else ""
    if unreached:
        return [f"engine connections check{suffix}", f"engine preview {scheme}{suffix}"]
    if broken:
        return [f"engine validate {scheme}{suffix}"]
    return [f"engine preview {scheme}{suffix}", f"engine run {scheme}{suffix}"]


def tell_next(commands: Sequence[str]) -> None:
    """Print them, one to a line, so that each can be copied."""
    from engine.cli.show import say

    say(tr("next: {command}", command=commands[0]))
    for command in commands[1:]:
        say(tr("then: {command}", command=command))
