"""Copy a market scheme into a folder of schemes: planned whole, over no file of the user, and remembered."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, SchemeError, UsageError
from engine.language import tr
from engine.market.folder import usable_name
from engine.market.naming import Naming, as_copied, copied_files
from engine.market.origin import Origin, now_text, read_origin, write_origin
from engine.scheme.load import known_beside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from engine.market.card import Card
    from engine.market.folder import Folder

__all__ = ["Plan", "carry_out", "plan_copy"]

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What copying a market scheme will do. `files`: name relative to `to` → content, all that the copy has.

    `new` are written; `there` lie there already, equal; `kept` lie there in the user's own version, and stay.
    """

    folder: Folder
    to: Path
    id: str
    naming: Naming
    files: Mapping[str, bytes]
    new: tuple[str, ...]
    there: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def schemes(self) -> list[str]:
        """The ids of the copied schemes, the main one first."""
        return [self.naming.scheme(id) for id in _card(self.folder).schemes]

    @property
    def main_file(self) -> Path:
        """The main scheme's file in the copy."""
        return self.to / f"{self.id}.yaml"


def plan_copy(folder: Folder, to: Path, *, id: str | None = None, keep_tables: bool = False) -> Plan:
    """How a checked market scheme would be copied into the folder `to`; nothing is written yet.

    `id`: what its main scheme is to be called. What is taken by something else is told apart: samples get
    another name, callbacks and tables too where an `id` was chosen, tables stay as they are with
    `keep_tables`. Raises UsageError, naming the files in the way.
    """
    card = _card(folder)
    main = card.main if id is None else _id(id)
    naming = _naming_so_far(folder, to, main)
    if naming is None:
        naming = _Namer(folder, to, main, own_names=id is not None, keep_tables=keep_tables).naming()
    files = as_copied(folder, naming, to)
    taken = [name for name, data in files.items() if _is_taken(to / name, data)]
    kept = [name for name in taken if keep_tables and name.startswith("tables/")]
    in_the_way = [name for name in taken if name not in kept]
    in_the_way += _other_spellings(to, [name for name in files if name not in taken])
    if in_the_way:
        raise _refusal(to, in_the_way, main)
    _refuse_known_ids(to, [naming.scheme(each) for each in card.schemes], files)
    new = [name for name in files if name not in kept and not (to / name).exists()]
    there = [name for name in files if name not in kept and name not in new]
    return Plan(folder, to, main, naming, files, tuple(new), tuple(there), tuple(kept))


def carry_out(plan: Plan, market: str, now: datetime) -> Origin:
    """Write what a plan says, and remember where it came from. All or nothing; no file is written over.

    `market` is what the origin is to say of the market. Raises ConfigurationError.
    """
    origin = Origin(
        id=plan.id,
        to=plan.to,
        name=plan.folder.name,
        release=_card(plan.folder).release,
        market=market,
        copied_at=now_text(now),
        naming=plan.naming,
    )
    written: list[Path] = []
    try:
        for name in plan.new:
            file = plan.to / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as stream:
                written.append(file)
                stream.write(plan.files[name])
        write_origin(origin, plan.files)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = tr("cannot be written: {reason}", reason=error.strerror or str(error))
            raise ConfigurationError(f'"{error.filename}" {reason}') from error
        raise
    return origin


# --- names -------------------------------------------------------------------------------------------------


def _card(folder: Folder) -> Card:
    if folder.card is None:
        raise SchemeError(tr("there is no {name}", name="market.yaml"))
    return folder.card


def _id(id: str) -> str:
    """An id that a copy may get. Raises UsageError."""
    if not _ID.fullmatch(id) or not usable_name(f"{id}.yaml") or id.casefold() in ("market", "connections"):
        raise UsageError(
            tr("'{id}' cannot be the id of a copy", id=id),
            hint=tr("letters, digits, _ and - make an id, and it begins with a letter; such as my_claims"),
        )
    return id


def _naming_so_far(folder: Folder, to: Path, main: str) -> Naming | None:
    """The names of a copy that was made before, where it is of the same market scheme and release."""
    try:
        origin = read_origin(to, main)
    except UsageError:
        return None
    if (origin.name, origin.release) != (folder.name, _card(folder).release):
        raise UsageError(
            tr("'{id}' is a copy of {name} {release}", id=main, name=origin.name, release=origin.release),
            hint=tr("bring it up to date with `engine market upgrade {id}`, or give another --as", id=main),
        )
    return origin.naming


@dataclass(frozen=True, slots=True)
class _Namer:
    """Finds names for what a market scheme holds, beside what is there already."""

    folder: Folder
    to: Path
    main: str
    own_names: bool
    keep_tables: bool

    def naming(self) -> Naming:
        schemes = {id: self._scheme(id) for id in _card(self.folder).schemes}
        half = Naming(schemes)
        files = {
            name: half.file(name) if name.endswith(".yaml") else self._file(name)
            for name in copied_files(self.folder)
        }
        return Naming(schemes, files)

    def _scheme(self, id: str) -> str:
        if id == _card(self.folder).main:
            return self.main
        free = not (self.to / f"{id}.yaml").exists() and id not in known_beside(self.to)
        return id if free or not self.own_names else f"{self.main}_{id}"

    def _file(self, name: str) -> str:
        """The name of a table or sample: its own, or one with the copy's id where that is taken."""
        apart = name.startswith("tests/") or (self.own_names and not self.keep_tables)
        if not apart or not _is_taken(self.to / name, self.folder.files[name]):
            return name
        folder, file = posixpath.split(name)
        return f"{folder}/{self.main}_{file}"


# --- what is in the way ------------------------------------------------------------------------------------


def _is_taken(file: Path, data: bytes) -> bool:
    """Whether something else than this content stands in a place."""
    try:
        if not file.is_symlink() and not file.exists():
            return False
        return not file.is_file() or file.read_bytes() != data
    except OSError:
        return True


def _other_spellings(to: Path, names: list[str]) -> list[str]:
    """Files that differ from these names in large and small letters only: one file, on some systems."""
    found = []
    for folder in {posixpath.dirname(name) for name in names}:
        try:
            there = {entry.name.casefold(): entry.name for entry in (to / folder).iterdir()}
        except OSError:
            continue
        for name in names:
            base = posixpath.basename(name)
            other = there.get(base.casefold()) if posixpath.dirname(name) == folder else None
            if other is not None and other != base:
                found.append(posixpath.join(folder, other))
    return sorted(found)


def _refuse_known_ids(to: Path, ids: list[str], files: Mapping[str, bytes]) -> None:
    """Refuse ids that schemes in files of other names have already."""
    known = known_beside(to)
    clash = [id for id in ids if id in known and not (to / f"{id}.yaml").exists()]
    if clash:
        raise UsageError(
            tr("there is a scheme with the id '{id}' in '{folder}' already", id=clash[0], folder=to),
            hint=tr("give the copy an id of its own: --as NAME"),
        )


def _refusal(to: Path, names: list[str], main: str) -> UsageError:
    shown = ", ".join(str(to / name) for name in names)
    if all(name.startswith("tables/") for name in names):
        hint = tr("--keep-tables leaves yours as they are, for the copy to use; --as NAME gives it its own")
    elif f"{main}.yaml" in names and (to / ".market" / main).is_dir():
        hint = tr("it is a copy already: see `engine market diff {id}`, or give another --as", id=main)
    else:
        hint = tr("give the copy names of its own: --as NAME")
    return UsageError(tr("nothing is written over; in the way: {files}", files=shown), hint=hint)
