"""engine connectors: what is installed, with its interfaces and forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit
from engine.cli.usage import Group
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.connector.catalog import Catalog, Field

__all__ = ["connectors"]


@click.group(cls=Group, help=tr("Connectors: list them, show their interfaces, forms and fields."))
@common_options
def connectors(common: Common) -> None:
    """The group."""


@connectors.command("list", help=tr("List the connectors that are installed."))
@common_options
def list_(common: Common) -> int:
    """List connectors."""
    from engine.connector.registry import catalog, connector_names

    catalogs = [catalog(name) for name in connector_names()]
    if common.json:
        emit({"connectors": [{"name": each.connector, "label": each.label} for each in catalogs]})
        return 0
    for each in catalogs:
        click.echo(f"{each.connector}  {each.label}")
        for interface in each.interfaces.values():
            roles = f"  [{', '.join(interface.roles)}]" if interface.roles else ""
            click.echo(f"  {interface.name}  {interface.label}{roles}")
        for form in each.forms.values():
            click.echo(f"  {form.name}  {form.label}  [{tr('form')}]")
    return 0


@connectors.command(help=tr("Show a connector, or one of its interfaces or forms, field by field."))
@click.argument("connector")
@click.argument("name", required=False)
@common_options
def show(common: Common, connector: str, name: str | None) -> int:
    """Show a catalog."""
    from engine.connector.registry import catalog
    from engine.errors import UsageError
    from engine.findings import nearest

    found = catalog(connector)
    known = [*found.interfaces, *found.forms]
    if name is not None and name not in known:
        close = nearest(name, known)
        raise UsageError(
            tr("connector '{connector}' has no interface or form '{name}'", connector=connector, name=name),
            hint=tr("did you mean '{word}'?", word=close) if close else ", ".join(known),
        )
    if common.json:
        emit(_as_json(found, name))
        return 0
    for interface in found.interfaces.values():
        if name in (None, interface.name):
            _heading(interface.name, interface.label, ", ".join(interface.roles))
            _fields(tr("request"), interface.fields)
            _fields(tr("options"), interface.options)
            _fields(tr("response"), interface.response)
    for form in found.forms.values():
        if name in (None, form.name):
            _heading(form.name, form.label, tr("form"))
            _fields(tr("fields"), form.fields)
    return 0


def _heading(name: str, label: str, note: str) -> None:
    from engine.cli.show import say

    say(f"{name}  {label}  ({note})" if note else f"{name}  {label}", style="bold")


def _fields(title: str, fields: Mapping[str, Field]) -> None:
    from engine.cli.show import say, show_table

    if not fields:
        return
    say(title, style="dim")
    show_table(
        (tr("field"), tr("label"), tr("type"), tr("description")),
        [
            (path, field.label, field.type + (tr(" (required)") if field.required else ""), field.description)
            for path, field in _flat(fields)
        ],
    )


def _flat(fields: Mapping[str, Field], prefix: str = "") -> list[tuple[str, Field]]:
    rows: list[tuple[str, Field]] = []
    for name, field in fields.items():
        rows.append((prefix + name, field))
        rows += _flat(field.fields, f"{prefix}{name}.")
    return rows


def _as_json(found: Catalog, name: str | None) -> dict[str, Any]:
    def rows(fields: Mapping[str, Field]) -> list[dict[str, Any]]:
        return [
            {
                "field": path,
                "label": field.label,
                "type": field.type,
                "required": field.required,
                "description": field.description,
            }
            for path, field in _flat(fields)
        ]

    return {
        "connector": found.connector,
        "label": found.label,
        "interfaces": [
            {
                "name": each.name,
                "label": each.label,
                "roles": list(each.roles),
                "request": rows(each.fields),
                "response": rows(each.response),
                "options": rows(each.options),
            }
            for each in found.interfaces.values()
            if name in (None, each.name)
        ],
        "forms": [
            {"name": each.name, "label": each.label, "fields": rows(each.fields)}
            for each in found.forms.values()
            if name in (None, each.name)
        ],
    }
