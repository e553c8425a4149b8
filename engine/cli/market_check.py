"""engine market check and page: for those who make market schemes, and for those who doubt them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit
from engine.errors import ConfigurationError, UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.market.check import Checked
    from engine.market.folder import Folder

__all__ = ["check", "page"]


@click.command(help=tr("Check a market scheme's folder, or all in a market, before anything in it is used."))
@click.argument("folder")
@click.option("--format", "style", type=click.Choice(["text", "json", "github"]), default="text")
@common_options
def check(common: Common, folder: str, style: str) -> int:
    """Check market folders."""
    from engine.market.check import check_folder
    from engine.market.page import make_page

    all_checked = [check_folder(each, make_page) for each in _folders(folder)]
    _tell("json" if common.json else style, all_checked)
    return 0 if all(checked.sound for checked in all_checked) else 1


def _folders(name: str) -> list[Folder]:
    """The market schemes that a folder means, read; a folder without any card is one that lacks it."""
    from engine.market.folder import folders_of, read_folder

    path = Path(name)
    if not path.is_dir():
        raise UsageError(tr("there is no folder '{path}'", path=name))
    return [read_folder(each) for each in folders_of(path) or [path]]


def _tell(style: str, all_checked: Sequence[Checked]) -> None:
    from engine.cli.check import finding_json, tell_findings

    findings = [finding for checked in all_checked for finding in checked.findings]
    if style == "json":
        emit(
            {
                "folders": [
                    {
                        "folder": str(checked.folder.path),
                        "name": checked.folder.name,
                        "release": checked.folder.card.release if checked.folder.card else None,
                        "sound": checked.sound,
                        "tests": len(checked.tests),
                        "failed": sum(not test.passed for test in checked.tests),
                    }
                    for checked in all_checked
                ],
                "findings": [finding_json(finding) for finding in findings],
            }
        )
        return
    tell_findings(style, findings, [checked.folder.path for checked in all_checked])
    if style == "text":
        _say_verdicts(all_checked)


def _say_verdicts(all_checked: Sequence[Checked]) -> None:
    from engine.cli.show import say

    for checked in all_checked:
        release = checked.folder.card.release if checked.folder.card else ""
        title = f"{checked.folder.name} {release}".strip()
        if checked.sound:
            count = len(checked.tests)
            say(f"✓ {title}: " + tr("may be copied; {count} tests passed", count=count), style="green")
        else:
            say(f"✗ {title}: " + tr("may not be copied, for the reasons above"), style="red")


@click.command(help=tr("Write the page of a market scheme, README.md, from what its folder holds."))
@click.argument("folder")
@click.option("--check", "only", is_flag=True, help=tr("Write nothing; exit 1 where a page is not fresh."))
@common_options
def page(common: Common, folder: str, only: bool) -> int:
    """Write pages."""
    from engine.cli.market_show import refuse_unsound
    from engine.market.check import check_folder
    from engine.market.folder import PAGE
    from engine.market.page import make_page

    stale: list[str] = []
    fresh: list[str] = []
    for each in _folders(folder):
        refuse_unsound(check_folder(each))
        made = make_page(each).encode()
        file = each.path / PAGE
        if each.files.get(PAGE) == made:
            fresh.append(str(file))
            continue
        stale.append(str(file))
        if not only:
            _write(file, made)
    if common.json:
        emit({"fresh": fresh, "stale" if only else "written": stale})
    else:
        _say_pages(stale, fresh, only)
    return 1 if only and stale else 0


def _write(file: Path, data: bytes) -> None:
    beside = file.with_name(".README.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise ConfigurationError(
            tr('"{name}" cannot be written: {reason}', name=file, reason=reason)
        ) from error


def _say_pages(stale: Sequence[str], fresh: Sequence[str], only: bool) -> None:
    from engine.cli.show import say

    for name in stale:
        say(tr("{file} is not fresh", file=name) if only else tr("wrote {file}", file=name))
    for name in fresh:
        say(tr("{file} is fresh", file=name))
