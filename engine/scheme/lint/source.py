"""The source: connection, interface, request, window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.findings import nearest
from engine.language import tr
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.model import CALLBACK
from engine.scheme.params import moment

if TYPE_CHECKING:
    from engine.connector.catalog import Catalog, Interface
    from engine.errors import Position

__all__ = ["check_source", "known_interface"]

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def check_source(look: Look) -> None:
    """Whether the source can be read at all, and as the scheme asks."""
    source = look.scheme.source
    if not source.interface:
        return
    if source.interface == CALLBACK:
        _check_fed(look)
        return
    if source.connection is None:
        if look.node("source", "connection").value is None:
            look.error(
                "S203",
                look.node("source").position,
                tr('a source lacks "connection"'),
                tr('only a callback scheme (interface: callback) has none; add "connection: dingtalk"'),
            )
        return
    interface = known_interface(
        look, source.connection, source.interface, "source", look.node("source", "connection").position,
        look.node("source", "interface").position,
    )  # fmt: skip
    if interface is not None:
        _check_request(look, interface)
        _check_window(look, interface)


def _check_fed(look: Look) -> None:
    """A callback scheme is fed; it has nothing to connect to, to ask, or to wait for."""
    for key in ("connection", "request", "window", "final"):
        if look.node("source").get(key) is not None:
            look.error(
                "S201",
                look.key("source", key),
                tr('a callback scheme has no "{key}": its records are what other schemes give it', key=key),
                tr("remove it"),
            )


def known_interface(
    look: Look, connection: str, name: str, role: str, at_connection: Position, at_interface: Position
) -> Interface | None:
    """The interface that is meant, or None. What is wrong with its connection, name and role is reported."""
    _check_connection(look, connection, at_connection)
    catalog = look.reach.catalog(connection)
    if catalog is None or not name:
        return None
    interface = catalog.interfaces.get(name)
    if interface is None:
        fitting = _of_role(catalog, role)
        look.error(
            "S302",
            at_interface,
            tr('"{connection}" has no interface "{name}"', connection=connection, name=name),
            did_you_mean(name, fitting or catalog.interfaces),
        )
        meant = look.reach.interface(connection, name)
        return meant if meant is not None and role in meant.roles else None
    if role not in interface.roles:
        code = "S505" if role == "lookup" else "S303"
        names = ", ".join(_of_role(catalog, role)) or "-"
        look.error(code, at_interface, _WRONG_ROLE[role](name), tr("those that can: {names}", names=names))
        return None
    return interface


_WRONG_ROLE = {
    "source": lambda name: tr('the interface "{name}" cannot be read from', name=name),
    "target": lambda name: tr('the interface "{name}" cannot be written to', name=name),
    "lookup": lambda name: tr('the interface "{name}" serves no look-ups', name=name),
}


def _of_role(catalog: Catalog, role: str) -> list[str]:
    return [name for name, interface in catalog.interfaces.items() if role in interface.roles]


def _check_connection(look: Look, name: str, place: Position) -> None:
    environment = look.reach.environment
    if environment is None or not name or name in environment.connections:
        return
    look.error(
        "S301",
        place,
        tr(
            'the environment "{environment}" has no connection "{name}"',
            environment=environment.name,
            name=name,
        ),
        did_you_mean(name, environment.connections),
    )


def _check_request(look: Look, interface: Interface) -> None:
    request = look.node("source", "request")
    for key in request.keys:
        place = request.keys[key]
        known = interface.fields.get(key)
        if known is None:
            look.error(
                "S305",
                place,
                tr('"{interface}" has no request field "{key}"', interface=interface.name, key=key),
                did_you_mean(key, interface.fields),
            )
        elif known.moved:
            look.hint("S307", place, tr('the engine moves "{key}" itself', key=key), tr("leave it out"))
    misspelt = {nearest(key, interface.fields) for key in request.keys if key not in interface.fields}
    for key, known in interface.fields.items():
        if known.required and not known.moved and request.get(key) is None and key not in misspelt:
            look.error(
                "S306",
                request.position,
                tr('the request lacks "{key}" ({label})', key=key, label=known.label or key),
                tr("add {line}", line=f"{key}: …"),
            )


def _check_window(look: Look, interface: Interface) -> None:
    window = look.scheme.source.window
    timed = any(field.moved and name.lower().startswith("start") for name, field in interface.fields.items())
    if window is None:
        if timed and look.node("source").get("window") is None:
            look.error(
                "S313",
                look.node("source").position,
                tr('"{interface}" lists by time; the source lacks "window"', interface=interface.name),
                tr("add {line}", line='window: {start: "-100d"}'),
            )
        return
    if look.node("source").get("final") is None:
        look.hint(
            "S314",
            look.node("source").position,
            tr('without "final", a record that still changes is judged as it is first seen, and for good'),
            tr("add {line}", line='final: "{{ … }}"'),
        )
    if not isinstance(window.start, str) or not window.start or "{{" in window.start:
        return
    try:
        moment(window.start, _SOME_DAY)
    except ValueError as error:
        place = look.node("source", "window", "start").position
        look.error("S313", place, tr('"start" must be {what}, not "{value}"', what=error, value=window.start))
