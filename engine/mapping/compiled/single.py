"""One template as a Python function of its own, for what is worked out beside a mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.mapping.compiled.expressions import Expressions
from engine.mapping.compiled.reads import Level, Place
from engine.mapping.compiled.runtime import NAMES
from engine.mapping.compiled.surroundings import Surroundings
from engine.mapping.compiled.ways import Outside
from engine.mapping.compiled.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from engine.mapping.templates import Template

__all__ = ["compile_template"]


def compile_template(
    template: Template,
    *,
    zone: tzinfo,
    table_defaults: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Any]],
) -> tuple[Callable[..., Any] | None, str]:
    """A function of (record, params, look, clock, deadline) that gives the template's value, and its source.

    It raises where the value would not be plain; None for a template that is not compiled.
    """
    writer = Writer({**NAMES, "zone": zone})
    writer.open("def worked(record, params, look, clock, deadline):")
    around = Surroundings(
        table_defaults=table_defaults,
        tables=tables,
        sums={},
        params=Level("params", True, writer.part()),
        top=frozenset(),
        values={},
    )
    place = Place((Level("record", True, writer.part()),))
    try:
        value = Expressions(writer, place, around).template(template)
        writer.line("if clock is not None and clock() > deadline: raise UNUSUAL")
        writer.line(f"return {value.name}")
        exec(writer.code(), writer.names)  # the engine's own source: see `Writer`
    except (Outside, SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        return None, ""
    run: Callable[..., Any] = writer.names["worked"]
    return run, writer.source()
