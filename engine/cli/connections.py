"""engine connections: which systems are connected, and whether they can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, run_async
from engine.cli.usage import Group
from engine.errors import EngineError
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.environments import Connection

__all__ = ["connections"]


@click.group(cls=Group, help=tr("Connections: list them, check them."))
@common_options
def connections(common: Common) -> None:
    """The group."""


@connections.command("list", help=tr("List the environments and their connections."))
@common_options
def list_(common: Common) -> int:
    """List connections."""
    from engine.run.choice import choose_environment

    settings, _ = choose_environment(common.env, common.connections)
    found = [
        _described(environment.name, connection)
        for environment in settings.environments.values()
        for connection in environment.connections.values()
    ]
    if common.json:
        emit({"file": str(settings.file) if settings.file else None, "connections": found})
        return 0
    from engine.cli.show import show_table

    show_table(
        (tr("environment"), tr("connection"), tr("connector"), tr("reaches")),
        [(one["environment"], one["name"], one["connector"], one["reaches"]) for one in found],
    )
    click.echo(
        tr("from {file}", file=settings.file or tr("what is built in; write a connections.yaml for your own"))
    )
    return 0


def _described(environment: str, connection: Connection) -> dict[str, Any]:
    reaches = (
        tr("a simulator")
        if connection.simulator is not None
        else str(connection.settings.get("base_url", ""))
    )
    return {
        "environment": environment,
        "name": connection.name,
        "connector": connection.connector,
        "simulator": connection.simulator is not None,
        "reaches": reaches,
    }


@connections.command(help=tr("Log in to each connection of the environment, and do nothing else."))
@common_options
def check(common: Common) -> int:
    """Check connections."""
    results = run_async(_checked(common))
    if common.json:
        emit({"connections": [result for result, _ in results]})
    else:
        from engine.cli.show import say

        for result, _ in results:
            mark, colour = ("✓", "green") if result["ok"] else ("✗", "red")
            told = f"{result['host']} · {result['account']}" if result["ok"] else result["error"]
            say(f"{mark} {result['name']}: {told}", style=colour)
    codes = {code for _, code in results}
    return next((code for code in (2, 3, 1) if code in codes), 0)


async def _checked(common: Common) -> list[tuple[dict[str, Any], int]]:
    from engine.run.workplace import Workplace

    results: list[tuple[dict[str, Any], int]] = []
    async with Workplace(common.choose()) as place:
        for name in place.choice.environment.connections:
            try:
                bound = place.bound(name)
                await bound.connector.check()
            except EngineError as error:
                results.append(({"name": name, "ok": False, "error": str(error)}, error.exit_code))
                continue
            account = bound.connector.account()
            results.append(({"name": name, "ok": True, "host": account.host, "account": account.account}, 0))
    return results
