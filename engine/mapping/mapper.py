"""From a record to a document and its payload: one mapping, prepared once, applied to many records.

The same record, params and tables always give the same document; nothing is read or written on the way.
The document holds plain values; the payload is the document with base data wrapped as the form asks. Both
keep the scheme's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.errors import RecordError
from engine.language import tr
from engine.mapping.fill import holds, read
from engine.mapping.filling import fill_document
from engine.mapping.plan import FieldLike, FormLike, base_keys, plan_fields
from engine.mapping.rules import known_names
from engine.mapping.scope import LookupFn, RecordView, Scope
from engine.mapping.totals import total
from engine.mapping.tracing import Traced, Tracing
from engine.mapping.values import to_text
from engine.mapping.wrapping import unwrapped, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from engine.mapping.compiled.program import Program
    from engine.mapping.rules import MappingSpec

__all__ = ["FieldLike", "FormLike", "Mapped", "Mapper"]

_SECONDS_MOST = 1.0


class Mapped:
    """What a record became. `document` is before wrapping, `payload` as it is sent; amounts are Decimals.

    After the compiled form, the document is taken back from the payload when somebody asks for it: `written`
    are the objects that stand as the scheme writes them where base data is meant.
    """

    __slots__ = ("_document", "bases", "payload", "written")

    bases: Mapping[tuple[str, ...], str]
    written: list[dict[str, Any]]

    def __init__(self, payload: dict[str, Any], document: dict[str, Any]) -> None:
        self.payload = payload
        self._document = document

    @property
    def document(self) -> dict[str, Any]:
        """The document."""
        try:
            return self._document
        except AttributeError:
            document: dict[str, Any] = unwrapped(self.payload, self.bases, getattr(self, "written", ()))
            self._document = document
            return document

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapped):
            return NotImplemented
        return self.payload == other.payload and self.document == other.document

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Mapped({self.payload!r}, {self.document!r})"


class Mapper:
    """One scheme's mapping for one form.

    `table_defaults` holds the defaults that tables have for a miss; `tables` those that are wholly known, by
    trimmed keys, for which the look-up of `map` gives the same answers; `monotonic`, where given, bounds the
    mapping of a record to a second. The mapping is compiled when the first record comes, and a record that is
    out of the ordinary goes through the interpreted form; with `compiled` false all do. Templates of more
    than `nodes_most` nodes are left to Jinja's sandbox: with 0, all of them.
    """

    def __init__(
        self,
        spec: MappingSpec,
        *,
        form: FormLike | None = None,
        table_defaults: Mapping[str, Any] | None = None,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        zone: tzinfo = SHANGHAI,
        monotonic: Callable[[], float] | None = None,
        compiled: bool = True,
        nodes_most: int | None = None,
    ) -> None:
        self.spec = spec
        self._fields = plan_fields(spec.fields, form)
        self._known = known_names(spec.fields)
        self._bases = base_keys(self._fields)
        self._defaults = dict(table_defaults or {})
        self._tables = tables or {}
        self._zone = zone
        self._monotonic = monotonic
        self._compiled = compiled
        self._nodes_most = nodes_most
        self._program: Program | None = None

    def map(
        self, record: Mapping[str, Any], params: Mapping[str, Any], lookup: LookupFn | None = None
    ) -> Mapped:
        """The document of one record.

        Raises RecordError with field, label, path and position, and whatever `lookup` itself raises.
        """
        deadline = self._monotonic() + _SECONDS_MOST if self._monotonic is not None else None
        if self._compiled:
            run = (self._program or self.compile()).run
            if run is not None and record.__class__ is dict and params.__class__ is dict:
                try:
                    made: Mapped = run(record, params, lookup, self._monotonic, deadline)
                    return made
                except Exception as error:  # whatever it is, the interpreted form says what comes of it
                    passing = getattr(error, "passing", None)
                    if passing is not None:
                        raise passing from None
        return self._interpreted(record, params, lookup, deadline)

    def trace(
        self, record: Mapping[str, Any], params: Mapping[str, Any], lookup: LookupFn
    ) -> tuple[Mapped | None, list[Traced], RecordError | None]:
        """As `map`, and where each value came from; what failed is told beside what was filled before it.

        Raises what `lookup` itself raises.
        """
        tracing = Tracing(lookup)
        document: dict[str, Any] = {}
        scope = self._scope(record, params, tracing.look_up, None, document)
        try:
            tracing.fill(self._fields, scope, document)
            self._check(scope)
        except RecordError as error:
            return None, tracing.in_order(), error
        return Mapped(wrapped(document, self._bases), document), tracing.in_order(), None

    def compile(self) -> Program:
        """The compiled form, which is made once."""
        if self._program is None:
            from engine.mapping.compiled.program import compile_mapping

            self._program = compile_mapping(
                self.spec,
                self._fields,
                self._bases,
                zone=self._zone,
                table_defaults=self._defaults,
                tables=self._tables,
                scope=self._within_rows,
                result=Mapped,
                nodes_most=self._nodes_most,
            )
        return self._program

    def _interpreted(
        self,
        record: Mapping[str, Any],
        params: Mapping[str, Any],
        lookup: LookupFn | None,
        deadline: float | None,
    ) -> Mapped:
        document: dict[str, Any] = {}
        scope = self._scope(record, params, lookup, deadline, document)
        fill_document(self._fields, scope, document)
        self._check(scope)
        return Mapped(wrapped(document, self._bases), document)

    def _scope(
        self,
        record: Mapping[str, Any],
        params: Mapping[str, Any],
        lookup: LookupFn | None,
        deadline: float | None,
        document: dict[str, Any],
    ) -> Scope:
        return Scope(
            record,
            params,
            lookup,
            document=RecordView(document, self._known),
            total=lambda name: total(document, name, self._known),
            zone=self._zone,
            monotonic=self._monotonic,
            deadline=deadline,
            table_defaults=self._defaults,
        )

    def _within_rows(
        self,
        record: Mapping[str, Any],
        params: Mapping[str, Any],
        lookup: LookupFn | None,
        deadline: float | None,
        document: dict[str, Any],
        *rows: Any,
    ) -> Scope:
        """The scope of a row within rows, for what the compiled form leaves to the interpreted one."""
        scope = self._scope(record, params, lookup, deadline, document)
        for row in rows:
            scope = scope.inside(row)
        return scope

    def _check(self, scope: Scope) -> None:
        for check in self.spec.checks:
            if holds(check.that, scope):
                continue
            said = to_text(read(check.say, scope)).strip() if check.say is not None else ""
            raise RecordError(
                said or tr("a check does not hold: {that}", that=check.that.text),
                path=check.that.text,
                position=check.position,
            )
