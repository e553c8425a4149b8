"""engine validate and engine test: what can be found without running, and the tests inside schemes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.connector.environments import Environment
    from engine.findings import Finding
    from engine.scheme.testing import TestResult

__all__ = ["finding_json", "scheme_paths", "tell_findings", "test", "validate"]


@click.command(help=tr("Find what is wrong with schemes without running them."))
@click.argument("paths", nargs=-1, required=True)
@click.option("--format", "style", type=click.Choice(["text", "json", "github"]), default="text")
@common_options
def validate(common: Common, paths: tuple[str, ...], style: str) -> int:
    """Check scheme files."""
    from engine.findings import Severity
    from engine.scheme.lint import validate as check

    environment = common.environment()
    files = scheme_paths(paths)
    findings = [finding for file in files for finding in check(file, environment=environment)]
    tell_findings("json" if common.json else style, findings, files)
    _refresh_schemas(common)
    return 1 if any(finding.severity is Severity.ERROR for finding in findings) else 0


def _refresh_schemas(common: Common) -> None:
    """Bring the editor's schemas up to date, where `engine schema` has written some."""
    from engine.cli.project import project_folder
    from engine.run.choice import choose_environment
    from engine.scheme.editor.files import refresh

    with suppress(OSError):
        refresh(choose_environment(common.env, common.connections)[0], project_folder(common))


def scheme_paths(names: Iterable[str]) -> list[Path]:
    """The scheme files that names mean: files, ids, or folders with the schemes in them."""
    from engine.scheme.load import find_scheme, market_folders, scheme_files

    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            folders = (path, *market_folders(path))
            inside = sorted(file for folder in folders for file in scheme_files(folder))
            if not inside:
                raise UsageError(tr("there is no scheme in '{folder}'", folder=name))
            found += inside
        else:
            found.append(find_scheme(name, Path.cwd()))
    return list(dict.fromkeys(found))


def _as_text(findings: Sequence[Finding], files: Sequence[Path]) -> None:
    colours = {"error": "red", "warning": "yellow", "hint": "cyan"}
    words = {"error": tr("error"), "warning": tr("warning"), "hint": tr("hint")}
    for finding in findings:
        grade = f"{finding.code} {words[finding.severity]}"
        placed = click.style(f"{finding.position}  {grade}", fg=colours[finding.severity])
        click.echo(f"{placed}  {plain(finding.message)}")
        if finding.hint:
            click.echo(click.style(f"    {plain(finding.hint)}", dim=True))
    errors = sum(finding.severity == "error" for finding in findings)
    others = len(findings) - errors
    click.echo(
        tr(
            "{files}: {errors}, {others}",
            files=tr("1 file") if len(files) == 1 else tr("{count} files", count=len(files)),
            errors=tr("1 error") if errors == 1 else tr("{count} errors", count=errors),
            others=tr("1 warning or hint") if others == 1 else tr("{count} warnings and hints", count=others),
        )
    )
    if errors:
        first = next(finding.code for finding in findings if finding.severity == "error")
        click.echo(tr("{command} tells more", command=f"engine help {first}"))


def _as_json(findings: Sequence[Finding], files: Sequence[Path]) -> None:
    emit({"findings": [finding_json(finding) for finding in findings]})


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as commands print it."""
    return {
        "file": finding.position.file,
        "line": finding.position.line,
        "column": finding.position.column,
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "hint": finding.hint,
    }


def _as_github(findings: Sequence[Finding], files: Sequence[Path]) -> None:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    kinds = {"error": "error", "warning": "warning", "hint": "notice"}
    for finding in findings:
        place = finding.position
        text = finding.message + (f"\n{finding.hint}" if finding.hint else "")
        escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        file = place.file.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
        click.echo(
            f"::{kinds[finding.severity]} file={file},line={place.line},col={place.column},"
            f"title={finding.code}::{escaped}"
        )


_EDITS_MOST = 10
_FORMATS = {"text": _as_text, "json": _as_json, "github": _as_github}


def tell_findings(style: str, findings: Sequence[Finding], files: Sequence[Path]) -> None:
    """Print findings as text, as one JSON object, or as GitHub's workflow commands."""
    _FORMATS[style](findings, files)


@click.command(help=tr("Run the tests inside schemes."))
@click.argument("paths", nargs=-1, required=True)
@common_options
def test(common: Common, paths: tuple[str, ...]) -> int:
    """Run scheme tests."""
    environment = common.environment()
    results = [result for file in scheme_paths(paths) for result in _tested(file, environment)]
    failed = [result for result in results if not result.passed]
    if common.json:
        emit(
            {
                "tests": len(results),
                "failed": len(failed),
                "results": [
                    {
                        "scheme": result.scheme,
                        "name": result.name,
                        "passed": result.passed,
                        "message": result.message,
                        "line": result.line,
                    }
                    for result in results
                ],
            }
        )
    else:
        _tell(results, len(failed))
    return 1 if failed else 0


def _tested(file: Path, environment: Environment) -> list[TestResult]:
    """The results of a scheme's tests; a scheme that cannot be read is one failed test, at its finding."""
    from engine.connector.registry import catalog
    from engine.scheme.load import load_scheme
    from engine.scheme.reach import Reach
    from engine.scheme.testing import TestResult, run_tests

    loaded = load_scheme(file, Reach(catalog, environment))
    if loaded.scheme is not None:
        return run_tests(loaded.scheme, environment=environment)
    first = loaded.findings[0]
    return [TestResult(file.stem, tr("the scheme can be read"), False, str(first), first.position.line)]


def _tell(results: Sequence[TestResult], failed: int) -> None:
    for result in results:
        mark = click.style("✓", fg="green") if result.passed else click.style("✗", fg="red")
        click.echo(f"{mark} {plain(f'{result.scheme}: {result.name}')}")
        if not result.passed:
            _tell_why(result)
    for file in dict.fromkeys(each.position.file for each in results if not each.passed and each.position):
        _tell_edits(Path(file))
    click.echo(
        tr("1 test, {failed} failed", failed=failed)
        if len(results) == 1
        else tr("{count} tests, {failed} failed", count=len(results), failed=failed)
    )


def _tell_why(result: TestResult) -> None:
    from engine.cli.show import near

    if result.position is not None:
        place = result.position
        click.echo(f"    {plain(near(place.file))}:{place.line}:{place.column}")
    for line in result.message.splitlines():
        click.echo(f"    {plain(line)}")


def _tell_edits(file: Path) -> None:
    """Of a copy with a failing test: what was changed since it was copied, which may be why."""
    from engine.cli.market_upgrade import change_words
    from engine.cli.show import near
    from engine.market.edited import edits_of

    edits = edits_of(file)
    if edits:
        click.echo(tr("changed in '{name}' since it was copied:", name=file.stem))
    for place, change in edits[:_EDITS_MOST]:
        click.echo(
            f"    {plain(near(place.file))}:{place.line}:{place.column}  {plain(change_words(change))}"
        )
    if len(edits) > _EDITS_MOST:
        click.echo("    " + tr("and {count} more", count=len(edits) - _EDITS_MOST))
