"""Which way each field of a scheme's mapping goes when it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.connector.registry import catalog
from engine.mapping.mapper import Mapper
from engine.scheme.reach import Reach

if TYPE_CHECKING:
    from engine.connector.environments import Environment
    from engine.mapping.compiled.ways import Way
    from engine.scheme.model import Scheme

__all__ = ["ways_of"]


def ways_of(scheme: Scheme, environment: Environment | None) -> list[Way]:
    """The ways of all fields, row conditions and checks, in the file's order."""
    form = Reach(catalog, environment).form(scheme.target.connection, scheme.target.form)
    defaults = {name: spec.default for name, spec in scheme.tables.items() if spec.has_default}
    mapper = Mapper(scheme.target.mapping, form=form, table_defaults=defaults)
    return sorted(mapper.compile().ways, key=lambda way: way.position)
