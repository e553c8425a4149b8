"""Fill a document from a plan: groups, arrays and rows, with every failure placed where the user looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import FailureClass, RecordError
from engine.language import tr
from engine.mapping.fill import LEFT_OUT, fill, holds, read, source_text
from engine.mapping.paths import MISSING
from engine.mapping.rules import Array, Items, Nested, Rule
from engine.mapping.values import is_empty

if TYPE_CHECKING:
    from engine.mapping.plan import BlockPlan, FieldPlan
    from engine.mapping.scope import Scope

__all__ = ["Filling", "Place", "fill_document", "finish_late"]


def fill_document(plans: tuple[FieldPlan, ...], scope: Scope, document: dict[str, Any]) -> None:
    """Put every field's value into `document`, in the scheme's order.

    Fields that read the document are filled after all others, and stand in their place. Raises RecordError
    for the first field that fails.
    """
    filling = Filling(scope)
    filling.fields(plans, scope, Place(), document)
    filling.finish(plans, document)


Late = tuple[dict[str, Any], "tuple[FieldPlan, ...]", "FieldPlan", "Scope"]


def finish_late(plans: tuple[FieldPlan, ...], document: dict[str, Any], late: list[Late]) -> None:
    """Fill the fields that wait for all others.

    Each comes with the group that it is for, that group's fields in order, its own plan, and its scope.
    Raises RecordError, which does not know the row.
    """
    if not late:
        return
    filling = Filling(late[0][3])
    for holder, order, plan, scope in late:
        filling.late.append((holder, plan, scope, Place()))
        filling.unordered[id(holder)] = (holder, order)
    filling.finish(plans, document)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the filling stands: the document's path (``FPAYBILLENTRY[2].``), the source's rows in words."""

    prefix: str = ""
    row: str = ""

    def into(self, name: str, number: int | None = None) -> Place:
        return Place(
            f"{self.prefix}{name}." if number is None else f"{self.prefix}{name}[{number}].", self.row
        )

    def at_row(self, number: int, table: str) -> Place:
        words = tr("row {number} of {table}", number=number, table=table)
        return Place(self.prefix, f"{self.row}, {words}" if self.row else words)


class Filling:
    """The filling of one document, rule by rule; `late` holds the fields that wait for all others."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.late: list[tuple[dict[str, Any], FieldPlan, Scope, Place]] = []
        self.unordered: dict[int, tuple[dict[str, Any], tuple[FieldPlan, ...]]] = {}

    def finish(self, plans: tuple[FieldPlan, ...], document: dict[str, Any]) -> None:
        for holder, plan, scope, place in self.late:
            value = self.entry(plan, scope, place)
            if value is not LEFT_OUT:
                holder[plan.name] = value
        for holder, order in self.unordered.values():
            kept = {plan.name: holder[plan.name] for plan in order if plan.name in holder}
            holder.clear()
            holder.update(kept)
        if self.late:
            _prune(plans, document)

    def fields(self, plans: tuple[FieldPlan, ...], scope: Scope, place: Place, into: dict[str, Any]) -> None:
        for plan in plans:
            if plan.late:
                self.late.append((into, plan, scope, place))
                self.unordered[id(into)] = (into, plans)
                continue
            value = self.entry(plan, scope, place)
            if value is not LEFT_OUT:
                into[plan.name] = value

    def entry(self, plan: FieldPlan, scope: Scope, place: Place) -> Any:
        entry = plan.field.entry
        if isinstance(entry, Rule):
            return self.rule(plan, scope, place)
        if isinstance(entry, Nested):
            return self.group(plan, scope, place)
        if isinstance(entry, Array):
            return self.array(plan, scope, place)
        return self.items(plan, entry, scope, place)

    def rule(self, plan: FieldPlan, scope: Scope, place: Place) -> Any:
        rule = plan.field.entry
        assert isinstance(rule, Rule)
        try:
            return fill(plan, rule, scope)
        except RecordError as error:
            error.path = error.path or source_text(rule.leaf)
            error.position = error.position or rule.position
            raise _placed(error, plan, place) from None

    def group(self, plan: FieldPlan, scope: Scope, place: Place) -> Any:
        made: dict[str, Any] = {}
        self.fields(plan.fields, scope, place.into(plan.name), made)
        if made or id(made) in self.unordered:
            return made
        if plan.required:
            raise _placed(RecordError(tr("none of its fields has a value, and it is required")), plan, place)
        return LEFT_OUT

    def items(self, plan: FieldPlan, entry: Items, scope: Scope, place: Place) -> Any:
        try:
            values = [read(leaf, scope) for leaf in entry.leaves]
        except RecordError as error:
            raise _placed(error, plan, place) from None
        return [value for value in values if value is not MISSING and not is_empty(value)] or LEFT_OUT

    def array(self, plan: FieldPlan, scope: Scope, place: Place) -> Any:
        rows: list[dict[str, Any]] = []
        for part in plan.blocks:
            self.block(plan, part, scope, place, rows)
        if rows:
            return rows
        if plan.required:
            raise _placed(_without_rows(plan), plan, place)
        return LEFT_OUT

    def block(
        self, plan: FieldPlan, part: BlockPlan, scope: Scope, place: Place, rows: list[dict[str, Any]]
    ) -> None:
        path = part.block.each
        if path is None:
            self.row(plan, part, scope, place, rows)
            return
        try:
            found = path.rows(scope.row if path.scope == "row" else scope.record)
        except RecordError as error:
            raise _placed(error, plan, place) from None
        if found is None:
            if part.block.optional:
                return
            raise _placed(_absent(part), plan, place)
        table = ".".join(path.names) or path.text
        for number, row in enumerate(found, 1):
            within, here = scope.inside(row), place.at_row(number, table)
            try:
                if part.block.where is not None and not holds(part.block.where, within):
                    continue
            except RecordError as error:
                raise _placed(error, plan, here) from None
            self.row(plan, part, within, here, rows)

    def row(
        self, plan: FieldPlan, part: BlockPlan, scope: Scope, place: Place, rows: list[dict[str, Any]]
    ) -> None:
        made: dict[str, Any] = {}
        self.fields(part.fields, scope, place.into(plan.name, len(rows) + 1), made)
        if made or id(made) in self.unordered:
            rows.append(made)


def _absent(part: BlockPlan) -> RecordError:
    assert part.block.each is not None
    path = part.block.each
    return RecordError(
        tr("the record has no table '{table}'", table=".".join(path.names) or path.text),
        failure=FailureClass.FORM_CHANGED,
        path=path.text,
        position=path.position,
        hint=tr("was it renamed in the form? if it may be missing, write optional: true"),
    )


def _placed(error: RecordError, plan: FieldPlan, place: Place) -> RecordError:
    error.field = f"{place.prefix}{plan.name}"
    error.label = error.label or plan.label
    error.position = error.position or plan.field.position
    if place.row:
        error.message = tr("{row}: {message}", row=place.row, message=error.message)
        error.args = (error.message,)
    return error


def _without_rows(plan: FieldPlan) -> RecordError:
    paths = [part.block.each.text for part in plan.blocks if part.block.each is not None]
    return RecordError(tr("the array ends without rows, and it is required"), path=", ".join(paths) or None)


def _prune(plans: tuple[FieldPlan, ...], holder: dict[str, Any]) -> None:
    """Take out groups and rows that late fields left empty."""
    for plan in plans:
        value = holder.get(plan.name)
        if plan.fields and isinstance(value, dict):
            _prune(plan.fields, value)
        elif plan.blocks and isinstance(value, list):
            for row in value:
                for part in plan.blocks:
                    _prune(part.fields, row)
            value[:] = [row for row in value if row]
        else:
            continue
        if not value:
            if plan.required:
                raise _placed(_without_rows(plan), plan, Place())
            del holder[plan.name]
