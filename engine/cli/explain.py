"""engine explain: where each value of a document comes from, for one record or for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain, run_async
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.mapping.compiled.ways import Way
    from engine.mapping.tracing import Traced
    from engine.run.explaining import Explained
    from engine.run.preview import Previewed
    from engine.scheme.model import Scheme

__all__ = ["explain"]


@click.command(
    help=tr("Tell where each value of a record's document comes from, or how the mapping is made.")
)
@click.argument("scheme")
@click.argument("record", metavar="[ID]", required=False)
@click.option("--record", "file", metavar="FILE", help=tr("A JSON file with the record."))
@click.option("--html", "page", metavar="FILE", help=tr("Write one HTML page besides."))
@click.option("--compiled", is_flag=True, help=tr("Which fields are compiled, and why the others are not."))
@common_options
def explain(
    common: Common, scheme: str, record: str | None, file: str | None, page: str | None, compiled: bool
) -> int:
    """Explain a scheme's mapping."""
    if record is not None and file is not None:
        raise UsageError(tr("give a record's ID or a file, not both"))
    if compiled:
        return _explain_ways(common, scheme)
    shown, found, checked = run_async(_explained(common, scheme, record, file))
    if page is not None:
        from engine.cli.explain_html import page_of

        Path(page).write_text(page_of(checked, shown, found), encoding="utf-8")
    if common.json:
        emit(_as_json(checked, shown, found, page))
    else:
        _print(shown, found)
        if page is not None:
            click.echo(tr("the page is {file}", file=page))
    return 1 if found.problem is not None else 0


async def _explained(
    common: Common, scheme: str, name: str | None, file: str | None
) -> tuple[Previewed, Explained, Scheme]:
    """The record that is asked for, else the latest that would be delivered, and its explanation."""
    from engine.run.explaining import explain_record
    from engine.run.lane import Work
    from engine.run.preview import preview_all, preview_file, preview_id
    from engine.run.setup import build_lane, checked_scheme
    from engine.run.tally import Brake, Tally
    from engine.run.workplace import Workplace

    choice = common.choose()
    checked = checked_scheme(scheme, choice.environment)
    if checked.is_callback and file is None:
        raise UsageError(tr("a callback scheme is fed by another's documents: give a record with --record"))
    async with Workplace(choice) as place:
        lane = build_lane(place, checked, {}, lists=name is None and file is None)
        work = Work("explain", choice.environment.name, place.ledger, place.clock, Tally(), Brake())
        shown: Previewed | None = None
        if file is not None:
            shown = await preview_file(lane, Path(file))
        elif name is not None:
            shown = await preview_id(lane, work, name)
            if not shown.record:  # the source does not have it, or could not be asked
                raise UsageError(shown.reason or "")
        else:
            async for one in preview_all(lane, work, limit=40):
                shown = shown if shown is not None and shown.outcome != "waiting" else one
                if one.outcome in ("deliver", "already"):
                    shown = one
                    break
        if shown is None:
            raise UsageError(tr("there is no record to explain yet; give one with --record FILE"))
        return shown, await explain_record(lane, dict(shown.record)), checked


# --- as text and JSON --------------------------------------------------------------------------------------


def _print(shown: Previewed, found: Explained) -> None:
    from engine.cli.preview import outcome_word
    from engine.cli.show import say, show_table

    say(plain(f"{tr('record')} {shown.number or shown.id} → {outcome_word(shown.outcome)}"), style="bold")
    for condition in found.conditions:
        answer = {True: tr("yes"), False: tr("no"), None: condition.problem}[condition.holds]
        say(plain(f"  {condition.line:>4}  {condition.name}: {condition.text}  → {answer}"))
    rows = [(one.field, one.label or "", value_text(one), origin_text(one)) for one in found.fields]
    show_table((tr("field"), tr("label"), tr("value"), tr("from")), rows)
    if found.problem is not None:
        place = f"{found.problem.position}  " if found.problem.position else ""
        say(plain(f"{place}{found.problem.message}"), style="red")


def value_text(one: Traced) -> str:
    """A field's value, and under which key it is sent where it is base data."""
    if one.left_out:
        return tr("(left out)")
    text = str(one.value)
    return f"{text}  ({one.wrapped})" if one.wrapped else text


def origin_text(one: Traced) -> str:
    """What the scheme says, what the record holds, what a table answered, and which default served."""
    if one.kind == "constant":
        parts = [tr("constant")]
    else:
        parts = [one.source if one.kind == "path" else "{{ … }}"]
        told = [f"{name} = {_short(value)}" for name, value in one.sources]
        parts = [f"{one.source} = {_short(one.sources[0][1])}"] if one.kind == "path" else [*parts, *told]
    for asked in one.lookups:
        answer = tr("no entry") if asked.value is None else _short(asked.value)
        parts.append(tr("table {table}[{key}] → {answer}", table=asked.table, key=asked.key, answer=answer))
    if one.default is not None:
        parts.append(tr("default {text}", text=one.default or tr("of the table")))
    return "; ".join(parts)


def _short(value: Any) -> str:
    if value is None:
        return tr("(nothing)")
    text = str(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:59]}…"


def _as_json(checked: Scheme, shown: Previewed, found: Explained, page: str | None) -> dict[str, Any]:
    return {
        "scheme": checked.id,
        "id": shown.id,
        "number": shown.number,
        "outcome": shown.outcome,
        "reason": shown.reason,
        "conditions": [
            {
                "name": each.name,
                "text": each.text,
                "line": each.line,
                "holds": each.holds,
                "problem": each.problem,
            }
            for each in found.conditions
        ],
        "fields": [_field_json(one) for one in found.fields],
        "document": found.payload,
        "problem": found.problem.message if found.problem is not None else None,
        "html": page,
    }


def _field_json(one: Traced) -> dict[str, Any]:
    return {
        "field": one.field,
        "label": one.label,
        "value": one.value,
        "left_out": one.left_out,
        "kind": one.kind,
        "from": one.source,
        "sources": [{"path": name, "value": value} for name, value in one.sources],
        "lookups": [{"table": each.table, "key": each.key, "value": each.value} for each in one.lookups],
        "default": one.default,
        "wrapped": one.wrapped,
        "type": one.type,
        "file": one.position.file,
        "line": one.position.line,
    }


# --- which way each field went -----------------------------------------------------------------------------


def _explain_ways(common: Common, scheme: str) -> int:
    from engine.run.setup import checked_scheme
    from engine.scheme.ways import ways_of

    environment = common.environment()
    checked = checked_scheme(scheme, environment)
    ways = ways_of(checked, environment)
    if common.json:
        emit({"scheme": checked.id, "fields": [_way_json(way) for way in ways]})
    else:
        _print_ways(ways)
    return 0


def _way_json(way: Way) -> dict[str, object]:
    return {
        "field": way.field,
        "way": "interpreted" if way.reason else "compiled",
        "reason": tr(way.reason) if way.reason else None,
        "file": way.position.file,
        "line": way.position.line,
    }


def _print_ways(ways: list[Way]) -> None:
    widest = max((len(way.field) for way in ways), default=0)
    for way in ways:
        said = click.style(tr("compiled"), fg="green")
        if way.reason:
            said = click.style(tr("interpreted: {reason}", reason=tr(way.reason)), fg="yellow")
        click.echo(f"{way.position.line:>5}  {plain(way.field):{widest}}  {said}")
    done = sum(way.reason is None for way in ways)
    click.echo(tr("{done} of {count} are compiled", done=done, count=len(ways)))
