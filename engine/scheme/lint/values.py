"""What connections.yaml says for the scheme: params and tables that it does not have, or wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.language import tr
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.params import param_value
from engine.scheme.tables import load_table, table_specs

if TYPE_CHECKING:
    from engine.connector.environments import SchemeValues

__all__ = ["check_values"]

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def check_values(look: Look) -> None:
    """Findings stand in connections.yaml, where they are mended."""
    values = look.reach.values(look.scheme.id)
    if values is not None:
        _check_params(look, values)
        _check_tables(look, values)


def _check_params(look: Look, values: SchemeValues) -> None:
    for name, value in values.params.items():
        place = values.positions.get(name, look.scheme.node.position)
        spec = look.scheme.params.get(name)
        if spec is None:
            message = tr('the scheme "{scheme}" has no param "{name}"', scheme=look.scheme.id, name=name)
            look.error("S308", place, message, did_you_mean(name, look.scheme.params))
            continue
        if value is None:
            continue
        try:
            param_value(spec.type, value, _SOME_DAY)
        except ValueError as error:
            message = tr(
                'the param "{name}" must be {what}, not "{value}"', name=name, what=error, value=value
            )
            look.error("S210", place, message)


def _check_tables(look: Look, values: SchemeValues) -> None:
    try:
        specs = table_specs(look.scheme, values)
    except SchemeError as error:
        look.error("S501", error.position or look.scheme.node.position, error.message, error.hint)
        return
    for name in values.tables:
        spec, folder = specs[name]
        try:
            if not spec.is_live:
                load_table(spec, folder)
        except SchemeError as error:
            own = error.position is None or error.position.file == spec.position.file
            look.error("S503" if own else "S504", error.position or spec.position, error.message, error.hint)
