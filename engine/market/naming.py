"""What the schemes and files of a market scheme are called in a copy, and their texts under those names."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.market.card import FILE_NAME
from engine.market.edits import scalar_spans, scalars, with_scalars
from engine.market.folder import PAGE
from engine.yaml_nodes import decode_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.market.folder import Folder

__all__ = ["Naming", "as_copied", "copied_files"]

_MODELINE = re.compile(r"^# *yaml-language-server: *\$schema=.*(?:\r?\n|\Z)", re.MULTILINE)
_SCHEMA = Path(__file__).parents[1] / "scheme" / "scheme.schema.json"


@dataclass(frozen=True, slots=True)
class Naming:
    """Names in the market → names in the copy, of schemes (ids) and of files (relative, with ``/``).

    What is not named keeps its name.
    """

    schemes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def scheme(self, id: str) -> str:
        """What a scheme is called in the copy."""
        return self.schemes.get(id, id)

    def file(self, name: str) -> str:
        """What a file is called in the copy; a scheme's file is called after the scheme."""
        if "/" not in name and name.endswith(".yaml"):
            return f"{self.scheme(name.removesuffix('.yaml'))}.yaml"
        return self.files.get(name, name)


def copied_files(folder: Folder) -> list[str]:
    """The files of a market scheme that a copy has: all but its card and page."""
    return sorted(name for name in folder.files if name not in (FILE_NAME, PAGE))


def as_copied(folder: Folder, naming: Naming, to: Path) -> dict[str, bytes]:
    """What a copy of a market scheme in the folder `to` consists of: name → content, in order of names.

    The same for a folder that is unchanged, so that a later release can be compared with it. Raises
    SchemeError for a scheme that is no YAML.
    """
    made: dict[str, bytes] = {}
    for name in copied_files(folder):
        data = folder.files[name]
        if name.endswith(".yaml"):
            place = str(folder.path / name)
            data = _renamed(_placed(decode_text(data, place), to, naming.file(name)), naming, place).encode()
        made[naming.file(name)] = data
    return dict(sorted(made.items()))


def _placed(text: str, to: Path, file: str) -> str:
    """The text with the line that leads an editor to a schema: in the checkout the language's own, in a
    project the one that `engine schema` writes for this scheme; no line elsewhere."""
    schema = _SCHEMA.resolve()
    path = ""
    if to.resolve().is_relative_to(schema.parents[2]):
        path = os.path.relpath(schema, to.resolve()).replace(os.sep, "/")
    elif to.resolve().name == "schemes":
        path = f"../.engine/schema/{file.removesuffix('.yaml')}.json"
    line = f"# yaml-language-server: $schema={path}\n" if path else ""
    return _MODELINE.sub(lambda _: line, text, count=1)


def _renamed(text: str, naming: Naming, place: str) -> str:
    values: dict[tuple[str | int, ...], str] = {}
    for path, value in scalars(text, place):
        name = _new_name(path, value, naming)
        if name != value:
            values[path] = name
    return _spoken_of(with_scalars(text, values, place), naming, place)


def _new_name(path: tuple[str | int, ...], value: str, naming: Naming) -> str:
    """What a scalar becomes: the name of a scheme or file, or what it was."""
    match path:
        case ("id",) | ("callback", "scheme") | ("callback", int(), "scheme"):
            return naming.scheme(value)
        case ("tables", _, "file") | ("tests", int(), "record", "file"):
            name = posixpath.normpath(value)
            return naming.file(name) if naming.file(name) != name else value
    return value


def _spoken_of(text: str, naming: Naming, place: str) -> str:
    """The text in whose comments the schemes have their new names, too."""
    changed = {old: new for old, new in naming.schemes.items() if old != new}
    if not changed:
        return text
    spans = scalar_spans(text, place)
    words = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, changed))})(?![\w-])")

    def named(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in spans)
        return match[0] if inside else changed[match[0]]

    return words.sub(named, text)
