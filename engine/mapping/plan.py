"""A mapping and a form brought together once: what each field takes its type, wrapping and label from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.mapping.rules import Array, Nested, Rule, templates_in
from engine.mapping.values import TYPES

if TYPE_CHECKING:
    from engine.mapping.rules import Block, Field

__all__ = ["BlockPlan", "FieldLike", "FieldPlan", "FormLike", "base_keys", "plan_fields"]


class FieldLike(Protocol):
    """What a mapping asks of a form's field."""

    @property
    def label(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def base(self) -> str | None: ...
    @property
    def required(self) -> bool: ...


class FormLike(Protocol):
    """What a mapping asks of a form."""

    def field(self, path: tuple[str, ...], /) -> FieldLike | None:
        """The field at ``('FPAYBILLENTRY', 'FCOSTID')``, or None."""


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A block with its row's fields planned."""

    block: Block
    fields: tuple[FieldPlan, ...]


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field.

    `kind` is its type (None: as it comes); `late` says that it reads the document, so that it is filled after
    all others; `fields` and `blocks` are those of a group or array.
    """

    name: str
    field: Field
    kind: str | None
    base: str | None
    required: bool
    label: str | None
    late: bool
    fields: tuple[FieldPlan, ...] = ()
    blocks: tuple[BlockPlan, ...] = ()


def base_keys(plans: tuple[FieldPlan, ...], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """The key under which each base-data field's scalar is wrapped, by the field's path."""
    found: dict[tuple[str, ...], str] = {}
    for plan in plans:
        here = (*path, plan.name)
        if plan.base is not None:
            found[here] = plan.base
        found.update(base_keys(plan.fields, here))
        for part in plan.blocks:
            found.update(base_keys(part.fields, here))
    return found


def plan_fields(
    fields: tuple[Field, ...], form: FormLike | None, path: tuple[str, ...] = ()
) -> tuple[FieldPlan, ...]:
    """The plans of a document's or row's fields, in order."""
    return tuple(_plan(field, form, (*path, field.name)) for field in fields)


def _plan(field: Field, form: FormLike | None, path: tuple[str, ...]) -> FieldPlan:
    described = form.field(path) if form is not None else None
    entry = field.entry
    rule = entry if isinstance(entry, Rule) else None
    required = described is not None and described.required
    if rule is not None and rule.required is not None:
        required = rule.required
    kind = described.type if described is not None and described.type in (*TYPES, "base") else None
    if rule is not None and rule.type is not None and kind != "base":
        kind = rule.type
    return FieldPlan(
        name=field.name,
        field=field,
        kind=kind,
        base=described.base if described is not None and described.type == "base" else None,
        required=required,
        label=(rule.label if rule is not None else None)
        or (described.label if described is not None else None)
        or None,
        late=any(template.reads_document for template in templates_in(entry)),
        fields=plan_fields(entry.fields, form, path) if isinstance(entry, Nested) else (),
        blocks=tuple(BlockPlan(block, plan_fields(block.fields, form, path)) for block in entry.blocks)
        if isinstance(entry, Array)
        else (),
    )
