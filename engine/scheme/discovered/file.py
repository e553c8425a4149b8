"""The files beside schemes that keep what was discovered: ``.discovered/ID.yaml``, under version control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import ConfigurationError, SchemeError
from engine.language import tr
from engine.mapping.path_steps import read_steps
from engine.scheme.discovered.model import EVERY, Discovered, FoundField
from engine.yaml_edit import quoted
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.errors import Position

__all__ = ["FOLDER", "discovered_beside", "file_of", "read", "written"]

FOLDER = ".discovered"


def file_of(folder: Path, subject: str) -> Path:
    """Where the discovery of a scheme (``ID``) or form (``CONNECTION.FORM``) is kept."""
    return folder / FOLDER / f"{subject}.yaml"


def discovered_beside(folder: Path, subject: str, environment: str | None = None) -> Discovered | None:
    """What was discovered, where something can be read; of this environment, if one is given."""
    file = file_of(folder, subject)
    if not file.is_file():
        return None
    try:
        found = read(file)
    except ConfigurationError:
        return None
    return found if environment in (None, found.environment) else None


def written(found: Discovered) -> str:
    """The file's text: a field a line, always in the same order, so that a comparison of two is readable."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Discovered) -> Iterator[str]:
    yield "# Written by `engine discover`, and compared with by later runs; examples are masked."
    yield f"{'scheme' if found.is_source else 'form'}: {quoted(found.form or found.subject)}"
    yield f"environment: {quoted(found.environment)}"
    if found.records is not None:
        yield f"records: {found.records}"
    yield "fields:"
    for one in found.fields:
        yield f"  - {{{', '.join(f'{key}: {value}' for key, value in _members(found, one))}}}"


def _members(found: Discovered, one: FoundField) -> Iterator[tuple[str, str]]:
    yield "path", quoted(found.path(one))
    if one.label and one.label != one.names[-1]:
        yield "label", quoted(one.label)
    yield "type", one.type
    if one.required:
        yield "required", "true"
    if one.id:
        yield "id", quoted(one.id)
    if one.refers:
        yield "refers", quoted(one.refers)
    if one.of is not None:
        yield "seen", _share(one.seen or 0, one.of)
    for key in ("examples", "choices", "formerly"):
        values = getattr(one, key)
        if values and not (key == "examples" and one.choices):
            yield key, f"[{', '.join(quoted(value) for value in values)}]"


def _share(seen: int, of: int) -> str:
    """How often a field holds something, in tenths: exact counts would be others each time."""
    if seen in (0, of) or not of:
        return "0%" if not seen else "100%"
    return f"{min(max(round(10 * seen / of), 1), 9) * 10}%"


def read(file: Path) -> Discovered:
    """A file as it was written. Raises ConfigurationError for one that is no such file."""
    try:
        root = read_yaml(file).plain()
        return _discovered(file, root)
    except (SchemeError, OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            tr("'{file}' cannot be read: {error}", file=file, error=error),
            hint=tr("delete it, and run `engine discover` again"),
        ) from error


def _discovered(file: Path, root: dict[str, Any]) -> Discovered:
    form = str(root.get("form") or "")
    fields = tuple(_field(part, is_source=not form) for part in root["fields"])
    records = root.get("records")
    return Discovered(
        file.stem, str(root["environment"]), fields, None if records is None else int(records), form
    )


def _field(part: dict[str, Any], *, is_source: bool) -> FoundField:
    names = _names(str(part["path"])) if is_source else tuple(str(part["path"]).split("."))
    seen = str(part.get("seen") or "").removesuffix("%")
    return FoundField(
        names,
        str(part.get("label") or names[-1]),
        str(part["type"]),
        id=str(part.get("id") or ""),
        required=bool(part.get("required")),
        seen=int(seen) if seen else None,
        of=100 if seen else None,
        examples=tuple(map(str, part.get("examples") or ())),
        choices=tuple(map(str, part.get("choices") or ())),
        formerly=tuple(map(str, part.get("formerly") or ())),
        refers=str(part.get("refers") or ""),
    )


def _names(path: str) -> tuple[str, ...]:
    def nowhere(offset: int) -> Position:
        raise ValueError(path)

    return tuple(EVERY if step.kind == "every" else step.names[0] for step in read_steps(path, nowhere))
