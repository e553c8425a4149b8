"""Bring a copy up to a newer release: three versions of each file merged, planned whole, then written.

Written in this order: the user's files, the base, the origin. An upgrade that was broken off is done again by
the same command, since what both sides have is no difference.
"""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, Position, SchemeError, UsageError
from engine.language import tr
from engine.market.card import release_order
from engine.market.compare import table_keys
from engine.market.merge import Outcome, Sides, merge_csv, merge_lines, merge_yaml
from engine.market.naming import Naming, as_copied, copied_files
from engine.market.origin import now_text, read_base, write_origin
from engine.market.texts import read_text, same
from engine.scheme.load import known_beside
from engine.scheme.marks import refuse_marks
from engine.yaml_nodes import read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from engine.market.card import Card, Change
    from engine.market.folder import Folder
    from engine.market.origin import Origin

__all__ = ["BESIDE", "Action", "Choice", "FileUpgrade", "Upgrade", "Versions", "carry_out", "plan_upgrade"]

BESIDE = ".market"
"""What is added to a file's name where the market's version is laid beside the user's."""


class Action(StrEnum):
    """What an upgrade does with a file."""

    SAME = "unchanged"  # the market has changed nothing, or what the user has changed as well
    TAKEN = "taken"  # the user has changed nothing: the market's version
    ADDED = "added"
    MERGED = "merged"
    CONFLICT = "conflict"  # merged, with marks where both changed the same
    BESIDE = "beside"  # the user's stays, the market's lies beside it
    ABSENT = "absent"  # the user has removed it, the market has not changed it
    LEFT = "left"  # the market has it no longer; the user's stays


@dataclass(frozen=True, slots=True)
class Choice:
    """A place where a human has to choose: the line of its opening mark, and the path in the file."""

    line: int
    path: str


@dataclass(frozen=True, slots=True)
class FileUpgrade:
    """What becomes of one file. `data` is what is written, to `name`, or to what lies beside; else None."""

    name: str
    action: Action
    data: bytes | None = None
    choices: tuple[Choice, ...] = ()

    @property
    def written(self) -> str | None:
        """The name of the file that is written; None where nothing is."""
        if self.data is None:
            return None
        return self.name + BESIDE if self.action is Action.BESIDE else self.name


@dataclass(frozen=True, slots=True)
class Versions:
    """The three versions of a copy's files: as copied, the user's, the market's under the copy's names."""

    origin: Origin
    card: Card
    naming: Naming
    base: Mapping[str, bytes]
    mine: Mapping[str, bytes]
    theirs: Mapping[str, bytes]

    @classmethod
    def read(cls, origin: Origin, folder: Folder) -> Versions:
        """The versions of a copy, for a market folder as it was read. Raises SchemeError."""
        if folder.card is None:
            raise SchemeError(
                tr("there is no {name}", name="market.yaml"), position=Position(str(folder.path))
            )
        naming = _naming(origin, folder, folder.card)
        theirs = as_copied(folder, naming, origin.to)
        base = read_base(origin)
        mine = {name: data for name in {*base, *theirs} if (data := _read(origin.to / name)) is not None}
        return cls(origin, folder.card, naming, base, mine, theirs)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A planned upgrade; nothing is written yet."""

    versions: Versions
    files: tuple[FileUpgrade, ...]

    @property
    def choices(self) -> int:
        """How many places wait for a human."""
        return sum(len(file.choices) + (file.action is Action.BESIDE) for file in self.files)

    @property
    def is_needed(self) -> bool:
        """Whether the market differs from what the copy is of."""
        versions = self.versions
        return versions.card.release != versions.origin.release or dict(versions.base) != dict(
            versions.theirs
        )

    @property
    def changes(self) -> list[Change]:
        """What the releases since the copy's say of themselves, newest first."""
        since = release_order(self.versions.origin.release)
        return [change for change in self.versions.card.changes if release_order(change.release) > since]


def plan_upgrade(versions: Versions) -> Upgrade:
    """What an upgrade would do with each file.

    Raises UsageError where the market's release is older, or its version of a file still lies beside the
    user's; SchemeError where a choice is still open in a file, or one of the user's is no YAML.
    """
    origin, card = versions.origin, versions.card
    if release_order(card.release) < release_order(origin.release):
        raise UsageError(
            tr(
                "the copy '{id}' is of release {own}, which is newer than the market's {release}",
                id=origin.id,
                own=origin.release,
                release=card.release,
            )
        )
    names = sorted({*versions.base, *versions.theirs})
    for name in names:
        _refuse_open(origin.to, name, versions.mine.get(name))
    merge = _Merge(versions, table_keys(versions.mine) | table_keys(versions.theirs))
    return Upgrade(versions, tuple(merge.file(name) for name in names))


def carry_out(upgrade: Upgrade, now: datetime) -> Origin:
    """Write what an upgrade says, and remember what the copy is of now. Raises ConfigurationError."""
    versions = upgrade.versions
    try:
        for file in upgrade.files:
            if file.data is not None and file.written is not None:
                _write(versions.origin.to / file.written, file.data)
        origin = replace(
            versions.origin, release=versions.card.release, copied_at=now_text(now), naming=versions.naming
        )
        write_origin(origin, versions.theirs)
    except OSError as error:
        reason = tr("cannot be written: {reason}", reason=error.strerror or str(error))
        raise ConfigurationError(
            f'"{error.filename}" {reason}', hint=tr("run the same command again once that is mended")
        ) from error
    return origin


# --- one file ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Merge:
    """Merges the files of a copy. `keys`: table file → its key column."""

    versions: Versions
    keys: Mapping[str, str]

    def file(self, name: str) -> FileUpgrade:
        versions = self.versions
        base, mine, theirs = (each.get(name) for each in (versions.base, versions.mine, versions.theirs))
        if theirs is None:
            return FileUpgrade(name, Action.ABSENT if mine is None else Action.LEFT)
        if mine is None:
            if base is None:
                return FileUpgrade(name, Action.ADDED, theirs)
            removed = same(base, theirs, name)
            return FileUpgrade(name, Action.ABSENT if removed else Action.BESIDE, None if removed else theirs)
        if same(mine, theirs, name) or (base is not None and same(base, theirs, name)):
            return FileUpgrade(name, Action.SAME)
        if base is None or not name.endswith((".yaml", ".csv")):
            taken = base is not None and same(base, mine, name)
            return FileUpgrade(name, Action.TAKEN if taken else Action.BESIDE, theirs)
        return self._merged(name, base, mine, theirs)

    def _merged(self, name: str, base: bytes, mine: bytes, theirs: bytes) -> FileUpgrade:
        own = read_text(mine, name)
        texts = (read_text(base, name).text, own.text, read_text(theirs, name).text)
        outcome = self._outcome(name, *texts)
        choices = tuple(
            Choice(line, conflict.path)
            for line, conflict in zip(outcome.lines, outcome.conflicts, strict=True)
        )
        action = Action.CONFLICT if choices else Action.MERGED
        if same(base, mine, name):
            action = Action.TAKEN
        return FileUpgrade(name, action, own.data(outcome.text), choices)

    def _outcome(self, name: str, base: str, mine: str, theirs: str) -> Outcome:
        sides = Sides(theirs=f"{Sides().theirs} {self.versions.card.release}")
        if name.endswith(".yaml"):
            read_yaml_text(mine, str(self.versions.origin.to / name))
            return merge_yaml(base, mine, theirs, sides)
        if name in self.keys:
            return merge_csv(base, mine, theirs, self.keys[name], sides)
        return merge_lines(base, mine, theirs, sides)


def _refuse_open(to: Path, name: str, mine: bytes | None) -> None:
    """Refuse where an earlier upgrade still waits for somebody to choose."""
    if mine is not None and name.endswith((".yaml", ".csv")):
        refuse_marks(read_text(mine, str(to / name)).text, str(to / name))
    beside = to / (name + BESIDE)
    if beside.exists():
        raise UsageError(
            tr("'{file}' still lies beside yours", file=beside),
            hint=tr("take over what you want of it, and delete it; then upgrade"),
        )


# --- names and files ---------------------------------------------------------------------------------------


def _naming(origin: Origin, folder: Folder, card: Card) -> Naming:
    """The names in the copy of all that the release has; what is new gets one that is free."""
    schemes, files = dict(origin.naming.schemes), dict(origin.naming.files)
    for id in card.schemes:
        if id == card.main:
            schemes.setdefault(id, origin.id)
        elif id not in schemes:
            taken = (origin.to / f"{id}.yaml").exists() or id in known_beside(origin.to)
            schemes[id] = f"{origin.id}_{id}" if taken else id
    half = Naming(schemes)
    for name in copied_files(folder):
        if name in files:
            continue
        if name.endswith(".yaml"):
            files[name] = half.file(name)
            continue
        inside, file = posixpath.split(name)
        there = _read(origin.to / name)
        own = f"{inside}/{origin.id}_{file}"
        files[name] = name if there is None or same(there, folder.files[name], name) else own
    return Naming(schemes, {name: files[name] for name in copied_files(folder)})


def _read(file: Path) -> bytes | None:
    """A file's content; None where there is none. Raises SchemeError."""
    try:
        return file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise SchemeError(
            tr('"{name}" cannot be read: {reason}', name=file, reason=error.strerror or str(error))
        ) from error


def _write(file: Path, data: bytes) -> None:
    """Write a file whole, or not at all; a link is followed."""
    place = file.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.new")
    try:
        beside.write_bytes(data)
        if place.exists():
            os.chmod(beside, place.stat().st_mode & 0o777)
        os.replace(beside, place)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
