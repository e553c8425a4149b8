"""Where a copy came from, and what it was then: kept in `.market/` beside the schemes, under version control.

schemes/.market/expense_to_paybill/
  origin.yaml       name, release, market, time; what is called how in the copy
  base/…            the files exactly as they were copied, which an upgrade compares both sides with
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import SchemeError, UsageError
from engine.findings import nearest
from engine.language import tr
from engine.market.folder import find_folder, market_of, usable_name
from engine.market.naming import Naming
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.nodes import Node

__all__ = [
    "SHIPPED",
    "Origin",
    "market_name",
    "now_text",
    "origins",
    "read_base",
    "read_origin",
    "write_origin",
]

SHIPPED = "shipped"
"""The market that comes with the product."""
_PLACE = ".market"
_HEAD = """\
# Where these schemes were copied from; `engine market diff` and `upgrade` read it. Keep it,
# and base/ beside it, in version control.
# 这些方案从哪里抄来；engine market diff、upgrade 要用。请连同 base/ 一起纳入版本管理。
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """A copy's past. `id` is the main scheme's in the copy, `to` the folder of the copied schemes.

    `market` is ``shipped``, or a folder relative to `to`.
    """

    id: str
    to: Path
    name: str
    release: str
    market: str
    copied_at: str
    naming: Naming

    @property
    def place(self) -> Path:
        """The folder in which all this is kept."""
        return self.to / _PLACE / self.id

    @property
    def files(self) -> list[str]:
        """The files of the copy, relative to `to`."""
        return sorted(self.naming.file(name) for name in self.naming.files)

    def folder(self, given: str | None = None) -> Path:
        """The market scheme's folder now, in a market or in the one it came from. Raises UsageError."""
        if given is None and self.market != SHIPPED:
            given = str(self.to / self.market)
        return find_folder(self.name, market_of(given))


def market_name(market: Path, to: Path, *, shipped: bool) -> str:
    """What an origin says of a market."""
    if shipped:
        return SHIPPED
    try:
        return os.path.relpath(market.resolve(), to.resolve()).replace(os.sep, "/")
    except ValueError:  # another drive
        return str(market.resolve())


def write_origin(origin: Origin, base: Mapping[str, bytes]) -> None:
    """Remember a copy and its files, in place of what was remembered before."""
    place = origin.place
    for name, data in base.items():
        file = place / "base" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for old in _files_below(place / "base"):
        if old not in base:
            (place / "base" / old).unlink()
    said = {
        "version": 1,
        "name": origin.name,
        "release": origin.release,
        "from": origin.market,
        "copied_at": origin.copied_at,
        "as": origin.id,
        "schemes": dict(origin.naming.schemes),
        "files": dict(origin.naming.files),
    }
    text = _HEAD + yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=1000)
    beside = place / "origin.yaml.new"
    beside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(beside, place / "origin.yaml")


def read_base(origin: Origin) -> dict[str, bytes]:
    """The files as they were copied: name relative to `origin.to` → content."""
    return {name: (origin.place / "base" / name).read_bytes() for name in _files_below(origin.place / "base")}


def _files_below(folder: Path) -> list[str]:
    return sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
    )


def origins(to: Path) -> list[Origin]:
    """All copies whose schemes lie in a folder. Raises SchemeError for one whose record is damaged."""
    try:
        ids = sorted(entry.name for entry in (to / _PLACE).iterdir() if (entry / "origin.yaml").is_file())
    except OSError:
        return []
    return [read_origin(to, id) for id in ids]


def read_origin(to: Path, id: str) -> Origin:
    """The origin of the copy of this id. Raises UsageError, naming the copies there are; SchemeError."""
    file = to / _PLACE / id / "origin.yaml"
    if not usable_name(id) or not file.is_file():
        known = _known(to)
        close = nearest(id, known)
        raise UsageError(
            tr(
                "'{id}' was not copied from a market; copies are {names}",
                id=id,
                names=", ".join(known) or "-",
            ),
            hint=tr("did you mean '{word}'?", word=close) if close else tr("see `engine market list`"),
        )
    root = read_yaml(file)
    said = {key: _text(root, key) for key in ("name", "release", "from", "copied_at")}
    schemes, files = _texts(root, "schemes"), _texts(root, "files")
    for name in (*files, *files.values(), *(f"{scheme}.yaml" for scheme in schemes.values())):
        if not all(usable_name(part) for part in PurePosixPath(name).parts) or name.startswith("/"):
            raise SchemeError(tr('"{name}" is no name of a copied file', name=name), position=root.position)
    return Origin(
        id=id,
        to=to,
        name=said["name"],
        release=said["release"],
        market=said["from"],
        copied_at=said["copied_at"],
        naming=Naming(schemes, files),
    )


def _known(to: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in (to / _PLACE).iterdir() if (entry / "origin.yaml").is_file())
    except OSError:
        return []


def _text(root: Node, key: str) -> str:
    node = root.get(key)
    if node is None or not isinstance(node.value, str):
        raise SchemeError(
            tr('"{name}" must be {wanted}', name=key, wanted=tr("a text")), position=root.position
        )
    return node.value


def _texts(root: Node, key: str) -> dict[str, str]:
    node = root.get(key)
    plain: Any = node.plain() if node is not None and node.is_mapping else {}
    if not all(isinstance(value, str) for value in plain.values()):
        raise SchemeError(
            tr('"{name}" must be {wanted}', name=key, wanted=tr("a mapping")), position=root.position
        )
    return dict(plain)


def now_text(now: datetime) -> str:
    """A moment as an origin writes it."""
    return now.isoformat(timespec="seconds")
