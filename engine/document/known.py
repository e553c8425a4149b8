"""What is known of a scheme's fields: the catalogs, with what was discovered beside the scheme."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.connector.catalog import Field
from engine.document.cells import in_turn
from engine.document.walk import target_fields
from engine.language import tr
from engine.scheme.discovered.file import discovered_beside
from engine.scheme.discovered.model import EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.scheme.discovered.model import Discovered, FoundField
    from engine.scheme.model import Scheme
    from engine.scheme.reach import Reach

__all__ = ["AUTOFILL", "Known", "with_discovered"]

AUTOFILL = "autoFillResponse"


@dataclass(frozen=True, slots=True)
class Known:
    """A scheme and what its words can mean; `given` are the fields that a callback scheme is given."""

    scheme: Scheme
    reach: Reach
    given: Mapping[str, Field] = field(default_factory=dict)

    def response(self) -> Mapping[str, Field]:
        """The fields of the source's records."""
        source = self.scheme.source
        if source.connection is None:
            return self.given
        known = self.reach.interface(source.connection, source.interface)
        found = self._discovered(self.scheme.id)
        return with_discovered(known.response if known else {}, found, AUTOFILL if source.autofill else "")

    def target_fields(self) -> Mapping[str, Field]:
        """The fields that the target takes."""
        target = self.scheme.target
        found = self._discovered(f"{target.connection}.{target.form}") if target.form else None
        return with_discovered(target_fields(self.scheme, self.reach), found)

    def _discovered(self, subject: str) -> Discovered | None:
        environment = self.reach.environment
        return discovered_beside(self.scheme.file.parent, subject, environment.name if environment else None)


def with_discovered(
    known: Mapping[str, Field], found: Discovered | None, learnt: str = ""
) -> Mapping[str, Field]:
    """A catalog's fields with what was discovered; `learnt` is said of fields that it lacks."""
    if found is None:
        return known
    fields = dict(known)
    for one in found.fields:
        _put(fields, [name for name in one.names if name != EVERY], one, learnt)
    return fields


def _put(fields: dict[str, Field], names: list[str], one: FoundField, learnt: str) -> None:
    name, *below = names
    old = fields.get(name)
    if not below:
        fields[name] = _merged(name, old, one, learnt)
        return
    above = old or Field(name, label=name, type="object")
    inner = dict(above.fields)
    _put(inner, below, one, learnt)
    fields[name] = replace(above, fields=inner)


def _merged(name: str, old: Field | None, one: FoundField, learnt: str) -> Field:
    seen = [
        tr("filled in: {share}%", share=round(100 * (one.seen or 0) / one.of)) if one.of else "",
        tr("e.g. {examples}", examples=", ".join(one.examples)) if one.examples and not one.choices else "",
        tr("formerly {names}", names=", ".join(one.formerly)) if one.formerly else "",
    ]
    if old is not None:
        return replace(old, description=in_turn([old.description, *seen]), enum=old.enum or one.choices)
    return Field(
        name,
        label=one.label or name,
        type=one.type,
        required=one.required,
        enum=one.choices,
        description=in_turn(
            [learnt, tr("takes values of {form}", form=one.refers) if one.refers else "", *seen]
        ),
    )
