"""What all commands share: the options that stand before or after them, output as text or JSON, errors."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from json import dumps as ascii_json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import EngineError
from engine.language import tr

if TYPE_CHECKING:
    from rich.console import Console

    from engine.connector.environments import Environment
    from engine.run.workplace import Choice

__all__ = [
    "Common",
    "common_options",
    "emit",
    "escaped",
    "interactive",
    "plain",
    "run_async",
    "show_error",
    "stderr",
    "stdout",
]

T = TypeVar("T")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What steers a terminal, turns the direction of writing, or is half a character."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_SHARED = ("json", "env", "connections", "ledger")


@dataclass(slots=True)
class Common:
    """The shared options as they were given, before the command or after it (which wins)."""

    json: bool = False
    env: str | None = None
    connections: str | None = None
    ledger: str | None = None

    def environment(self) -> Environment:
        """The environment that these options mean, for commands that leave the ledger alone."""
        from engine.run.choice import choose_environment

        return choose_environment(self.env, self.connections)[1]

    def choose(self) -> Choice:
        """The connection file, environment and ledger that these options mean."""
        from engine.run.workplace import choose

        return choose(self.env, self.connections, self.ledger)

    def choose_existing(self) -> Choice:
        """Likewise, for commands on what a ledger holds: there must be one."""
        from engine.ledger.open import require_ledger

        choice = self.choose()
        require_ledger(choice.ledger)
        return choice

    def choose_for(self, scheme: str) -> Choice:
        """Likewise, for commands that make a ledger where there is none: not where the scheme is not."""
        from engine.scheme.load import find_scheme

        find_scheme(scheme, Path.cwd())
        return self.choose()


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options to a command, which gets them as its first argument, a `Common`."""

    @click.option("--json", is_flag=True, help=tr("One JSON object on standard output."))
    @click.option(
        "--env", metavar="E", help=tr("The environment of connections.yaml; the sandbox by default.")
    )
    @click.option("--connections", metavar="FILE", help=tr("The connection file."))
    @click.option("--ledger", metavar="URL", help=tr("The ledger: an SQLAlchemy URL or a path."))
    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        return command(merged(click.get_current_context(), given), **given)

    return wrapped


def merged(context: click.Context, given: dict[str, Any]) -> Common:
    """Take the shared options out of a command's own, filling in those that stood before it."""
    shared: Common = context.find_object(Common) or Common()
    here = {name: given.pop(name, None) for name in _SHARED}
    common = Common(**{name: here[name] or getattr(shared, name) for name in _SHARED})
    context.obj = common
    return common


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end; Ctrl-C cancels it and lets it close: KeyboardInterrupt is raised."""
    import asyncio

    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@functools.cache
def stdout() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


@functools.cache
def stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """A text without control characters: what a system answered must not steer the terminal."""
    return _CONTROL.sub(" ", text)


def escaped(json: str) -> str:
    """JSON whose control characters stand as escapes, which mean the same."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] > "\x1f" else found[0], json)


def emit(value: Any) -> None:
    """Print one JSON object on standard output."""
    from engine import jsontext

    click.echo(_encodable(escaped(jsontext.dumps(value))))


def _encodable(json: str) -> str:
    """JSON in ASCII where standard output's encoding lacks a sign, with escapes that mean the same."""
    try:
        json.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return _NOT_ASCII.sub(lambda found: ascii_json(found[0])[1:-1], json)
    return json


def show_error(error: EngineError, *, as_json: bool) -> None:
    """Tell an error: where, what, and what to do; as JSON on standard output when that was asked for."""
    if as_json:
        position = error.position
        emit(
            {
                "error": {
                    "class": error.kind,
                    "message": error.message,
                    "file": position.file if position else None,
                    "line": position.line if position else None,
                    "column": position.column if position else None,
                    "hint": error.hint,
                }
            }
        )
    findings = getattr(error, "findings", ())
    if len(findings) > 1:
        for finding in findings:
            click.echo(plain(str(finding)), err=True)
        return
    placed = plain(f"{error.position}: ") if error.position else ""
    click.echo(f"{placed}{click.style(tr('error'), fg='red')}: {plain(error.message)}", err=True)
    if error.hint:
        click.echo(f"  {plain(error.hint)}", err=True)


def interactive() -> bool:
    """Whether a person looks at the progress display."""
    return sys.stderr.isatty()
