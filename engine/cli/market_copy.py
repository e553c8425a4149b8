"""engine market copy: a market scheme into the project's schemes, checked and shown before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit
from engine.cli.project import near, project_folder, write_editor_schemas
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.findings import Finding
    from engine.market.check import Checked
    from engine.market.copying import Plan
    from engine.scheme.model import Scheme

__all__ = ["copy", "tell_shared"]


@click.command(help=tr("Copy a market scheme, its callbacks, tables and samples into the project's schemes."))
@click.argument("name")
@click.option("--as", "id", metavar="ID", help=tr("What the scheme is to be called."))
@click.option("--to", metavar="FOLDER", help=tr("Where to; the project's schemes/ by default."))
@click.option("--from", "given", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@click.option(
    "--keep-tables", is_flag=True, help=tr("Tables that are there already stay, for the copy to use.")
)
@click.option("--yes", is_flag=True, help=tr("Do not ask; another market is checked all the same."))
@common_options
def copy(
    common: Common,
    name: str,
    id: str | None,
    to: str | None,
    given: str | None,
    pairs: tuple[str, ...],
    keep_tables: bool,
    yes: bool,
) -> int:
    """Copy a market scheme."""
    from engine.cli.market_show import agreed, refuse_unsound
    from engine.clock import SystemClock
    from engine.market.check import check_folder
    from engine.market.copying import carry_out, plan_copy
    from engine.market.folder import find_folder, market_of, read_folder
    from engine.market.origin import market_name
    from engine.scheme.params import parse_overrides

    market = market_of(given)
    checked = check_folder(read_folder(find_folder(name, market)))
    refuse_unsound(checked)
    place = Path(to) if to is not None else project_folder(common) / "schemes"
    plan = plan_copy(checked.folder, place, id=id, keep_tables=keep_tables)
    values = _values(checked, plan, parse_overrides(pairs))
    if given is not None and not yes and not agreed(checked, given, tr("Copy it?")):
        click.echo(tr("nothing was written"), err=True)
        return 1
    origin = carry_out(plan, market_name(market, place, shipped=given is None), SystemClock().now())
    changed = _write_values(common, plan, values)
    if place.resolve() == (project_folder(common) / "schemes").resolve():
        write_editor_schemas(common, project_folder(common))
    findings = _found(common, plan)
    if common.json:
        emit(_as_json(common, plan, changed, findings, origin.place / "origin.yaml"))
    else:
        _tell(common, plan, changed, findings)
    return 1 if any(finding.severity == "error" for finding in findings) else 0


# --- values ------------------------------------------------------------------------------------------------


def _values(checked: Checked, plan: Plan, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The given params by the copied scheme that has them. Raises UsageError before anything is written."""
    from engine.clock import SystemClock
    from engine.findings import nearest
    from engine.scheme.params import param_value

    now = SystemClock().now()
    known = {name: scheme for scheme in reversed(checked.schemes) for name in scheme.params}
    found: dict[str, dict[str, str]] = {}
    for name, value in given.items():
        if name not in known:
            close = nearest(name, known)
            raise UsageError(
                tr("there is no param '{name}'; there are {names}", name=name, names=", ".join(known) or "-"),
                hint=tr("did you mean '{word}'?", word=close) if close else None,
            )
        scheme: Scheme = known[name]
        try:
            param_value(scheme.params[name].type, value, now)
        except ValueError as error:
            raise UsageError(
                tr('the param "{name}" must be {what}, not "{value}"', name=name, what=error, value=value)
            ) from None
        found.setdefault(plan.naming.scheme(scheme.id), {})[name] = value
    return found


def _write_values(common: Common, plan: Plan, values: Mapping[str, Mapping[str, str]]) -> list[Path]:
    """Write params into connections.yaml for an environment beyond the sandbox, else as defaults."""
    from engine.cli.project import settings_file
    from engine.market.wizard.saving import write_values

    environment = common.environment()
    files = {id: plan.to / f"{id}.yaml" for id in plan.schemes}
    real = None if environment.is_sandbox else environment.name
    return write_values(values, files, real, settings_file(common))


# --- what came of it ---------------------------------------------------------------------------------------


def _found(common: Common, plan: Plan) -> list[Finding]:
    """What is wrong with the copy where it is, in the environment that is meant."""
    from engine.scheme.lint import validate

    environment = common.environment()
    files = [plan.to / f"{id}.yaml" for id in plan.schemes]
    return [finding for file in files for finding in validate(file, environment=environment)]


def _next(common: Common, plan: Plan, findings: Sequence[Finding]) -> list[str]:
    from engine.cli.next_steps import next_steps

    environment = common.environment()
    broken = any(finding.severity == "error" for finding in findings)
    return next_steps(
        near(plan.main_file), None if environment.is_sandbox else environment.name, broken=broken
    )


def tell_shared(file: Path) -> None:
    """Warn of a scheme beside this one that reads the same: run both, and both write."""
    from engine.cli.show import say
    from engine.scheme.neighbours import readers_of_the_same

    for other in readers_of_the_same(file):
        say(
            tr(
                "'{other}' reads the same records: if both run, both write a document for each. "
                "Keep one of them, or tell their records apart in `where`",
                other=other,
            ),
            style="yellow",
        )


def _as_json(
    common: Common, plan: Plan, changed: Sequence[Path], findings: Sequence[Finding], origin: Path
) -> dict[str, Any]:
    from engine.cli.check import finding_json
    from engine.scheme.neighbours import readers_of_the_same

    def placed(names: Sequence[str]) -> list[str]:
        return [near(plan.to / name) for name in names]

    return {
        "id": plan.id,
        "scheme": near(plan.main_file),
        "schemes": plan.schemes,
        "files": placed(plan.new),
        "there": placed(plan.there),
        "kept": placed(plan.kept),
        "also_read_by": readers_of_the_same(plan.main_file),
        "set": [near(file) for file in changed],
        "origin": near(origin),
        "findings": [finding_json(finding) for finding in findings],
        "next": _next(common, plan, findings)[0],
    }


def _tell(common: Common, plan: Plan, changed: Sequence[Path], findings: Sequence[Finding]) -> None:
    from engine.cli.next_steps import tell_next
    from engine.cli.show import say

    for name in plan.new:
        say(tr("copied {file}", file=near(plan.to / name)))
    for name in plan.there:
        say(tr("{file} was there already, the same", file=near(plan.to / name)))
    for name in plan.kept:
        say(tr("{file} is yours and stays", file=near(plan.to / name)))
    for file in changed:
        say(tr("values were written into {file}", file=near(file)))
    for finding in findings:
        say(str(finding), style="red" if finding.severity == "error" else "yellow")
    tell_shared(plan.main_file)
    tell_next(_next(common, plan, findings))
