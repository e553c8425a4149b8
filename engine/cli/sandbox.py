"""engine sandbox: serve the simulators, begin anew, move their clock, switch faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, run_async, stdout
from engine.cli.usage import Group
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.workplace import Choice

__all__ = ["sandbox"]


@click.group(
    cls=Group,
    invoke_without_command=True,
    help=tr("Serve the simulators until stopped; or reset, advance, fault."),
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help=tr("The first simulator's port; the next ones follow.")
)
@common_options
def sandbox(common: Common, port: int | None) -> int | None:
    """Serve, unless a command follows."""
    if click.get_current_context().invoked_subcommand is not None:
        return None
    return run_async(_serve(common, port or 0))


async def _serve(common: Common, port: int) -> int:
    from engine.connector.simulator.serve import serve_forever
    from engine.run.workplace import shift_of, simulator_specs

    choice = common.choose()
    specs = simulator_specs(choice.environment)
    if not specs:
        raise UsageError(tr("environment '{name}' simulates nothing", name=choice.environment.name))
    await serve_forever(
        choice.sandbox, specs, port, lambda told: _announce(common, told), shift_of(choice.environment)
    )
    return 0


def _announce(common: Common, told: dict[str, dict[str, Any]]) -> None:
    if common.json:
        emit(told)
        return
    for name, settings in told.items():
        stdout().print(name, style="bold", markup=False)
        for key, value in settings.items():
            stdout().print(f"  {key}: {value}", markup=False)
    click.echo(tr("serving until Ctrl-C"))


@sandbox.command(help=tr("Forget everything in the sandbox, and its records in the ledger."))
@common_options
def reset(common: Common) -> int:
    """Begin anew."""
    from engine.connector.simulator.control import reset as forget
    from engine.ledger.open import ledger_path

    choice = common.choose()
    click.echo(
        tr(
            "forgets the sandbox in '{folder}' and its records in '{ledger}'",
            folder=choice.sandbox,
            ledger=choice.place,
        ),
        err=True,
    )
    path = ledger_path(choice.ledger)
    forgotten = run_async(_forget_records(choice)) if path is None or path.exists() else 0
    forget(choice.sandbox)
    _done(
        common,
        {"reset": True, "records": forgotten},
        tr("the sandbox is new; {count} records forgotten", count=forgotten)
        + "\n"
        + tr("its keys and passwords are new too: `engine sandbox` shows them"),
    )
    return 0


async def _forget_records(choice: Choice) -> int:
    from engine.ledger.forget import forget_systems
    from engine.run.inspect import identity_of, looking
    from engine.run.workplace import simulator_specs

    names = [spec.name for spec in simulator_specs(choice.environment)]
    async with looking(choice) as view:
        systems = [identity_of(choice, view.clock, name) for name in names]
        return await view.ledger.do(lambda tx: forget_systems(tx, systems))


@sandbox.command(help=tr("Move the sandbox's clock on: 40d, 2h."))
@click.argument("duration")
@common_options
def advance(common: Common, duration: str) -> int:
    """Move the clock on."""
    from engine.cli.run import duration_option
    from engine.connector.simulator.control import advance as move
    from engine.run.workplace import clock_of

    choice = common.choose()
    moved = move(choice.sandbox, duration_option("DURATION", duration))
    _done(
        common,
        {"offset_seconds": int(moved.total_seconds())},
        tr(
            "moved on by {duration}; the sandbox's clock shows {time}",
            duration=f"{duration}s" if duration.isdigit() else duration,
            time=f"{clock_of(choice).now():%Y-%m-%d %H:%M:%S}",
        ),
    )
    return 0


@sandbox.command(help=tr("Set faults, as NAME=RATE (0 to 1, on, off); without any, list them."))
@click.argument("rates", nargs=-1)
@common_options
def fault(common: Common, rates: tuple[str, ...]) -> int:
    """Set or list faults."""
    from engine.connector.simulator.control import list_faults, set_faults

    folder = common.choose().sandbox
    wanted: dict[str, str | float] = {}
    for rate in rates:
        name, sign, value = rate.partition("=")
        if not sign:
            raise UsageError(tr("'{text}' must be NAME=RATE", text=rate))
        wanted[name] = value
    if wanted:
        set_faults(folder, wanted)
    faults = list_faults(folder)
    if common.json:
        emit(
            {
                "faults": [
                    {"name": f.name, "connection": f.connection, "rate": f.rate, "meaning": f.meaning}
                    for f in faults
                ]
            }
        )
        return 0
    from engine.cli.show import show_table

    show_table(
        (tr("fault"), tr("connection"), tr("rate"), tr("meaning")),
        [(each.name, each.connection or tr("all"), f"{each.rate:g}", each.meaning) for each in faults],
    )
    return 0


def _done(common: Common, value: dict[str, Any], text: str) -> None:
    if common.json:
        emit(value)
    else:
        click.echo(text)
