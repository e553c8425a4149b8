"""A scheme as a file has it, or as git had it: ``git:REV`` or ``git:REV:PATH``."""

from __future__ import annotations

import io
import subprocess
import tarfile
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.language import tr
from engine.scheme.load import find_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["version_of"]

_GIT = "git:"
_LARGEST = 50 * 1024 * 1024


@contextmanager
def version_of(name: str, other: str) -> Iterator[Path]:
    """The file of a version. Without a path, git is asked for the file that `other` names.

    The whole folder of the scheme is taken out of git, since tables, samples and callbacks lie beside it; it
    is gone afterwards. Raises UsageError.
    """
    if not name.startswith(_GIT):
        yield find_scheme(name, Path.cwd())
        return
    revision, _, path = name.removeprefix(_GIT).partition(":")
    if not path and other.startswith(_GIT):
        path = other.removeprefix(_GIT).partition(":")[2]
    if not path and other.startswith(_GIT):
        raise UsageError(tr("'{name}' needs a path: git:REV:PATH", name=name))
    file = Path(path) if path else find_scheme(other, Path.cwd())
    with TemporaryDirectory(prefix="engine-version-") as made:
        yield _taken_out(revision, file.absolute(), Path(made).resolve())


def _taken_out(revision: str, file: Path, to: Path) -> Path:
    if not revision or revision.startswith("-"):
        raise UsageError(tr("'{name}' is no revision of git's", name=revision))
    top = Path(_git(file.parent, "rev-parse", "--show-toplevel").decode().strip())
    inside = file.resolve().relative_to(top.resolve())
    folder = inside.parent.as_posix()
    archive = _git(top, "archive", "--format=tar", revision, "--", folder)
    if len(archive) > _LARGEST:
        raise UsageError(tr("the folder of '{file}' is too large to be taken out of git", file=inside))
    _unpack(archive, to)
    taken = to / inside
    if not taken.is_file():
        raise UsageError(tr("'{file}' is not in git at '{revision}'", file=inside, revision=revision))
    return taken


def _unpack(archive: bytes, to: Path) -> None:
    """Write an archive's files, for a link what it links to: a tar's own filter came with Python 3.11.4."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in packed:
            place = (to / member.name).resolve()
            if not (member.isfile() or member.issym()) or not place.is_relative_to(to):
                continue
            with suppress(KeyError):  # a link out of the folder
                content = packed.extractfile(member)
                if content is not None:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content.read())


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError(tr("git is not installed")) from None
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(tr("git says: {reason}", reason=reason[0] if reason else done.returncode))
    return done.stdout
