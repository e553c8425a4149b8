"""What is known of a project: its connections, and what was discovered beside its schemes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.scheme.discovered.file import FOLDER, read
from engine.scheme.discovered.model import EVERY, Discovered, path_of
from engine.scheme.editor.choices import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from engine.connector.catalog import Catalog, Field, Form, Interface
    from engine.connector.environments import Settings

__all__ = ["Facts", "facts_of", "source_paths"]

Told = tuple[str, str, str]
"""A path as a scheme writes it, what it is called, and its type."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`connections`: the names of all environments, with their connectors' catalogs; `discovered`: by
    subject."""

    connections: Mapping[str, Catalog] = field(default_factory=dict)
    discovered: Mapping[str, Discovered] = field(default_factory=dict)

    def interfaces(self, role: str) -> Iterator[tuple[str, Interface]]:
        """Each interface of a role with the connection that has it."""
        for name, catalog in self.connections.items():
            for interface in catalog.interfaces.values():
                if role in interface.roles:
                    yield name, interface

    def forms(self) -> dict[str, Form]:
        """The forms that the catalogs know, by name."""
        return {name: form for catalog in self.connections.values() for name, form in catalog.forms.items()}

    def found_form(self, name: str) -> Discovered | None:
        """A form's discovery, of whichever connection."""
        return next((found for found in self.discovered.values() if found.form == name), None)


def facts_of(settings: Settings, folder: Path, catalogs: Callable[[str], Catalog]) -> Facts:
    """The facts of a folder of schemes; a connector that is not installed, and a file of discoveries that
    cannot be read, are left out."""
    connections: dict[str, Catalog] = {}
    for environment in settings.environments.values():
        for name, connection in environment.connections.items():
            try:
                connections.setdefault(name, catalogs(connection.connector))
            except EngineError:
                continue
    discovered: dict[str, Discovered] = {}
    for file in sorted((folder / FOLDER).glob("*.yaml")):
        try:
            discovered[file.stem] = read(file)
        except EngineError:
            continue
    return Facts(connections, discovered)


def source_paths(found: Discovered | None, interface: Interface | None) -> list[Told]:
    """The paths of a source's records: those discovered, else those that the catalog knows."""
    if found is not None:
        return list(_discovered(found))
    return list(_catalogued(interface.response, ())) if interface is not None else []


def _discovered(found: Discovered) -> Iterator[Told]:
    for one in found.fields:
        share = f"{round(100 * (one.seen or 0) / one.of)} %" if one.of else ""
        told = ", ".join((one.choices or one.examples)[:3])
        yield path_of(one.names), text_of(one.label, one.type, share, told), one.type
        if EVERY in one.names:
            row = path_of(one.names[one.names.index(EVERY) + 1 :])
            yield f"@{row[1:]}", text_of(one.label, one.type, path_of(one.table), told), one.type


def _catalogued(fields: Mapping[str, Field], above: tuple[str, ...]) -> Iterator[Told]:
    for name, one in fields.items():
        names = (*above, name)
        yield path_of(names), text_of(one.label, one.type, one.description), one.type
        yield from _catalogued(one.fields, (*names, EVERY) if one.type == "array" else names)
