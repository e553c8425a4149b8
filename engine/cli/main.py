"""The command line's root: imports a command only when it is called, and tells every error in words."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path
from typing import Any

import click

from engine import __version__
from engine.cli.context import Common, show_error
from engine.cli.streams import OutputLostError, silence, steady_streams
from engine.cli.usage import Group, usage_error
from engine.errors import ConfigurationError, EngineError, UsageError
from engine.language import tr

__all__ = ["engine", "run"]

_SELDOM = (20_000, 20, 50)
"""How many new objects set off the collector. Hardly anything here lies in circles, and loading modules makes
very many objects: looked through as often as Python does by itself, they cost a tenth of a run."""

_COMMANDS = {
    "run": "engine.cli.run",
    "preview": "engine.cli.preview",
    "validate": "engine.cli.check",
    "test": "engine.cli.check",
    "explain": "engine.cli.explain",
    "why": "engine.cli.why",
    "records": "engine.cli.records",
    "reconcile": "engine.cli.reconcile",
    "runs": "engine.cli.runs",
    "connections": "engine.cli.connections",
    "connectors": "engine.cli.connectors",
    "market": "engine.cli.market",
    "sandbox": "engine.cli.sandbox",
    "new": "engine.cli.new",
    "discover": "engine.cli.discover",
    "schema": "engine.cli.schema",
    "suggest": "engine.cli.suggest",
    "diff": "engine.cli.diff",
    "graph": "engine.cli.graph",
    "docs": "engine.cli.docs",
    "ledger": "engine.cli.ledger",
    "help": "engine.cli.help",
}


class _Lazy(Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def find_command(self, ctx: click.Context, name: str) -> click.Command | None:
        module = _COMMANDS.get(name)
        if module is None:
            return None
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=tr("Carry records from one system into another, as scheme files say: once each, and with proof."),
)
@click.version_option(__version__, prog_name="engine")
@click.option("--json", is_flag=True, help=tr("One JSON object on standard output."))
@click.option("--env", metavar="E", help=tr("The environment of connections.yaml; the sandbox by default."))
@click.option("--connections", metavar="FILE", help=tr("The connection file."))
@click.option("--ledger", metavar="URL", help=tr("The ledger: an SQLAlchemy URL or a path."))
@click.pass_context
def engine(context: click.Context, /, **shared: Any) -> None:
    """The root command."""
    context.obj = Common(**shared)


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback reaches a user, bar ``--debug``."""
    gc.set_threshold(*_SELDOM)
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    with steady_streams():
        code = _code_of(given, debug)
    sys.exit(code)


def _code_of(given: list[str], debug: bool) -> int:
    """Run a command to its end, its last output included, and tell what went wrong."""
    as_json = "--json" in given
    try:
        try:
            _refuse_bytes(given)
            _refuse_nowhere()
            code = engine.main(args=given, standalone_mode=False, prog_name="engine")
        except EngineError as error:
            if debug:
                raise
            if isinstance(error, OutputLostError):
                raise
            show_error(error, as_json=as_json)
            code = error.exit_code
        except click.ClickException as error:
            code = _usage(error, as_json)
        except (KeyboardInterrupt, click.Abort):
            click.echo(tr("stopped; nothing is lost, run the same command again to go on"), err=True)
            code = 130
        except BrokenPipeError:
            raise
        except Exception as error:
            if debug:
                raise
            show_error(_unforeseen(error), as_json=as_json)
            code = 2
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
        return 1
    except OutputLostError as error:
        silence()
        show_error(error, as_json=False)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _refuse_bytes(given: list[str]) -> None:
    """Refuse arguments that are no text: neither a ledger nor a system could keep them."""
    for argument in given:
        if not argument.isascii() and argument.encode("utf-8", "replace").decode() != argument:
            raise UsageError(tr("'{argument}' is not text in UTF-8", argument=argument))


def _refuse_nowhere() -> None:
    try:
        Path.cwd()
    except OSError:
        raise UsageError(tr("the current folder is gone"), hint=tr("go to one that is there")) from None


def _usage(error: click.ClickException, as_json: bool) -> int:
    """Tell an error of the command line's own; a group without a command shows its help."""
    is_help = type(error).__name__ == "NoArgsIsHelpError"  # of click 8.2 and later
    if is_help and not as_json:
        error.show()
    else:
        show_error(usage_error(error), as_json=as_json)
    return 2


def _unforeseen(error: Exception) -> EngineError:
    """An error of the program itself, said in one line; `--debug` shows where."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.strerror):
        reason = getattr(error, "strerror", None) or tr("no memory is left")
        place = f' "{error.filename}"' if isinstance(error, OSError) and error.filename else ""
        return ConfigurationError(
            tr("the operating system refuses: {reason}", reason=f"{reason}{place}"),
            hint=tr("nothing is lost; the same command can be run again once that is mended"),
        )
    return EngineError(
        tr(
            "something went wrong in the engine itself: {kind}: {error}",
            kind=type(error).__name__,
            error=error,
        ),
        hint=tr("nothing is lost; run the same command with --debug, and report what it shows"),
    )
