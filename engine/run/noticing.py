"""Noticing fields that nobody has discovered yet, in the records that a run reads anyhow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.language import tr
from engine.mapping.reads import TOP
from engine.scheme.discovered.file import discovered_beside
from engine.scheme.discovered.model import EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from engine.mapping.reads import Spot
    from engine.scheme.discovered.model import Discovered
    from engine.scheme.model import Scheme

__all__ = ["Noticing", "noticing"]

_OWN = frozenset({"id", "title", "extend", "_ext", "_repeated", "_components", "_columns"})
_TOLD = 5


def noticing(scheme: Scheme, environment: str, reads: Set[Spot]) -> Noticing | None:
    """What watches a scheme's records; None where nothing was discovered in this environment."""
    found = discovered_beside(scheme.file.parent, scheme.id, environment)
    return Noticing(scheme.id, found, reads) if found is not None else None


class Noticing:
    """Compares the labels of records with those that were discovered; `reads` are those that the scheme
    reads, over which `FormWatch` watches."""

    def __init__(self, scheme: str, known: Discovered, reads: Set[Spot]) -> None:
        self._scheme = scheme
        self._reads = reads
        self._tops = set(_OWN)
        self._columns: dict[str, set[str]] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._new: dict[Spot, str] = {}
        for one in known.fields:
            if len(one.names) == 1:
                self._tops.update((one.names[0], *one.formerly))
                self._labels[TOP, one.id] = one.names[0]
                for label in (one.names[0], *one.formerly):
                    self._columns.setdefault(label, set())
            elif len(one.names) == 3 and one.names[1] == EVERY:
                self._columns.setdefault(one.names[0], set()).update((one.names[2], *one.formerly))
                self._labels[one.names[0], one.id] = one.names[2]
            else:
                self._tops.add(one.names[0])

    def look(self, record: Mapping[str, Any]) -> None:
        """Remember the labels of a record that are new."""
        if not record.keys() <= self._tops:
            components = record.get("_components") or {}
            for label in record.keys() - self._tops:
                self._add((TOP, label), components.get(label, ""))
        for table, columns in (record.get("_columns") or {}).items():
            known = self._columns.get(table)
            if known and not columns.keys() <= known:
                for label in columns.keys() - known:
                    self._add((table, label), columns[label])

    def _add(self, spot: Spot, id_: str) -> None:
        old = self._labels.get((spot[0], id_), "") if id_ else ""
        if spot not in self._new and (spot[0], old) not in self._reads:
            self._new[spot] = old

    def warning(self) -> str | None:
        """What was noticed since it was last asked, in one sentence."""
        if not self._new:
            return None
        told = [_named(spot, old) for spot, old in sorted(self._new.items())]
        self._new.clear()
        more = f" (+{len(told) - _TOLD})" if len(told) > _TOLD else ""
        return tr(
            "the form has changed since `engine discover`: {fields}; "
            "look with `engine discover {scheme} --check`",
            fields=", ".join(told[:_TOLD]) + more,
            scheme=self._scheme,
        )


def _named(spot: Spot, old: str) -> str:
    name = ".".join(part for part in spot if part)
    if old:
        return tr("'{old}' is called '{new}' now", old=old, new=name)
    return tr("'{new}' is new", new=name)
