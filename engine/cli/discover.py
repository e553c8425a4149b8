"""engine discover: learn which fields a source's records and a target's form have, and what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain, run_async
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.scheme.discovered.drift import Drift
    from engine.scheme.discovered.model import Discovered, FoundField

__all__ = ["discover"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One discovery: what it was before, what has changed, and where it is kept."""

    found: Discovered
    before: Discovered | None
    drift: list[Drift]
    file: Path
    described: bool
    problem: str | None = None


@click.command(help=tr("Learn the fields of a scheme's source and target, and tell what has changed."))
@click.argument("scheme")
@click.option("--form", "forms", multiple=True, metavar="FORM",
              help=tr("Another form of the target's system, too; may be given again."))  # fmt: skip
@click.option("--check", is_flag=True, help=tr("Write nothing; exit 1 where something has changed."))
@click.option("--last", metavar="N", type=click.IntRange(1, 10_000), default=200, show_default=True,
              help=tr("How many of the records that were listed last."))  # fmt: skip
@common_options
def discover(common: Common, scheme: str, forms: tuple[str, ...], check: bool, last: int) -> int:
    """Discover fields."""
    shown = run_async(_discovered(common, scheme, forms, last))
    if not check:
        for each in shown:
            _write(each)
    if common.json:
        emit(
            {
                "written": not check and all(each.found.fields for each in shown),
                "found": [_as_json(each) for each in shown],
            }
        )
    else:
        for each in shown:
            _print(each, check)
    return 1 if check and any(each.before is None or each.drift for each in shown) else 0


async def _discovered(common: Common, name: str, forms: tuple[str, ...], last: int) -> list[_Shown]:
    from engine.connector.api import DescribingForms
    from engine.run.discovering import discover_form, discover_source
    from engine.run.lane import Work
    from engine.run.setup import build_lane, readable_scheme
    from engine.run.tally import Brake, Tally
    from engine.run.workplace import Workplace

    choice = common.choose()
    scheme = readable_scheme(name, choice.environment)
    if scheme.is_callback:
        raise UsageError(tr("a callback scheme has no source of its own to discover"))
    environment = choice.environment.name
    async with Workplace(choice) as place:
        lane = build_lane(place, scheme, {}, lists=False)
        work = Work("discover", environment, place.ledger, place.clock, Tally(), Brake())
        learnt = await discover_source(lane, work, last)
        shown = [_compared(scheme.file.parent, learnt.found, learnt.described, learnt.problem)]
        wanted = list(forms)
        if scheme.target.form and isinstance(lane.to.connector, DescribingForms):
            wanted.insert(0, scheme.target.form)
        found = [await discover_form(lane.to, form, environment) for form in dict.fromkeys(wanted)]
        return shown + [_compared(scheme.file.parent, each) for each in found]


def _compared(folder: Path, found: Discovered, described: bool = True, problem: str | None = None) -> _Shown:
    from engine.scheme.discovered.drift import carried, compare
    from engine.scheme.discovered.file import file_of, read

    file = file_of(folder, found.subject)
    before = read(file) if file.is_file() else None
    drift = compare(before, found) if before is not None else []
    found = carried(before, found, drift) if before is not None else found
    return _Shown(found, before, drift, file, described, problem)


def _write(shown: _Shown) -> None:
    from engine.scheme.discovered.file import written

    if not shown.found.fields:
        return
    shown.file.parent.mkdir(exist_ok=True)
    text = written(shown.found)
    if not shown.file.is_file() or shown.file.read_text(encoding="utf-8") != text:
        shown.file.write_text(text, encoding="utf-8")


# --- as text and JSON --------------------------------------------------------------------------------------


def _print(shown: _Shown, check: bool) -> None:
    from engine.cli.project import near
    from engine.cli.show import say, show_table

    found = shown.found
    if found.is_source:
        text = tr("{name}: {count} fields, from {records} records", name=found.subject,
                  count=len(found.fields), records=found.records)  # fmt: skip
        if shown.described:
            text += tr(" and the form")
    else:
        text = tr("{name}: {count} fields of the form", name=found.subject, count=len(found.fields))
    say(text, style="bold")
    if shown.problem is not None:
        say(tr("the system does not tell the form: {reason}", reason=shown.problem), style="yellow")
    if not found.fields:
        say(tr("  there is nothing to learn from yet; nothing was written"))
        return
    if shown.before is None:
        show_table(
            (tr("path"), tr("type"), tr("present"), tr("examples")),
            [_row(found, one) for one in found.fields if found.is_source or one.required],
        )
    elif shown.before.environment != found.environment:
        say(tr("what is kept was discovered in '{name}'", name=shown.before.environment), style="yellow")
    for drift in shown.drift:
        say(f"  {drift_text(found, drift)}", style="yellow")
    if shown.before is not None and not shown.drift:
        say(tr("  nothing has changed"))
    file = near(shown.file)
    if not check:
        say(tr("  kept in {file}", file=file))
    elif shown.before is None:
        say(tr("  not kept yet in {file}: run it without --check", file=file))


def _row(found: Discovered, one: FoundField) -> tuple[str, str, str, str]:
    present = f"{one.seen}/{one.of}" if one.of else "-"
    told = one.choices or one.examples
    if not found.is_source:
        present, told = "", (one.label, one.refers)
    return found.path(one), one.type, present, ", ".join(text for text in told if text)


def drift_text(found: Discovered, drift: Drift) -> str:
    """One change, in words."""
    old = found.path(drift.old) if drift.old is not None else ""
    new = found.path(drift.new) if drift.new is not None else ""
    match drift.kind:
        case "new":
            assert drift.new is not None
            return tr("new: {new} ({type})", new=new, type=drift.new.type)
        case "missing":
            return tr("missing: {old}", old=old)
        case "renamed" if drift.sure:
            return tr("renamed: {old} is {new} now", old=old, new=new)
        case "renamed":
            return tr("renamed, it seems: {old} may be {new} now", old=old, new=new)
    assert drift.old is not None
    assert drift.new is not None
    if drift.kind == "type":
        return tr(
            "another type: {new} was {was}, is {type}", new=new, was=drift.old.type, type=drift.new.type
        )
    return (
        tr("required now: {new}", new=new)
        if drift.new.required
        else tr("not required any more: {new}", new=new)
    )


def _as_json(shown: _Shown) -> dict[str, Any]:
    found = shown.found
    return {
        "subject": found.subject,
        "environment": found.environment,
        "form": found.form or None,
        "records": found.records,
        "described": shown.described,
        "problem": shown.problem,
        "file": str(shown.file),
        "known": shown.before is not None,
        "fields": [
            {
                "path": found.path(one),
                "label": one.label,
                "type": one.type,
                "required": one.required,
                "seen": one.seen,
                "of": one.of,
                "examples": list(one.examples),
                "choices": list(one.choices),
                "formerly": list(one.formerly),
                "refers": one.refers or None,
            }
            for one in found.fields
        ],
        "drift": [
            {
                "kind": drift.kind,
                "sure": drift.sure,
                "old": found.path(drift.old) if drift.old else None,
                "new": found.path(drift.new) if drift.new else None,
                "message": plain(drift_text(found, drift)),
            }
            for drift in shown.drift
        ],
    }
