"""engine schema: JSON Schemas for editors, which know this project's connections, forms, fields and paths."""

from __future__ import annotations

import json
from pathlib import Path

import click

from engine.cli.context import Common, common_options, emit
from engine.language import tr

__all__ = ["schema"]


@click.command(help=tr("Write JSON Schemas for editors: completion and hover with this project's own names."))
@click.option("--out", metavar="FOLDER", help=tr("Where to; .engine/schema by default."))
@common_options
def schema(common: Common, out: str | None) -> int:
    """Write the schemas, and show how an editor finds them."""
    from engine.cli.project import near, project_folder
    from engine.run.choice import choose_environment
    from engine.scheme.editor.files import PROJECT, modeline, schema_folder, write_schemas

    settings, _ = choose_environment(common.env, common.connections)
    project = project_folder(common)
    folder = Path(out) if out else schema_folder(project)
    made = write_schemas(settings, project, folder)
    if common.json:
        shown = {near(scheme): near(file) for scheme, file in made.items()}
        emit({"folder": near(folder), "project": near(folder / f"{PROJECT}.json"), "schemes": shown})
        return 0
    click.echo(tr("{count} schemas are in {folder}", count=len(made) + 1, folder=near(folder)))
    click.echo(tr("an editor finds a scheme's by this line at its beginning:"))
    for scheme, file in made.items():
        click.echo(f"  {near(scheme)}: {modeline(scheme, file)}")
    click.echo(tr("or, in VS Code, all of them by .vscode/settings.json:"))
    schemas = {near(file): near(scheme) for scheme, file in made.items()}
    click.echo(json.dumps({"yaml.schemas": schemas}, ensure_ascii=False, indent=2))
    return 0
