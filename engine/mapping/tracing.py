"""A document filled with open eyes: for each field its value, and from what of the record it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.mapping.fill import LEFT_OUT, read, source_text
from engine.mapping.filling import Filling, Place
from engine.mapping.mentions import mentions
from engine.mapping.paths import MISSING
from engine.mapping.rules import Constant, PathLeaf, Rule
from engine.mapping.scope import MISS
from engine.mapping.values import is_empty

if TYPE_CHECKING:
    from engine.errors import Position
    from engine.mapping.plan import FieldPlan
    from engine.mapping.rules import Leaf
    from engine.mapping.scope import LookupFn, Scope

__all__ = ["LookedUp", "Traced", "Tracing"]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """One question to a table; `value` is None where it had no entry, so that a default served."""

    table: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Traced:
    """One field of a document. `value` is as in the document (base data is not wrapped), None where left out.

    `field` is its path with rows counted from 1 (``FPAYBILLENTRY[2].FCOSTID``); `kind` is ``constant``,
    ``path`` or ``template``, `source` as the scheme writes it, `sources` the names in it with what they hold.
    """

    field: str
    label: str | None
    value: Any
    left_out: bool
    kind: str
    source: str
    position: Position
    sources: tuple[tuple[str, Any], ...] = ()
    lookups: tuple[LookedUp, ...] = ()
    default: str | None = None
    """The default that served, as the scheme writes it."""
    wrapped: str | None = None
    """The key under which base data is sent."""
    type: str | None = None


class Tracing(Filling):
    """A filling that notes each rule as it goes."""

    def __init__(self, lookup: LookupFn) -> None:
        self._lookup = lookup
        self._asked: list[LookedUp] = []
        self._found: list[tuple[tuple[int, ...], Traced]] = []
        self._order: dict[int, tuple[int, int]] = {}

    def look_up(self, table: str, key: str) -> Any:
        """A table's answer, noted."""
        value = self._lookup(table, key)
        self._asked.append(LookedUp(table, key, None if value is MISS else value))
        return value

    def fill(self, plans: tuple[FieldPlan, ...], scope: Scope, document: dict[str, Any]) -> None:
        """Fill a document. Raises RecordError; what was filled before it is kept."""
        super().__init__(scope)
        self._number(plans)
        self.fields(plans, scope, Place(), document)
        self.finish(plans, document)

    def in_order(self) -> list[Traced]:
        """What was noted, in the scheme's order: fields that wait for others in their own place."""
        return [traced for _, traced in sorted(self._found, key=lambda pair: pair[0])]

    def rule(self, plan: FieldPlan, scope: Scope, place: Place) -> Any:
        self._asked.clear()
        value = super().rule(plan, scope, place)
        rule = plan.field.entry
        assert isinstance(rule, Rule)
        asked = tuple(self._asked)
        self._note(plan, rule, scope, place, value, asked)
        return value

    def _note(
        self, plan: FieldPlan, rule: Rule, scope: Scope, place: Place, value: Any, asked: tuple[LookedUp, ...]
    ) -> None:
        traced = Traced(
            field=f"{place.prefix}{plan.name}",
            label=plan.label,
            value=None if value is LEFT_OUT else value,
            left_out=value is LEFT_OUT,
            kind=_kind(rule.leaf),
            source=source_text(rule.leaf),
            position=rule.position,
            sources=tuple(_sources(rule.leaf, scope)),
            lookups=asked,
            default=_default(rule, scope, asked),
            wrapped=plan.base if value is not LEFT_OUT and not isinstance(value, dict) else None,
            type=plan.kind,
        )
        self._found.append((self._rank(plan, place), traced))

    # --- order ---

    def _number(self, plans: tuple[FieldPlan, ...], top: int | None = None) -> None:
        for place, plan in enumerate(plans):
            here = place if top is None else top
            self._order[id(plan)] = (here, len(self._order))
            self._number(plan.fields, here)
            for part in plan.blocks:
                self._number(part.fields, here)

    def _rank(self, plan: FieldPlan, place: Place) -> tuple[int, ...]:
        """Rows one after the other where their array stands, fields in the scheme's order within."""
        top, number = self._order[id(plan)]
        rows = tuple(int(part.partition("]")[0]) for part in place.prefix.split("[")[1:])
        return (top, *rows, number)


def _kind(leaf: Leaf) -> str:
    if isinstance(leaf, Constant):
        return "constant"
    return "path" if isinstance(leaf, PathLeaf) else "template"


def _sources(leaf: Leaf, scope: Scope) -> list[tuple[str, Any]]:
    if isinstance(leaf, Constant):
        return []
    if isinstance(leaf, PathLeaf):
        value = read(leaf, scope)
        return [(leaf.path.text, None if value is MISSING else value)]
    return mentions(leaf.template, scope)


def _default(rule: Rule, scope: Scope, asked: tuple[LookedUp, ...]) -> str | None:
    """The default that served: the leaf gave nothing, or the table had no entry."""
    missed = bool(asked) and asked[0].value is None and rule.lookup is not None
    if rule.default is None:
        return None if not missed else ""
    try:
        value = read(rule.leaf, scope)
    except RecordError:
        return None
    served = missed or value is MISSING or is_empty(value)
    return source_text(rule.default) if served else None
