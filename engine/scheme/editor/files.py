"""The schema files of a project, in ``.engine/schema``: one for each scheme, and one for those to come."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from engine.connector.registry import catalog
from engine.scheme.editor.facts import facts_of
from engine.scheme.editor.schema import project_schema
from engine.scheme.load import load_scheme, scheme_files
from engine.scheme.reach import Reach

if TYPE_CHECKING:
    from pathlib import Path

    from engine.connector.environments import Settings

__all__ = ["PROJECT", "modeline", "refresh", "schema_folder", "write_schemas"]

PROJECT = "scheme"
"""The name of the schema for schemes that have none of their own yet."""


def schema_folder(project: Path) -> Path:
    """Where a project's schemas are, unless they were written elsewhere."""
    return project / ".engine" / "schema"


def write_schemas(settings: Settings, project: Path, to: Path) -> dict[Path, Path]:
    """Write the schemas of all schemes of a project: scheme file → schema file. Those that say the same
    already are left as they are."""
    to.mkdir(parents=True, exist_ok=True)
    made: dict[Path, Path] = {}
    reach = Reach(catalog, settings.environments.get("sandbox"))
    for folder in (project / "schemes", project):
        facts = facts_of(settings, folder, catalog)
        if folder.name == "schemes" or not (project / "schemes").is_dir():
            _write(to / f"{PROJECT}.json", project_schema(facts))
        for file in scheme_files(folder):
            loaded = load_scheme(file, reach)
            scheme = loaded.scheme or loaded.draft
            if scheme is not None and scheme.id:
                made[file] = to / f"{scheme.id}.json"
                _write(made[file], project_schema(facts, scheme))
    return made


def refresh(settings: Settings, project: Path) -> None:
    """Bring the schemas up to date where there are some."""
    folder = schema_folder(project)
    if folder.is_dir():
        write_schemas(settings, project, folder)


def modeline(scheme: Path, schema: Path) -> str:
    """The line at the beginning of a scheme that leads an editor to its schema."""
    path = os.path.relpath(schema.resolve(), scheme.resolve().parent).replace(os.sep, "/")
    return f"# yaml-language-server: $schema={path}"


def _write(file: Path, content: object) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
