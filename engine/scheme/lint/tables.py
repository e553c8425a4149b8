"""Tables: their files, the interfaces behind them, and whether each is used and each use is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.lint.source import known_interface
from engine.scheme.marks import UndecidedError
from engine.scheme.tables import load_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.connector.catalog import Field
    from engine.errors import Position
    from engine.scheme.model import TableSpec

__all__ = ["check_table_uses", "check_tables"]


def check_tables(look: Look) -> None:
    """Whether each table can be read, or asked for."""
    for spec in look.scheme.tables.values():
        if spec.interface is not None:
            _check_live(look, spec)
        elif spec.values is not None or (spec.file and spec.key and spec.value):
            _check_static(look, spec)


def _check_static(look: Look, spec: TableSpec) -> None:
    try:
        load_table(spec, look.scheme.file.parent)
    except SchemeError as error:
        for each in error.each:
            _say(look, spec, each)


def _say(look: Look, spec: TableSpec, error: SchemeError) -> None:
    own = error.position is None or error.position.file == spec.position.file
    code, place = "S108" if isinstance(error, UndecidedError) else "S504", error.position
    if own:
        code = "S503" if spec.file else "S504"
        place = look.node("tables", spec.name, "file" if spec.file else "values").position
    look.error(code, place or spec.position, error.message, error.hint)


def _check_live(look: Look, spec: TableSpec) -> None:
    at = {
        key: look.node("tables", spec.name, key).position
        for key in ("connection", "interface", "value", "key")
    }
    interface = known_interface(
        look, spec.connection or "", spec.interface or "", "lookup", at["connection"], at["interface"]
    )
    if interface is None:
        return
    if spec.value and interface.response and not _has(interface.response, spec.value):
        message = tr('"{interface}" does not answer with "{name}"', interface=interface.name, name=spec.value)
        say = look.warning if interface.open else look.error
        say("S506", at["value"], message, did_you_mean(spec.value, interface.response))
    if spec.key and interface.fields and spec.key not in interface.fields:
        message = tr('"{interface}" is not asked by "{name}"', interface=interface.name, name=spec.key)
        look.error("S507", at["key"], message, did_you_mean(spec.key, interface.fields))


def _has(fields: Mapping[str, Field], dotted: str) -> bool:
    """Whether a field, or one inside others (``dept.name``), is among those listed."""
    first, _, rest = dotted.partition(".")
    if dotted in fields:
        return True
    return first in fields and (not rest or not fields[first].fields or _has(fields[first].fields, rest))


def check_table_uses(look: Look, uses: Iterable[tuple[str, Position]]) -> None:
    """Every table that is asked is there, and every one that is there is asked."""
    used: set[str | None] = set()
    for name, place in uses:
        used.add(name)
        if name not in look.scheme.tables:
            message = tr('the scheme has no table "{name}"', name=name)
            look.error("S501", place, message, did_you_mean(name, look.scheme.tables))
            used.add(nearest(name, look.scheme.tables))
    for name in look.scheme.tables:
        if name not in used:
            place = look.key("tables", name)
            look.hint("S502", place, tr('the table "{name}" is not used', name=name), tr("remove it"))
