"""Where a project is: the folder of its connections.yaml, else the one that holds its schemes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.cli.context import Common

__all__ = ["near", "project_folder", "settings_file", "write_editor_schemas"]


def project_folder(common: Common) -> Path:
    """The folder of connections.yaml, else the nearest upward that holds schemes/; else this one."""
    found = _connections(common)
    if found is not None:
        return found.resolve().parent
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "schemes").is_dir()), here)


def settings_file(common: Common) -> Path:
    """The connection file that a command's options mean, or where one would be made."""
    return _connections(common) or project_folder(common) / "connections.yaml"


def near(path: Path) -> str:
    """A path as it would be typed here."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return str(path)


def write_editor_schemas(common: Common, root: Path) -> None:
    """Write the schemas that schemes' first lines lead an editor to; where none can be written, none are."""
    from engine.run.choice import choose_environment
    from engine.scheme.editor.files import schema_folder, write_schemas

    settings, _ = choose_environment(None, common.connections)
    with suppress(OSError):
        write_schemas(settings, root, schema_folder(root))


def _connections(common: Common) -> Path | None:
    from engine.run.choice import choose_environment

    return choose_environment(None, common.connections)[0].file
