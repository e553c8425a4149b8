"""Fill one field from its rule: when, value, default, look-up, type, length, in this order."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, time
from typing import TYPE_CHECKING, Any, Final

from engine.errors import RecordError
from engine.language import tr
from engine.mapping.allowance import bounded
from engine.mapping.lookups import find_in_table
from engine.mapping.moments import write_moment
from engine.mapping.paths import MISSING
from engine.mapping.rules import Constant, Leaf, PathLeaf, Rule, TemplateLeaf
from engine.mapping.scope import MISS
from engine.mapping.values import coerce, is_empty, to_text

if TYPE_CHECKING:
    from engine.mapping.plan import FieldPlan
    from engine.mapping.scope import Scope
    from engine.mapping.templates import Template

__all__ = ["LEFT_OUT", "fill", "holds", "read", "source_text"]


class LeftOut:
    """The type of `LEFT_OUT`: the document does not hold this field."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT: Final = LeftOut()


def fill(plan: FieldPlan, rule: Rule, scope: Scope) -> Any:
    """The field's value, or `LEFT_OUT`. Raises RecordError, and what a look-up raises."""
    if rule.when is not None and not holds(rule.when, scope):
        return LEFT_OUT
    value = read(rule.leaf, scope)
    if is_empty(value) or value is MISSING:
        value = _nothing(plan, rule, value, scope)
    elif rule.lookup is not None:
        value = _looked_up(rule, value, scope)
    if is_empty(value) or value is MISSING:
        if plan.required:
            raise RecordError(
                tr("{source} gives nothing, and the field is required", source=source_text(rule.leaf))
            )
        return LEFT_OUT
    value = _typed(plan, rule, value, scope)
    if plan.late and isinstance(value, (dict, list)):
        value = deepcopy(bounded(value))  # it may hold the document itself, or parts of it
    if rule.max_length is not None and len(to_text(value)) > rule.max_length:
        raise RecordError(
            tr(
                "the text has {length} characters; at most {most} fit",
                length=len(to_text(value)),
                most=rule.max_length,
            ),
            hint=tr("shorten it on purpose: {example}", example=f"… | cut({rule.max_length})"),
        )
    return value


def holds(condition: Template | Constant, scope: Scope) -> bool:
    """Whether a condition holds."""
    return bool(condition.value if isinstance(condition, Constant) else condition.evaluate(scope))


def read(leaf: Leaf, scope: Scope) -> Any:
    """A leaf's value, or `MISSING` where its path finds nothing."""
    if isinstance(leaf, Constant):
        return leaf.value
    if isinstance(leaf, TemplateLeaf):
        return leaf.template.evaluate(scope)
    return leaf.path.one(scope.row if leaf.path.scope == "row" else scope.record)


def source_text(leaf: Leaf) -> str:
    """How the scheme writes a leaf."""
    if isinstance(leaf, PathLeaf):
        return leaf.path.text
    return leaf.template.text if isinstance(leaf, TemplateLeaf) else f'"{to_text(leaf.value)}"'


def _nothing(plan: FieldPlan, rule: Rule, value: Any, scope: Scope) -> Any:
    if rule.default is not None:
        return read(rule.default, scope)
    if plan.required and value is MISSING:
        raise RecordError(tr("{path} finds nothing, and the field is required", path=source_text(rule.leaf)))
    return MISSING


def _looked_up(rule: Rule, value: Any, scope: Scope) -> Any:
    assert rule.lookup is not None
    if rule.default is None:
        return find_in_table(scope, rule.lookup, value)
    found = find_in_table(scope, rule.lookup, value, MISS)
    return read(rule.default, scope) if found is MISS else found


def _typed(plan: FieldPlan, rule: Rule, value: Any, scope: Scope) -> Any:
    if plan.kind == "base":
        return value if isinstance(value, (dict, list)) else to_text(_by_rule(rule, value, scope)).strip()
    if plan.kind is not None:
        return coerce(value, plan.kind, rule.format, scope.zone)
    return write_moment(value) if isinstance(value, (date, time)) else value


def _by_rule(rule: Rule, value: Any, scope: Scope) -> Any:
    return coerce(value, rule.type, rule.format, scope.zone) if rule.type is not None else value
