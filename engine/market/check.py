"""Check a market scheme's folder before anything in it is used: shape, size, schemes, reach, tests, page."""

from __future__ import annotations

import os
import posixpath
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.clock import SystemClock
from engine.connector.registry import catalog, connector_names
from engine.errors import Position, SchemeError
from engine.findings import Finding, Severity, nearest
from engine.language import tr
from engine.market.card import FILE_NAME, Card
from engine.market.folder import PAGE, Folder
from engine.scheme.lint import check_loaded
from engine.scheme.load import load_scheme, sound
from engine.scheme.reach import Reach
from engine.scheme.testing import TestResult, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine.clock import Clock
    from engine.scheme.model import Scheme, TestSpec

__all__ = ["Checked", "NotFit", "check_folder", "laid_out", "load_schemes"]

_TOO_LARGE = "M207"
TESTS_MOST = 200
SECONDS_MOST = 60.0
_PATIENCE = 10
"""How many times a mapping's second a test may take: a busy machine is no fault of the scheme."""
_REACH = Reach(catalog)
"""Without an environment: in a market scheme, a connection has its connector's name."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of a folder found, and its schemes as far as they could be read, the main one first."""

    folder: Folder
    findings: tuple[Finding, ...]
    schemes: tuple[Scheme, ...] = ()
    tests: tuple[TestResult, ...] = ()

    @property
    def sound(self) -> bool:
        """True when the market scheme may be used."""
        return sound(list(self.findings))


def check_folder(folder: Folder, page: Callable[[Folder], str] | None = None) -> Checked:
    """All that is wrong with a market scheme's folder, as it was read. Nothing is raised.

    `page` makes the page that the folder should have, where it is to be looked at. A folder that is too large
    is not looked into further. Of any other, the schemes that could be read safely are looked into, too; but
    their tests are run only where nothing is wrong.
    """
    found = list(folder.findings)
    if any(finding.code == _TOO_LARGE for finding in found):
        return Checked(folder, tuple(found))
    card, refused = folder.card, _refused(folder)
    if card is not None:
        _check_connectors(card, found)
        _check_listed(folder, card, refused, found)
    with laid_out(folder) as place:
        looked: list[Finding] = []
        schemes, tests = _check_schemes(folder, card, place, looked, whole=sound(found))
        found += [
            _where_it_was(finding, place, folder.path)
            for finding in looked
            if not any(f'"{name}"' in finding.message for name in refused)  # what was refused is told already
        ]
        tests = [replace(test, message=_moved(test.message, place, folder.path)) for test in tests]
    if page is not None and sound(found):
        _check_page(folder, page(folder), found)
    return Checked(folder, tuple(found), tuple(schemes), tuple(tests))


def _refused(folder: Folder) -> set[str]:
    """The files that are there and were not read, by their names in the folder."""
    before = f"{folder.path}{os.sep}"
    named = (finding.position.file for finding in folder.findings if finding.position.file.startswith(before))
    return {Path(file[len(before) :]).as_posix() for file in named} - set(folder.files)


class NotFit(SchemeError):
    """A market scheme that may not be used; `findings` says why."""

    exit_code = 1

    def __init__(self, checked: Checked) -> None:
        errors = [finding for finding in checked.findings if finding.severity is Severity.ERROR]
        super().__init__(errors[0].message, position=errors[0].position, hint=errors[0].hint)
        self.findings = tuple(errors)


@contextmanager
def laid_out(folder: Folder) -> Iterator[Path]:
    """What was read of a folder, as files in a place of its own that is removed afterwards."""
    with TemporaryDirectory(prefix="engine-market-") as made:
        place = Path(made).resolve() / "market"
        for name, data in folder.files.items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield place


def load_schemes(card: Card, place: Path) -> list[Scheme]:
    """The schemes of a card, from a folder that was checked; the main one first."""
    loaded = (load_scheme(place / f"{id}.yaml", _REACH).scheme for id in card.schemes)
    return [scheme for scheme in loaded if scheme is not None]


# --- what the card says ------------------------------------------------------------------------------------


def _check_connectors(card: Card, found: list[Finding]) -> None:
    known = connector_names()
    for name in card.connects:
        if name not in known:
            close = nearest(name, known)
            message = tr(
                'the connector "{name}" is not installed; installed are {names}',
                name=name,
                names=", ".join(known),
            )
            hint = tr('did you mean "{word}"?', word=close) if close else None
            found.append(Finding("M304", _entry(card, "connects", name), message, hint=hint))
    for param in card.params.values():
        connector = (param.choices or "").partition(".")[0]
        if connector and connector not in card.connects:
            message = tr('the card does not connect "{name}"', name=connector)
            found.append(Finding("M303", param.position, message))


def _check_listed(folder: Folder, card: Card, refused: set[str], found: list[Finding]) -> None:
    """The schemes of the card are those of the folder."""
    there = {name.removesuffix(".yaml") for name in folder.files if _is_scheme(name)}
    for id in card.schemes:
        if f"{id}.yaml" in refused:
            continue
        if id not in there or "/" in id:
            message = tr('there is no scheme "{name}" in the folder', name=id)
            hint = tr("known are {names}", names=", ".join(sorted(there)) or "-")
            found.append(Finding("M301", _entry(card, "schemes", id), message, hint=hint))
    for id in sorted(there - set(card.schemes)):
        message = tr("is not named in the card's schemes")
        found.append(Finding("M301", Position(str(folder.path / f"{id}.yaml")), message))


def _entry(card: Card, key: str, name: str) -> Position:
    """Where a name stands in a list of the card."""
    node = card.node.get(key)
    for child in node.value if node is not None and node.is_list else ():
        if child.value == name:
            place: Position = child.position
            return place
    return card.node.position


# --- what the schemes do -----------------------------------------------------------------------------------


def _check_schemes(
    folder: Folder, card: Card | None, place: Path, found: list[Finding], *, whole: bool
) -> tuple[list[Scheme], list[TestResult]]:
    """`whole`: nothing is wrong so far. Without a card, every scheme of the folder is looked into."""
    schemes: list[Scheme] = []
    there = [name.removesuffix(".yaml") for name in folder.files if _is_scheme(name)]
    ids = there if card is None else [id for id in card.schemes if id in there]
    for id in ids:
        loaded = load_scheme(place / f"{id}.yaml", _REACH)
        found += check_loaded(loaded, _REACH)
        if loaded.scheme is not None:
            schemes.append(loaded.scheme)
        if loaded.draft is not None and card is not None:
            _check_one(loaded.draft, id, card, found)
    if card is not None and whole and len(schemes) == len(card.schemes):
        _check_together(folder, card, schemes, found)
    found[:] = _once(found)
    return schemes, _tested(schemes, found) if whole and sound(found) else []


def _is_scheme(name: str) -> bool:
    return name.endswith(".yaml") and name != FILE_NAME


def _check_one(scheme: Scheme, id: str, card: Card, found: list[Finding]) -> None:
    if scheme.id != id:
        message = tr('the id "{id}" is not the name of its file', id=scheme.id)
        found.append(Finding("M302", scheme.node.keys.get("id", scheme.node.position), message))
    for name, position, what in _reached(scheme):
        if name not in card.connects:
            message = tr(
                '{what} reaches "{name}", which the card does not connect; it connects {names}',
                what=what,
                name=name,
                names=", ".join(card.connects),
            )
            hint = tr("in a market scheme a connection has its connector's name")
            found.append(Finding("M303", position, message, hint=hint))
    if not scheme.tests:
        hint = tr("a copier must see what a scheme does: give it a record and its document")
        found.append(Finding("M305", scheme.node.position, tr("the scheme has no test"), hint=hint))


def _reached(scheme: Scheme) -> Iterator[tuple[str, Position, str]]:
    """Each connection that a scheme names, where, and for what."""
    if scheme.source.connection is not None:
        yield scheme.source.connection, scheme.source.position, tr("the source")
    yield scheme.target.connection, scheme.target.position, tr("the target")
    for table in scheme.tables.values():
        if table.connection is not None:
            yield table.connection, table.position, tr('the table "{name}"', name=table.name)


def _check_together(folder: Folder, card: Card, schemes: list[Scheme], found: list[Finding]) -> None:
    """What can be said of the schemes of a folder as a whole."""
    reached = {name for scheme in schemes for name, _, _ in _reached(scheme)}
    for name in card.connects:
        if name not in reached:
            message = tr('the card connects "{name}", which no scheme reaches', name=name)
            found.append(Finding("M303", _entry(card, "connects", name), message, Severity.WARNING))
    if schemes[0].is_callback:
        message = tr('the first of the schemes is run, and "{name}" is a callback scheme', name=schemes[0].id)
        found.append(Finding("M301", _entry(card, "schemes", schemes[0].id), message))
    params = {name for scheme in schemes for name in scheme.params}
    for name, param in card.params.items():
        if name not in params:
            message = tr('no scheme has a param "{name}"', name=name)
            found.append(Finding("M308", param.position, message))
    written = {name for scheme in schemes for name in _written(scheme.node.plain())}
    for field in card.unsure:
        if field not in written:
            message = tr('no scheme writes a field "{name}"', name=field)
            found.append(Finding("M308", _entry(card, "unsure", field), message))
    for name in sorted(set(folder.files) - _used(schemes) - {FILE_NAME, PAGE}):
        place = Position(str(folder.path / name))
        found.append(Finding("M309", place, tr("is used by no scheme"), Severity.WARNING))


def _written(part: object) -> Iterator[str]:
    """Every key in a scheme's mapping, by its own name and by its path."""
    mapping = part.get("target", {}).get("mapping", {}) if isinstance(part, dict) else {}
    yield from _keys(mapping, "")


def _keys(part: object, above: str) -> Iterator[str]:
    if isinstance(part, list):
        for child in part:
            yield from _keys(child, above)
    elif isinstance(part, dict):
        if "row" in part or "each" in part:
            yield from _keys(part.get("row", {}), above)
            return
        for key, child in part.items():
            path = f"{above}.{key}" if above else key
            yield key
            yield path
            if not (isinstance(child, dict) and "value" in child):
                yield from _keys(child, path)


def _used(schemes: Iterable[Scheme]) -> set[str]:
    used: set[str] = set()
    for scheme in schemes:
        used.add(scheme.file.name)
        used |= {posixpath.normpath(table.file) for table in scheme.tables.values() if table.file}
        used |= {posixpath.normpath(test.record_file) for test in scheme.tests if test.record_file}
    return used


# --- tests -------------------------------------------------------------------------------------------------


def _tested(schemes: list[Scheme], found: list[Finding]) -> list[TestResult]:
    """The results of all tests, within a minute in all."""
    count = sum(len(scheme.tests) for scheme in schemes)
    if count > TESTS_MOST:
        place = schemes[0].node.position
        found.append(
            Finding("M307", place, tr("{count} tests are more than {most}", count=count, most=TESTS_MOST))
        )
        return []
    clock = SystemClock()
    until = clock.monotonic() + SECONDS_MOST
    results: list[TestResult] = []
    for scheme in schemes:
        undecided = _without_defaults(scheme)
        for test in scheme.tests:
            if clock.monotonic() > until:
                found.append(Finding("M307", test.position, tr("the tests take longer than a minute")))
                return results
            results.append(_run(scheme, test, clock))
            if not results[-1].passed:
                message = tr(
                    'the test "{name}" fails: {message}', name=test.name, message=results[-1].message
                )
                found.append(Finding("M306", test.position, message))
            elif not _run(undecided, test, clock).passed:
                message = tr('the test "{name}" fails with other defaults of the params', name=test.name)
                hint = tr("name in the test what it rests on: {line}", line="params: {…}")
                found.append(Finding("M310", test.position, message, Severity.WARNING, hint))
    return results


def _run(scheme: Scheme, test: TestSpec, clock: Clock) -> TestResult:
    alone = replace(scheme, tests=(test,))
    return run_tests(alone, catalogs=catalog, monotonic=lambda: clock.monotonic() / _PATIENCE)[0]


def _without_defaults(scheme: Scheme) -> Scheme:
    """The scheme as it is before a copier has said anything: its texts' defaults are not known."""
    params = {
        name: replace(spec, default=None) if spec.type == "string" else spec
        for name, spec in scheme.params.items()
    }
    return replace(scheme, params=params)


# --- the page, and where things are ------------------------------------------------------------------------


def _check_page(folder: Folder, page: str, found: list[Finding]) -> None:
    if folder.files.get(PAGE) != page.encode():
        message = tr("is not the page of what the folder holds") if PAGE in folder.files else tr("is missing")
        hint = tr("write it with `engine market page {folder}`", folder=folder.path)
        found.append(Finding("M401", Position(str(folder.path / PAGE)), message, Severity.WARNING, hint))


def _once(found: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(found))


def _where_it_was(finding: Finding, place: Path, path: Path) -> Finding:
    """A finding about a file where it was laid out, about the file that was read."""
    position = finding.position
    return replace(
        finding,
        position=replace(position, file=_moved(position.file, place, path)),
        message=_moved(finding.message, place, path),
        hint=_moved(finding.hint, place, path) if finding.hint else None,
    )


def _moved(text: str, place: Path, path: Path) -> str:
    return text.replace(str(place), str(path))
