"""engine suggest: mapping lines that a scheme lacks, as a diff; written only when that is asked for."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit, plain
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.scheme.suggesting import Suggestion, Wanted

__all__ = ["suggest"]


@click.command(help=tr("Propose mapping lines that a scheme lacks, as a diff; writes nothing by itself."))
@click.argument("scheme")
@click.option("--accept", is_flag=True, help=tr("Write the lines into the scheme."))
@common_options
def suggest(common: Common, scheme: str, accept: bool) -> int:
    """Suggest mapping lines."""
    from engine.connector.registry import catalog
    from engine.run.setup import InvalidScheme
    from engine.scheme.discovered.file import discovered_beside
    from engine.scheme.load import find_scheme, load_scheme
    from engine.scheme.reach import Reach
    from engine.scheme.suggesting import lacking, with_suggestions
    from engine.scheme.suggesting import suggest as suggested_by
    from engine.yaml_nodes import decode_text

    environment = common.environment()
    reach = Reach(catalog, environment)
    loaded = load_scheme(find_scheme(scheme, Path.cwd()), reach)
    read = loaded.scheme or loaded.draft  # what lacks a field may well have errors
    if read is None:
        raise InvalidScheme(loaded.findings)
    source = None if read.is_callback else discovered_beside(read.file.parent, read.id, environment.name)
    if source is None:
        raise UsageError(
            tr("nothing is known of the fields of '{scheme}' here yet", scheme=read.id),
            hint=tr("run `{command}` first", command=f"engine discover {read.id}"),
        )
    subject = f"{read.target.connection}.{read.target.form}"
    form = discovered_beside(read.file.parent, subject, environment.name)
    wanted = lacking(read, reach.form(read.target.connection, read.target.form), form)
    before = decode_text(read.file.read_bytes(), str(read.file))
    text, taken = with_suggestions(before, read, suggested_by(wanted, source), reach)
    open_ = [one for one in wanted if one.required and one not in [each.wanted for each in taken]]
    if accept and taken:
        read.file.write_bytes(text.encode())
    diff = list(
        unified_diff(before.splitlines(), text.splitlines(), str(read.file), str(read.file), lineterm="")
    )
    if common.json:
        _emit(taken, open_, diff, accept)
    else:
        _print(taken, open_, diff, accept, str(read.file))
    return 0


def _print(taken: list[Suggestion], open_: list[Wanted], diff: list[str], accept: bool, file: str) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff:
        click.echo(click.style(plain(line), fg=colours.get(line[:1])))
    for each in taken:
        wanted = each.wanted
        told = f"  {wanted.name} {wanted.label} ← {each.source.label}"
        if wanted.type == "base":
            told += tr(" (base data: it wants a code, so perhaps a table)")
        click.echo(plain(told))
    for one in open_:
        told = tr("  {field} {label} is required, and nothing is like it", field=one.name, label=one.label)
        click.echo(plain(told))
    if not taken:
        click.echo(tr("there is nothing to suggest"))
    elif accept:
        click.echo(tr("written to {file}; look at it, and try it with `engine diff`", file=file))
    else:
        click.echo(tr("nothing was written; --accept writes these lines"))


def _emit(taken: list[Suggestion], open_: list[Wanted], diff: list[str], accept: bool) -> None:
    emit(
        {
            "written": accept and bool(taken),
            "suggestions": [
                {
                    "field": each.wanted.name,
                    "label": each.wanted.label,
                    "required": each.wanted.required,
                    "value": each.value,
                    "source": each.source.label,
                    "likeness": f"{each.likeness:.2f}",
                }
                for each in taken
            ],
            "open": [{"field": one.name, "label": one.label} for one in open_],
            "diff": "\n".join(diff),
        }
    )
