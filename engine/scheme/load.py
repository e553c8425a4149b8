"""Read a scheme's file: to a model where it is sound, to findings where it is not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Position, SchemeError, UsageError
from engine.findings import Finding, Severity, nearest
from engine.language import tr
from engine.scheme.build import build_scheme, mapping, text
from engine.scheme.files import safe_file
from engine.scheme.marks import UndecidedError, refuse_marks
from engine.scheme.shape import check_shape
from engine.yaml_nodes import BYTES_MOST, decode_text, read_yaml, read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.nodes import Node
    from engine.scheme.model import Scheme
    from engine.scheme.reach import Reach

__all__ = [
    "Loaded",
    "find_beside",
    "find_scheme",
    "in_order",
    "known_beside",
    "load_scheme",
    "load_scheme_text",
    "market_folders",
    "scheme_files",
    "sound",
]

UNREADABLE = "S101"
UNDECIDED = "S108"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading a file gave.

    `scheme` is None when a finding is an error; `draft` is the model all the same, as far as it could be
    made, for those who look for more findings; None where there is not even a mapping.
    """

    scheme: Scheme | None
    findings: list[Finding]
    draft: Scheme | None = None


def load_scheme(path: Path, reach: Reach | None = None) -> Loaded:
    """Read a scheme's file. Nothing is raised: all that is wrong is among the findings.

    With `reach`, paths of older documents (aliases of the source's interface) are understood.
    """
    try:
        found: list[Finding] = []
        root = read_yaml(path, found)
        content = path.read_bytes()
    except SchemeError as error:
        return Loaded(None, _undecided(path) or [*found, _unreadable(error, str(path))])
    except OSError as error:
        return Loaded(None, [Finding(UNREADABLE, Position(str(path)), error.strerror or str(error))])
    return _load(root, path, content, found, reach)


def load_scheme_text(content: str, path: Path, reach: Reach | None = None) -> Loaded:
    """As `load_scheme`, from a text that would stand in `path`."""
    found: list[Finding] = []
    try:
        root = read_yaml_text(content, str(path), found)
    except SchemeError as error:
        return Loaded(None, _marked(content, path) or [*found, _unreadable(error, str(path))])
    return _load(root, path, content.encode("utf-8", "surrogatepass"), found, reach)


def _undecided(path: Path) -> list[Finding]:
    """The finding of a file with the marks of a merge: why it is no YAML, which says all there is to say."""
    try:
        if not path.is_file() or path.stat().st_size > BYTES_MOST:
            return []
        return _marked(path.read_bytes().decode("utf-8", "replace"), path)
    except OSError:
        return []


def _marked(content: str, path: Path) -> list[Finding]:
    try:
        refuse_marks(content, str(path))
    except UndecidedError as error:
        return [
            Finding(UNDECIDED, each.position or Position(str(path)), each.message, hint=each.hint)
            for each in error.each
        ]
    return []


def _unreadable(error: SchemeError, name: str) -> Finding:
    code = "S104" if error.position else UNREADABLE
    return Finding(code, error.position or Position(name), error.message, hint=error.hint)


def _load(root: Node, path: Path, content: bytes, found: list[Finding], reach: Reach | None) -> Loaded:
    marked = _marked(content.decode("utf-8", "replace"), path)  # within a long text they would be YAML
    if marked:
        return Loaded(None, marked)
    shape = check_shape(root)
    findings = [*found, *shape]
    if not root.is_mapping:
        return Loaded(None, findings)
    source = mapping(root, "source")
    aliases = reach.aliases(text(source, "connection") or None, text(source, "interface")) if reach else {}
    inside: list[Finding] = []
    draft = build_scheme(root, path, _hash(root, path, content), inside, aliases)
    findings = in_order([*findings, *_unsaid(inside, shape, root)])
    return Loaded(draft if sound(findings) else None, findings, draft)


_ALSO_SHAPE = frozenset({"S401", "S402", "S405", "S406", "S407", "S408", "S409", "S410"})


def _unsaid(inside: list[Finding], shape: list[Finding], root: Node) -> list[Finding]:
    """Findings of the leaves and the mapping without those that the shape has reported in its own words."""
    said = {finding.position for finding in shape}
    said |= {node.position for node in _nodes(root) if said & set(node.keys.values())}
    return [finding for finding in inside if finding.code not in _ALSO_SHAPE or finding.position not in said]


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.value if node.is_list else [child for _, child in node.items()]:
        yield from _nodes(child)


def sound(findings: list[Finding]) -> bool:
    """True when no finding is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)


def in_order(findings: list[Finding]) -> list[Finding]:
    """By place, and each mistake once."""
    seen: dict[tuple[str, Position, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.code, finding.position, finding.message), finding)
    return sorted(seen.values(), key=lambda finding: (finding.position, finding.code))


def _hash(root: Node, path: Path, content: bytes) -> str:
    """sha256 of the scheme's text and of the table files that can be read, in the order of their names."""
    digest = hashlib.sha256(content)
    names = sorted({text(table, "file") for _, table in mapping(root, "tables").items()} - {""})
    for name in names:
        try:
            data = safe_file(path.parent, name, None).read_bytes()
        except (SchemeError, OSError):
            continue  # a table that is missing is the linter's finding
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


# --- finding a scheme by name -----------------------------------------------------------------------------

_ID = re.compile(r"""^id:[ \t]*["']?([A-Za-z][A-Za-z0-9_-]*)""", re.MULTILINE)
_HEAD = 64 * 1024
_FOLDERS = (".", "schemes")


def find_scheme(name_or_path: str, start: Path) -> Path:
    """The file of a scheme that is given by path, or by id: then it lies in `start`, its schemes/ or a
    folder of schemes/market/. Raises UsageError, naming what there is."""
    given = Path(name_or_path)
    path = given if given.is_absolute() else start / given
    if path.is_file():
        return given if given.is_file() else path
    if given.suffix in {".yaml", ".yml"} or "/" in name_or_path:
        raise UsageError(tr('no file "{name}"', name=name_or_path))
    known: dict[str, Path] = {}
    for folder in (*(start / name for name in _FOLDERS), *market_folders(start / "schemes")):
        for id, file in _ids(folder).items():
            known.setdefault(id, file)
    if name_or_path in known:
        return _as_given(known[name_or_path], start)
    close = nearest(name_or_path, known)
    raise UsageError(
        tr('no scheme "{name}"', name=name_or_path),
        hint=tr('did you mean "{word}"?', word=close)
        if close
        else tr("known are {names}", names=", ".join(sorted(known)))
        if known
        else tr("there is none in this folder or its schemes/; run the command where yours are"),
    )


def find_beside(id: str, folder: Path) -> Path | None:
    """The scheme of this id in one folder, as callbacks name it, or None."""
    return _ids(folder).get(id)


def known_beside(folder: Path) -> list[str]:
    """The ids of the schemes in one folder."""
    return sorted(_ids(folder))


def scheme_files(folder: Path) -> list[Path]:
    """The scheme files in a folder, sorted: those that name an id at their beginning."""
    return sorted(_ids(folder).values())


def market_folders(schemes: Path) -> list[Path]:
    """The folders of the market that lies in a folder of schemes, as in this project's own."""
    try:
        return sorted(folder for folder in (schemes / "market").iterdir() if folder.is_dir())
    except OSError:
        return []


def _ids(folder: Path) -> dict[str, Path]:
    """id → file of all schemes in a folder; of two with one id the file named after it, else the first."""
    found: dict[str, Path] = {}
    try:
        files = sorted(
            file for file in folder.iterdir() if file.suffix in {".yaml", ".yml"} and file.is_file()
        )
    except OSError:
        return {}
    for file in files:
        id = _id_of(file)
        if id is not None and (id not in found or file.stem == id):
            found[id] = file
    return found


def _id_of(file: Path) -> str | None:
    """The id at a file's beginning. One that cannot be read goes by its name: reading it says why."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_HEAD)
    except OSError:
        return file.stem
    try:
        head = decode_text(data.rpartition(b"\n")[0] if len(data) == _HEAD else data, str(file))
    except SchemeError:  # saved in another encoding, in which an id looks the same
        head = data.decode("latin-1")
    match = _ID.search(head)
    return match[1] if match and re.search(r"^version:", head, re.MULTILINE) else None


def _as_given(file: Path, start: Path) -> Path:
    """A file below the current directory is shown by its relative path."""
    try:
        return file.relative_to(Path()) if not file.is_absolute() else file
    except ValueError:
        return file
