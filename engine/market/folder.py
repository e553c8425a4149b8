"""Market folders: where they are, and what is in one, read once and in full before anything is believed.

A folder may be anybody's, so nothing in it is opened that is no small regular file; what was read is what is
checked and copied, whatever becomes of the folder meanwhile.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from engine.errors import Position, SchemeError, UsageError
from engine.findings import Finding, nearest
from engine.language import tr
from engine.market.card import FILE_NAME, Card, read_card
from engine.yaml_nodes import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Folder",
    "find_folder",
    "folders_of",
    "market_of",
    "read_folder",
    "shipped_market",
    "usable_name",
]

PAGE = "README.md"
KINDS = {"": (".yaml", ".md"), "tables": (".csv",), "tests": (".json",)}
"""Folder → what files may lie in it."""
FILE_MOST = 1_000_000
FILES_MOST = 200
ALL_MOST = 5_000_000
_NAME = re.compile(r"\w[\w.-]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_PROGRAMS = (b"#!", b"\x7fELF", b"MZ")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Folder:
    """A market scheme's folder as it was read. `files`: name relative to it, with ``/`` → content.

    `card` is None where the card could not be read; `findings` then says why, among all else.
    """

    path: Path
    files: Mapping[str, bytes]
    card: Card | None
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        return self.card.name if self.card else self.path.resolve().name


# --- where markets are -------------------------------------------------------------------------------------


def shipped_market() -> Path:
    """The market that ships: inside the installed package, else in the checkout that the package lies in."""
    package = Path(__file__).parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parents[1] / "schemes" / "market"


def market_of(given: str | None) -> Path:
    """The folder that `--from` means: a market, a checkout that holds one, or a single market scheme.

    Raises UsageError where there is none.
    """
    if given is None:
        return shipped_market()
    if re.match(r"[a-z][a-z0-9+.-]+://|[^/\\]+@[^/\\]+:", given, re.IGNORECASE):
        raise UsageError(
            tr("'{market}' is an address; a market is read from a folder", market=given),
            hint=tr("fetch it first: git clone {address} a-folder; then --from a-folder", address=given),
        )
    path = Path(given)
    if not path.is_dir():
        raise UsageError(tr("there is no folder '{path}'", path=given))
    for place in (path, path / "schemes" / "market", path / "market"):
        if _has_card(place) or folders_of(place):
            return place
    raise UsageError(
        tr("there is no market scheme in '{path}'", path=given),
        hint=tr("each is a folder with a file {name}", name=FILE_NAME),
    )


def folders_of(market: Path) -> list[Path]:
    """The market schemes' folders in a market, sorted by name; the market itself where it is one of them."""
    if _has_card(market):
        return [market]
    try:
        inside = sorted(
            (entry.name for entry in os.scandir(market) if entry.is_dir(follow_symlinks=False)), key=str
        )
    except OSError:
        return []
    return [market / name for name in inside if not name.startswith(".") and _has_card(market / name)]


def find_folder(name: str, market: Path) -> Path:
    """The folder of the market scheme of this name. Raises UsageError, naming those there are."""
    known = {folder.resolve().name: folder for folder in folders_of(market)}
    if name in known:
        return known[name]
    close = nearest(name, known)
    raise UsageError(
        tr("the market has no scheme '{name}'; it has {names}", name=name, names=", ".join(known) or "-"),
        hint=tr("did you mean '{word}'?", word=close) if close else None,
    )


def _has_card(folder: Path) -> bool:
    try:
        return stat.S_ISREG((folder / FILE_NAME).lstat().st_mode)
    except (OSError, ValueError):
        return False


# --- what is in one ----------------------------------------------------------------------------------------


def read_folder(path: Path) -> Folder:
    """Read a folder whole. Nothing is raised: what may not be there is among the findings, and not read."""
    found: list[Finding] = []
    files: dict[str, bytes] = {}
    total = 0
    for name, problem in _names(path):
        place = Position(str(path / name))
        if problem is not None:
            found.append(Finding(problem[0], place, problem[1], hint=problem[2]))
            continue
        try:
            data = _read(path / name)
        except _Refused as refused:
            found.append(Finding(refused.code, place, refused.message, hint=refused.hint))
            continue
        total += len(data)
        if total > ALL_MOST:
            found.append(Finding("M207", Position(str(path)), tr("all files together are larger than 5 MB")))
            break
        files[name] = data
    card = _card(path, files, found)
    return Folder(path, files, card, tuple(found))


def _card(path: Path, files: Mapping[str, bytes], found: list[Finding]) -> Card | None:
    place = str(path / FILE_NAME)
    if FILE_NAME not in files:
        if not any(finding.position.file == place for finding in found):
            found.append(Finding("M101", Position(str(path)), tr("there is no {name}", name=FILE_NAME)))
        return None
    try:
        text = decode_text(files[FILE_NAME], place)
    except SchemeError as error:
        found.append(Finding("M101", error.position or Position(place), error.message, hint=error.hint))
        return None
    card = read_card(text, place, found)
    if card is not None and card.name != path.resolve().name:
        found.append(
            Finding(
                "M104",
                card.node.get("name").position,  # type: ignore[union-attr]
                tr(
                    'the card\'s name "{name}" is not that of its folder, "{folder}"',
                    name=card.name,
                    folder=path.resolve().name,
                ),
            )
        )
    return card


_Problem = tuple[str, str, str | None]


def _names(path: Path) -> Iterator[tuple[str, _Problem | None]]:
    """Each file below a folder, and what is wrong with its name or kind; nothing is opened."""
    seen: set[str] = set()
    count = 0
    marked = _is_marked(path)
    for inside in KINDS:
        for entry in _entries(path / inside if inside else path):
            name = f"{inside}/{entry.name}" if inside else entry.name
            if name == ".git":  # a market scheme may be a checkout by itself; its history is never looked at
                continue
            count += 1
            if count > FILES_MOST:
                yield "", ("M207", tr("there are more than {most} files", most=FILES_MOST), None)
                return
            problem = _problem(entry, inside, name, seen, marked)
            if problem is not None:
                yield name, problem
            elif not entry.is_dir(follow_symlinks=False):
                yield name, None


def _is_marked(path: Path) -> bool:
    """Whether even the card can be run: there are file systems on which everything can."""
    try:
        return bool((path / FILE_NAME).lstat().st_mode & 0o111)
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, in order of names; not more than is worth telling, and none through a link."""
    entries: list[os.DirEntry[str]] = []
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return []
        with os.scandir(folder) as found:
            for entry in found:
                entries.append(entry)
                if len(entries) > FILES_MOST + 1:
                    break
    except OSError:
        return []
    return sorted(entries, key=lambda entry: entry.name)


def _problem(
    entry: os.DirEntry[str], inside: str, name: str, seen: set[str], marked: bool
) -> _Problem | None:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        return "M201", tr("cannot be read: {reason}", reason=error.strerror or str(error)), None
    if stat.S_ISLNK(mode):
        return "M202", tr("is a link; a market scheme holds files only"), None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "M202", tr("is a device, pipe or socket; a market scheme holds files only"), None
    if entry.name.startswith("."):
        return "M203", tr("is hidden"), tr("a market scheme hides nothing; remove it")
    if not usable_name(entry.name):
        return "M204", tr("has a name that some systems cannot keep"), _name_hint()
    if name.casefold() in seen:
        return "M204", tr("has the name of another file, but for large and small letters"), None
    seen.add(name.casefold())
    if stat.S_ISDIR(mode):
        known = ", ".join(f"{folder}/" for folder in KINDS if folder)
        return None if not inside and entry.name in KINDS else (
            "M205", tr("is a folder that a market scheme does not have; known are {names}", names=known), None
        )  # fmt: skip
    if PurePosixPath(entry.name).suffix not in KINDS[inside] or (
        entry.name.endswith(".md") and entry.name != PAGE
    ):
        return "M205", tr("is no file of a market scheme, or does not belong here"), _kinds_hint()
    if mode & 0o111 and not marked:
        return "M206", tr("is marked as a program"), tr("take the mark away: chmod -x {name}", name=name)
    return None


def usable_name(name: str) -> bool:
    """Whether every system can keep a file or scheme of this name, Windows included."""
    if not _NAME.fullmatch(name) or name.endswith(".") or unicodedata.normalize("NFC", name) != name:
        return False
    return not any(_RESERVED.fullmatch(part) for part in (name, name.partition(".")[0]))


def _name_hint() -> str:
    return tr("letters, digits, _ - and . make a name; CON, NUL, COM1 and the like are Windows' own")


def _kinds_hint() -> str:
    return tr("known are {names}", names=f"{FILE_NAME}, *.yaml, {PAGE}; tables/*.csv; tests/*.json")


class _Refused(Exception):
    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def _read(path: Path) -> bytes:
    """The content of a small regular file; raises _Refused for anything that has taken its place."""
    try:
        handle = os.open(path, os.O_RDONLY | _NO_FOLLOW)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise _Refused("M202", tr("is a device, pipe or socket; a market scheme holds files only"))
            data = stream.read(FILE_MOST + 1)
    except OSError as error:
        raise _Refused("M201", tr("cannot be read: {reason}", reason=error.strerror or str(error))) from None
    if len(data) > FILE_MOST:
        raise _Refused("M207", tr("is larger than 1 MB"))
    if data.startswith(_PROGRAMS):
        raise _Refused("M206", tr("begins like a program"))
    if b"\0" in data:
        raise _Refused("M208", tr("is no text"))
    return data
