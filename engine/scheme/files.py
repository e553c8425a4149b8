"""Files that a scheme names: only those in its own folder, only regular ones, only small ones.

Schemes are copied from a market, so what they may read is decided here and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.language import tr

if TYPE_CHECKING:
    from engine.errors import Position

__all__ = ["LARGEST", "safe_file"]

LARGEST = 10 * 1024 * 1024


def safe_file(base_folder: Path, name: str, position: Position | None) -> Path:
    """The file `name` relative to `base_folder`, links resolved.

    Raises SchemeError when it is absolute, lies outside the folder after resolving links, is not there, is no
    regular file, or is larger than 10 MB.
    """
    inside = tr("files of a scheme lie in its own folder, or below it")
    if not name or "\0" in name:
        raise SchemeError(tr("a file needs a name"), position=position)
    if Path(name).is_absolute() or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise SchemeError(
            tr('"{name}" must be relative to the scheme, with "/" between folders', name=name),
            position=position,
            hint=inside,
        )
    try:
        base = base_folder.resolve()
        path = (base / name).resolve()
        if not path.is_relative_to(base):
            raise SchemeError(
                tr('"{name}" lies outside the folder of the scheme', name=name),
                position=position,
                hint=inside,
            )
        if not path.exists():
            raise SchemeError(
                tr('there is no file "{name}"', name=name),
                position=position,
                hint=tr("it is looked for in {folder}", folder=base_folder),
            )
        if not path.is_file():
            raise SchemeError(tr('"{name}" is no regular file', name=name), position=position)
        if path.stat().st_size > LARGEST:
            raise SchemeError(tr('"{name}" is larger than 10 MB', name=name), position=position)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SchemeError(
            tr('"{name}" cannot be read: {reason}', name=name, reason=reason), position=position
        ) from error
    return path
