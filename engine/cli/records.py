"""engine records: what stands in the ledger, and bringing records on again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, run_async
from engine.cli.records_by_hand import adopt, handle
from engine.cli.usage import Group
from engine.errors import FailureClass, UsageError
from engine.findings import nearest
from engine.language import tr
from engine.ledger.rows import State
from engine.run.words import class_word, state_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ledger.rows import Delivery

__all__ = ["records"]

_ATTENTION = "attention"


@click.group(cls=Group, help=tr("Records in the ledger: list, show, retry, skip, adopt, handle."))
@common_options
def records(common: Common) -> None:
    """The group."""


@records.command("list", help=tr("List the records of a scheme."))
@click.argument("scheme")
@click.option(
    "--state",
    metavar="S",
    help=tr("waiting, ready, sending, delivered, done, skipped, failed, unknown; attention: the last two."),
)
@click.option(
    "--class", "failure", metavar="C", help=tr("The class of failure, e.g. data or 'base data missing'.")
)
@common_options
def list_(common: Common, scheme: str, state: str | None, failure: str | None) -> int:
    """List records."""
    found = run_async(_listed(common, scheme, states_option(state), class_option(failure)))
    if common.json:
        emit({"records": [as_json(delivery) for delivery in found]})
    else:
        _table(found)
    return 0


async def _listed(
    common: Common, scheme: str, states: Sequence[State], failure: str | None
) -> list[Delivery]:
    from engine.run.inspect import list_records, looking

    async with looking(common.choose()) as view:
        return await list_records(view, scheme, states, failure)


def states_option(name: str | None) -> list[State]:
    """The states that a name means: all for None; `delivered` includes those whose callbacks are done too;
    `attention` is what a human or a later run has to settle."""
    if name is None:
        return list(State)
    if name in (_ATTENTION, tr("attention")):
        return [State.FAILED, State.UNKNOWN]
    name = next((str(state) for state in State if name in (state, state_word(state))), name)
    if name not in list(State):
        close = nearest(name, list(State))
        raise UsageError(
            tr("unknown state '{state}'; known: {known}", state=name, known=", ".join([*State, _ATTENTION])),
            hint=tr("did you mean '{word}'?", word=close) if close else None,
        )
    return [State.DELIVERED, State.DONE] if name == State.DELIVERED else [State(name)]


def class_option(name: str | None) -> str | None:
    """A failure class as the ledger writes it; blanks may be written as - or _."""
    if name is None:
        return None
    plain = name.replace("-", " ").replace("_", " ").strip().casefold()
    plain = next((str(one) for one in FailureClass if plain in (one, class_word(one))), plain)
    if plain not in list(FailureClass):
        close = nearest(plain, list(FailureClass))
        raise UsageError(
            tr("unknown class '{name}'; known: {known}", name=name, known=", ".join(FailureClass)),
            hint=tr("did you mean '{word}'?", word=close) if close else None,
        )
    return plain


def as_json(delivery: Delivery) -> dict[str, Any]:
    """One record of `records list`."""
    fault = delivery.fault
    return {
        "id": delivery.source_id,
        "number": delivery.number,
        "scheme": delivery.scheme,
        "state": str(delivery.state),
        "class": fault.failure if fault else None,
        "reason": fault.reason if fault else None,
        "field": fault.field if fault else None,
        "label": fault.label if fault else None,
        "path": fault.path if fault else None,
        "file": fault.file if fault else None,
        "line": fault.line if fault else None,
    }


def _table(found: Sequence[Delivery]) -> None:
    from engine.cli.show import show_table

    show_table(
        (tr("number"), tr("state"), tr("amount"), tr("outcome")),
        [
            (
                delivery.number or delivery.source_id,
                state_word(delivery.state),
                "" if delivery.amount is None else f"{delivery.amount:,.2f}",
                _outcome(delivery),
            )
            for delivery in found
        ],
    )
    click.echo(tr("1 record") if len(found) == 1 else tr("{count} records", count=len(found)))
    classes = Counter(each.fault.failure for each in found if each.fault and each.fault.failure)
    for frequent, _ in classes.most_common(1):
        click.echo(tr("{command} tells more", command=f"engine help {frequent}"))


def _outcome(delivery: Delivery) -> str:
    """The bill's number; where something is the matter, what and where."""
    from engine.cli.show import near

    fault = delivery.fault
    if fault is None:
        return delivery.target_number or ""
    parts = [fault.reason]
    if fault.failure:
        parts[0] = f"{class_word(fault.failure)}: {fault.reason}"
    if delivery.target_number:
        parts.insert(0, delivery.target_number)
    if fault.file and fault.line:
        parts.append(f"[{near(fault.file)}:{fault.line}]")
    return "  ".join(parts)


@records.command(help=tr("Show one record: its state, what it said, what was sent, what was answered."))
@click.argument("scheme")
@click.argument("name")
@common_options
def show(common: Common, scheme: str, name: str) -> int:
    """Show one record."""
    from engine.cli.pretty import pretty

    shown = run_async(_shown(common, scheme, name))
    if common.json:
        emit(shown)
    else:
        click.echo(pretty(shown))
    return 0


async def _shown(common: Common, scheme: str, name: str) -> dict[str, Any]:
    from engine.run.inspect import looking, show_record

    async with looking(common.choose()) as view:
        return await show_record(view, scheme, name)


@records.command(help=tr("Bring records on again: failed ones are mapped anew, unclear ones asked for."))
@click.argument("scheme")
@click.argument("names", nargs=-1)
@click.option("--failed", is_flag=True, help=tr("All failed records."))
@click.option("--class", "failure", metavar="C", help=tr("All records of one class of failure."))
@click.option("--skipped", is_flag=True, help=tr("Also those that a condition left out."))
@click.option("--again", is_flag=True, help=tr("Also delivered ones, whose bill was deleted in the target."))
@click.option(
    "--release",
    is_flag=True,
    help=tr("Send a claim though it says the same as an earlier one; with --reason."),
)
@click.option("--reason", default="", metavar="TEXT", help=tr("Why; kept with the record."))
@click.option("--refetch", is_flag=True, help=tr("Read the records from the source again."))
@click.option(
    "--form-as-it-is",
    "as_it_is",
    is_flag=True,
    help=tr("The changed form is right: send these all the same, and those that follow."),
)
@click.option(
    "--set", "pairs", multiple=True, metavar="K=V", help=tr("A value for one of the scheme's params.")
)
@click.option("--settle-wait", metavar="S", help=tr("How long to wait for unclear documents: 90, 90s, 5m."))
@common_options
def retry(common: Common, scheme: str, names: tuple[str, ...], **given: Any) -> int:
    """Bring records on again."""
    if not names and not (given["failed"] or given["failure"] or given["skipped"]):
        raise UsageError(
            tr("say which records: by number, --failed, --class C, or --skipped"),
            hint=tr("engine records list {scheme} shows them", scheme=scheme),
        )
    reason = given["reason"].strip()
    if given["release"] != bool(reason) or (given["release"] and not names):
        raise UsageError(tr("--release and --reason TEXT go together, for records that are named"))
    return run_async(_retry(common, scheme, names, given))


async def _retry(common: Common, scheme: str, names: tuple[str, ...], given: dict[str, Any]) -> int:
    from engine.cli.report import Reporter
    from engine.cli.run import seconds_option
    from engine.run.execute import Request, execute
    from engine.run.retry import Selection
    from engine.run.runner import Options
    from engine.run.workplace import Workplace
    from engine.scheme.params import parse_overrides

    selection = Selection(
        names=names,
        failed=given["failed"],
        failure=class_option(given["failure"]),
        skipped=given["skipped"],
        again=given["again"],
        refetch=given["refetch"],
        as_it_is=given["as_it_is"],
        release=given["reason"].strip(),
    )
    options = Options(settle_wait=seconds_option("--settle-wait", given["settle_wait"]))
    async with Workplace(common.choose_existing()) as place:
        with Reporter(common, place) as reporter:
            request = Request(
                scheme,
                parse_overrides(given["pairs"]),
                options,
                again=selection,
                command="retry",
                announce=reporter.announce,
                watch=reporter.watch,
                tell=reporter.tell,
            )
            result = await execute(place, request)
    return reporter.conclude(result)


@records.command(help=tr("Set records aside as handled by a human, with the reason."))
@click.argument("scheme")
@click.argument("names", nargs=-1, required=True)
@click.option("--reason", required=True, metavar="TEXT", help=tr("Why; kept with the record."))
@common_options
def skip(common: Common, scheme: str, names: tuple[str, ...], reason: str) -> int:
    """Set records aside."""
    count = run_async(_skip(common, scheme, names, reason))
    if common.json:
        emit({"skipped": count})
    else:
        click.echo(tr("1 record set aside") if count == 1 else tr("{count} records set aside", count=count))
    return 0


async def _skip(common: Common, scheme: str, names: tuple[str, ...], reason: str) -> int:
    from engine.run.inspect import looking, skip_records

    async with looking(common.choose()) as view:
        return await skip_records(view, scheme, names, reason)


records.add_command(adopt)
records.add_command(handle)
