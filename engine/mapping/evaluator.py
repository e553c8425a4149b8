"""Templates beside a mapping, such as a scheme's conditions: compiled once, worked out for many records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.mapping.scope import LookupFn, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from engine.mapping.templates import Template

__all__ = ["Evaluator"]

_SECONDS_MOST = 1.0


class Evaluator:
    """Works out templates over whole records, as a mapping does.

    `table_defaults`, `tables`, `zone` and `monotonic` are those of `Mapper`. Each template is compiled when
    it is first asked for; what is out of the ordinary goes through the interpreted form, and with `compiled`
    false all does. A template may take a second.
    """

    def __init__(
        self,
        *,
        table_defaults: Mapping[str, Any] | None = None,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        zone: tzinfo = SHANGHAI,
        monotonic: Callable[[], float] | None = None,
        compiled: bool = True,
    ) -> None:
        self._defaults = dict(table_defaults or {})
        self._tables = tables or {}
        self._zone = zone
        self._monotonic = monotonic
        self._compiled = compiled
        self._known: dict[int, tuple[Template, Callable[..., Any] | None]] = {}

    def evaluate(
        self,
        template: Template,
        record: Mapping[str, Any],
        params: Mapping[str, Any],
        lookup: LookupFn | None = None,
    ) -> Any:
        """The template's value. Raises RecordError, and whatever `lookup` itself raises."""
        deadline = self._monotonic() + _SECONDS_MOST if self._monotonic is not None else None
        run = self._run_of(template) if self._compiled else None
        if run is not None and record.__class__ is dict and params.__class__ is dict:
            try:
                return run(record, params, lookup, self._monotonic, deadline)
            except Exception:
                pass
        scope = Scope(
            record,
            params,
            lookup,
            zone=self._zone,
            monotonic=self._monotonic,
            deadline=deadline,
            table_defaults=self._defaults,
        )
        return template.evaluate(scope)

    def _run_of(self, template: Template) -> Callable[..., Any] | None:
        known = self._known.get(id(template))
        if known is None:
            from engine.mapping.compiled.single import compile_template

            run, _ = compile_template(
                template, zone=self._zone, table_defaults=self._defaults, tables=self._tables
            )
            known = self._known[id(template)] = (template, run)  # kept, so that its id stays its own
        return known[1]
