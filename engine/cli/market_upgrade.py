"""engine market diff and upgrade: what the user and the market have changed, and both together."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.findings import Finding
    from engine.market.check import Checked
    from engine.market.compare import Change
    from engine.market.upgrade import FileUpgrade, Upgrade, Versions
    from engine.scheme.testing import TestResult

__all__ = ["change_words", "diff", "upgrade"]

_LONGEST = 100


@click.command(help=tr("Show what you have changed in a copy, and what the market has."))
@click.argument("id")
@click.option("--to", metavar="FOLDER", help=tr("Where the copy is; the project's schemes/ by default."))
@click.option("--from", "given", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@common_options
def diff(common: Common, id: str, to: str | None, given: str | None) -> int:
    """Compare a copy with its market scheme."""
    from engine.market.compare import differences
    from engine.market.upgrade import plan_upgrade

    versions = _versions(_checked(common, id, to, given), common, id, to)
    planned = plan_upgrade(versions)
    yours = differences(versions.base, versions.mine)
    markets = differences(versions.base, versions.theirs)
    if common.json:
        emit(
            {
                **_head(versions),
                "yours": [_change_json(change) for change in yours],
                "market": [_change_json(change) for change in markets],
                "conflicts": _choices_json(planned),
            }
        )
    else:
        _tell_changes(versions, yours, markets, planned, given)
    return 0


@click.command(help=tr("Bring a copy up to the market's release; what you have changed stays."))
@click.argument("id")
@click.option("--to", metavar="FOLDER", help=tr("Where the copy is; the project's schemes/ by default."))
@click.option("--from", "given", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@click.option("--dry-run", is_flag=True, help=tr("Only say what would be done."))
@click.option("--yes", is_flag=True, help=tr("Do not ask; another market is checked all the same."))
@common_options
def upgrade(common: Common, id: str, to: str | None, given: str | None, dry_run: bool, yes: bool) -> int:
    """Upgrade a copy."""
    from engine.cli.market_show import agreed
    from engine.clock import SystemClock
    from engine.market.origin import SHIPPED
    from engine.market.upgrade import carry_out, plan_upgrade

    checked = _checked(common, id, to, given)
    versions = _versions(checked, common, id, to)
    planned = plan_upgrade(versions)
    if not planned.is_needed:
        return _tell_nothing(common, planned, dry_run)
    if not dry_run:
        market = given or versions.origin.market
        if market != SHIPPED and not yes and not agreed(checked, market, tr("Take its release over?")):
            click.echo(tr("nothing was written"), err=True)
            return 1
        carry_out(planned, SystemClock().now())
    findings, tests = ([], []) if dry_run else _examined(common, planned)
    if common.json:
        emit(_upgrade_json(planned, findings, tests, dry_run))
    else:
        _tell_upgrade(planned, findings, tests, dry_run)
    bad = any(finding.severity == "error" for finding in findings) or any(not each.passed for each in tests)
    return 1 if bad or planned.choices else 0


def _checked(common: Common, id: str, to: str | None, given: str | None) -> Checked:
    """The market's scheme of which a copy is, checked. Raises NotFit where it may not be used."""
    from engine.cli.market_show import refuse_unsound
    from engine.market.check import check_folder
    from engine.market.folder import read_folder
    from engine.market.origin import read_origin

    checked = check_folder(read_folder(read_origin(_place(common, to), id).folder(given)))
    refuse_unsound(checked)
    return checked


def _versions(checked: Checked, common: Common, id: str, to: str | None) -> Versions:
    from engine.market.origin import read_origin
    from engine.market.upgrade import Versions

    return Versions.read(read_origin(_place(common, to), id), checked.folder)


def _place(common: Common, to: str | None) -> Path:
    from engine.cli.project import near, project_folder

    return Path(to) if to is not None else Path(near(project_folder(common) / "schemes"))


def _examined(common: Common, planned: Upgrade) -> tuple[list[Finding], list[TestResult]]:
    """What is wrong with the upgraded schemes where they are, and what their tests say."""
    from engine.connector.registry import catalog
    from engine.scheme.lint import validate
    from engine.scheme.load import load_scheme
    from engine.scheme.reach import Reach
    from engine.scheme.testing import run_tests

    environment = common.environment()
    findings: list[Finding] = []
    tests: list[TestResult] = []
    for file in _scheme_files(planned):
        findings += validate(file, environment=environment)
        scheme = load_scheme(file, Reach(catalog, environment)).scheme
        if scheme is not None:
            tests += run_tests(scheme, environment=environment)
    return findings, tests


def _scheme_files(planned: Upgrade) -> list[Path]:
    versions = planned.versions
    files = [versions.origin.to / f"{versions.naming.scheme(id)}.yaml" for id in versions.card.schemes]
    return [file for file in files if file.is_file()]


# --- as JSON -----------------------------------------------------------------------------------------------


def _head(versions: Versions) -> dict[str, Any]:
    origin = versions.origin
    return {
        "id": origin.id,
        "name": origin.name,
        "release": origin.release,
        "market_release": versions.card.release,
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "file": change.file,
        "path": change.path,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
    }


def _choices_json(planned: Upgrade) -> list[dict[str, Any]]:
    return [
        {"file": file.name, "line": choice.line, "path": choice.path}
        for file in planned.files
        for choice in file.choices
    ]


def _upgrade_json(
    planned: Upgrade, findings: Sequence[Finding], tests: Sequence[TestResult], dry_run: bool
) -> dict[str, Any]:
    from engine.cli.check import finding_json

    return {
        **_head(planned.versions),
        "dry_run": dry_run,
        "files": [
            {"file": file.name, "action": str(file.action), "written": file.written} for file in planned.files
        ],
        "conflicts": _choices_json(planned),
        "open": planned.choices,
        "findings": [finding_json(finding) for finding in findings],
        "tests": len(tests),
        "failed": sum(not test.passed for test in tests),
    }


# --- in words ----------------------------------------------------------------------------------------------


def _tell_nothing(common: Common, planned: Upgrade, dry_run: bool) -> int:
    from engine.cli.show import say

    if common.json:
        emit(_upgrade_json(planned, [], [], dry_run))
    else:
        origin = planned.versions.origin
        say(tr("'{id}' is of the market's release {release}", id=origin.id, release=origin.release))
    return 0


def _tell_changes(
    versions: Versions,
    yours: Sequence[Change],
    markets: Sequence[Change],
    planned: Upgrade,
    given: str | None,
) -> None:
    from engine.cli.show import say

    origin, card = versions.origin, versions.card
    say(f"{origin.id}: {origin.name} {origin.release} → {card.release}", style="bold")
    _tell_list(tr("yours: what you have changed"), yours)
    _tell_list(tr("market's: what the market has changed"), markets)
    for change in planned.changes:
        say(f"{change.release}  {change.words}")
    if planned.choices:
        say(tr("both have changed the same in {count} places", count=planned.choices), style="yellow")
    for file in planned.files:
        for choice in file.choices:
            say(f"  {file.name}  {choice.path}", style="yellow")
    if planned.is_needed:
        command = ["engine", "market", "upgrade", origin.id, *(["--from", given] if given else [])]
        say(tr("next: {command}", command=shlex.join(command)))


def _tell_list(title: str, changes: Sequence[Change]) -> None:
    from engine.cli.show import say

    say(f"{title} ({len(changes)})", style="bold")
    file = None
    for change in changes:
        if change.file != file:
            file = change.file
            say(f"  {file}")
        say(f"    {change_words(change)}")


def change_words(change: Change) -> str:
    """One change on one line; of long values, the part that changed."""
    from engine.cli.changed_part import changed_part

    path = f"{change.path}  " if change.path else ""
    match change.kind:
        case "added":
            return f"+ {path}{_value(change.after)}"
        case "removed":
            return f"- {path}{_value(change.before)}"
        case "comment":
            sign = "+" if change.before is None else "-"
            return f"{sign} {change.after if change.before is None else change.before}"
        case "moved":
            return tr("{path}in another order: {value}", path=path, value=_value(change.after))
    if not change.path:
        return tr("changed")
    before, after = changed_part(_text(change.before), _text(change.after), _LONGEST)
    return f"{path}{before} → {after}"


def _value(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(value: Any) -> str:
    from engine import jsontext

    return "" if value is None else jsontext.dumps(value)


def _tell_upgrade(
    planned: Upgrade, findings: Sequence[Finding], tests: Sequence[TestResult], dry_run: bool
) -> None:
    from engine.cli.project import near
    from engine.cli.show import say

    origin, card = planned.versions.origin, planned.versions.card
    say(f"{origin.id}: {origin.name} {origin.release} → {card.release}", style="bold")
    for change in planned.changes:
        say(f"  {change.release}  {change.words}")
    for file in planned.files:
        _tell_file(planned, file)
    if dry_run:
        say(tr("nothing was written: this is what would be done"))
        return
    for finding in findings:
        if finding.code != "S108":
            say(str(finding), style="red" if finding.severity == "error" else "yellow")
    failed = [test for test in tests if not test.passed]
    for test in failed:
        say(f"✗ {test.scheme}: {test.name}\n    {test.message}", style="red")
    if tests:
        say(tr("{count} tests, {failed} failed", count=len(tests), failed=len(failed)))
    if planned.choices:
        say(tr("{count} places wait for you to choose", count=planned.choices), style="yellow")
    command = "validate" if planned.choices else "preview"
    say(tr("next: {command}", command=f"engine {command} {near(_scheme_files(planned)[0])}"))


def _tell_file(planned: Upgrade, file: FileUpgrade) -> None:
    from engine.cli.project import near
    from engine.cli.show import say
    from engine.market.upgrade import Action

    name = near(planned.versions.origin.to / file.name)
    words = {
        Action.SAME: tr("nothing new"),
        Action.TAKEN: tr("the market's version; you had changed nothing"),
        Action.ADDED: tr("new"),
        Action.MERGED: tr("yours and the market's changes together"),
        Action.CONFLICT: tr("yours and the market's together; both have changed:"),
        Action.BESIDE: tr("yours stays; the market's lies beside it as {file}", file=f"{name}.market"),
        Action.ABSENT: tr("stays removed"),
        Action.LEFT: tr("the market has it no longer; it stays, remove it if nothing else needs it"),
    }
    if file.action is Action.SAME:
        return
    marked = file.action in (Action.CONFLICT, Action.BESIDE)
    say(f"  {name}  {words[file.action]}", style="yellow" if marked else None)
    for choice in file.choices:
        say(f"    {name}:{choice.line}  {choice.path}", style="yellow")
