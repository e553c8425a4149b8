"""From a record to a document and its payload: one mapping, prepared once, applied to many records.

The same record, params and tables always give the same document; nothing is read or written on the way.
The document holds plain values; the payload is the document with base data wrapped as the form asks. Both
keep the scheme's order.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from engine.mapping.values import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from engine.mapping.rules import MappingSpec

__all__ = ["FieldLike", "FormLike", "Mapped", "Mapper"]

_SECONDS_MOST = 1.0


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a record became. `document` is before wrapping, `payload` as it is sent; amounts are Decimals."""

    document: dict[str, Any]
    payload: dict[str, Any]


class Mapper:
    """One scheme's mapping for one form.

    `table_defaults` holds the defaults that tables have for a miss; `monotonic`, where given, bounds the
    mapping of a record to a second.
    """

    def __init__(
        self,
        spec: MappingSpec,
        *,
        form: FormLike | None = None,
        table_defaults: Mapping[str, Any] | None = None,
        zone: tzinfo = SHANGHAI,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self.spec = spec
        self._fields = plan_fields(spec.fields, form)
        self._known = known_names(spec.fields)
        self._bases = base_keys(self._fields)
        self._defaults = dict(table_defaults or {})
        self._zone = zone
        self._monotonic = monotonic

    def map(
        self, record: Mapping[str, Any], params: Mapping[str, Any], lookup: LookupFn | None = None
    ) -> Mapped:
        """The document of one record.

        Raises RecordError with field, label, path and position, and whatever `lookup` itself raises.
        """
        document: dict[str, Any] = {}
        scope = Scope(
            record,
            params,
            lookup,
            document=RecordView(document, self._known),
            total=lambda name: total(document, name, self._known),
            zone=self._zone,
            monotonic=self._monotonic,
            deadline=self._monotonic() + _SECONDS_MOST if self._monotonic is not None else None,
            table_defaults=self._defaults,
        )
        fill_document(self._fields, scope, document)
        self._check(scope)
        return Mapped(document, _wrapped(document, self._bases, ()))

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


def _wrapped(
    holder: dict[str, Any], bases: Mapping[tuple[str, ...], str], path: tuple[str, ...]
) -> dict[str, Any]:
    """The group as it is sent: a scalar of base data under its key, an object as written."""
    made: dict[str, Any] = {}
    for name, value in holder.items():
        here = (*path, name)
        if isinstance(value, dict):
            made[name] = _wrapped(value, bases, here)
        elif isinstance(value, list):
            made[name] = [_wrapped(part, bases, here) if isinstance(part, dict) else part for part in value]
        else:
            base = bases.get(here)
            made[name] = value if base is None else {base: value}
    return made
