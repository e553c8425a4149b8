"""What a market scheme does to systems, told from its schemes and the catalogs, for those who may copy it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.connector.registry import catalog
from engine.scheme.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.scheme.model import Scheme

__all__ = ["Deed", "deeds_of"]

_REACH = Reach(catalog)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a scheme does to a system. `form` and `until` are those of a target, '' elsewhere.

    `table` is the look-up's. Labels are the catalogs'.
    """

    kind: Literal["reads", "writes", "looks up", "tells"]
    scheme: str
    connector: str
    connector_label: str
    interface: str
    label: str
    form: str = ""
    form_label: str = ""
    until: str = ""
    table: str = ""


def deeds_of(schemes: Iterable[Scheme]) -> list[Deed]:
    """What the schemes of a market scheme do, in the order in which it happens."""
    found: list[Deed] = []
    for scheme in schemes:
        if scheme.source.connection is not None:
            found.append(_deed("reads", scheme, scheme.source.connection, scheme.source.interface))
        found += [
            _deed("looks up", scheme, table.connection, table.interface or "", table=table.name)
            for table in scheme.tables.values()
            if table.connection is not None
        ]
        target = scheme.target
        kind: Literal["writes", "tells"] = "tells" if scheme.is_callback else "writes"
        form = _REACH.form(target.connection, target.form)
        found.append(
            _deed(
                kind,
                scheme,
                target.connection,
                target.interface,
                form=target.form or "",
                form_label=form.label if form else "",
                until=target.until or "",
            )
        )
    return found


def _deed(
    kind: Literal["reads", "writes", "looks up", "tells"],
    scheme: Scheme,
    connection: str,
    interface: str,
    **more: str,
) -> Deed:
    known = _REACH.catalog(connection)
    found = _REACH.interface(connection, interface)
    return Deed(
        kind=kind,
        scheme=scheme.id,
        connector=connection,
        connector_label=known.label if known else connection,
        interface=interface,
        label=found.label if found else "",
        **more,
    )
