"""Params: their defaults, where they are used, and uses of what is none."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.findings import nearest
from engine.language import tr
from engine.mapping.templates import is_template
from engine.scheme.lint.look import Look, did_you_mean, walk
from engine.scheme.params import GO_LIVE, param_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.errors import Position

__all__ = ["check_params"]

_USE = re.compile(r"""\bparams\s*(?:\.\s*(?P<dotted>[^\W\d]\w*)|\[\s*(['"])(?P<quoted>[^'"]+)\2\s*\])""")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def check_params(look: Look) -> None:
    """Defaults fit their types, every use is known, every param is used."""
    _check_defaults(look)
    used: set[str | None] = set()
    for name, place in _uses(look):
        used.add(name)
        if name not in look.scheme.params:
            message = tr('the scheme has no param "{name}"', name=name)
            look.error("S308", place, message, did_you_mean(name, look.scheme.params))
            used.add(nearest(name, look.scheme.params))
    for name in look.scheme.params:
        if name not in used and name != GO_LIVE:
            place = look.key("params", name)
            look.hint("S309", place, tr('the param "{name}" is not used', name=name), tr("remove it"))


def _check_defaults(look: Look) -> None:
    go_live = look.scheme.params.get(GO_LIVE)
    if go_live is not None and go_live.type != "datetime":
        message = tr('the param "{name}" is the engine\'s, and must be of type datetime', name=GO_LIVE)
        look.error("S210", look.node("params", GO_LIVE, "type").position, message)
    for name, spec in look.scheme.params.items():
        if spec.default is None or spec.type not in _TYPES:
            continue
        try:
            param_value(spec.type, spec.default, _SOME_DAY)
        except ValueError as error:
            message = tr('the default of "{name}" must be {what}', name=name, what=error)
            look.error("S210", look.node("params", name, "default").position, message)


_TYPES = ("string", "integer", "decimal", "boolean", "date", "datetime")


def _uses(look: Look) -> Iterator[tuple[str, Position]]:
    """Names after ``params.`` in every template of the scheme, with their places."""
    for path, node in walk(look.scheme.node):
        if path[:1] in (("tests",), ("params",)) or not isinstance(node.value, str):
            continue
        if not is_template(node.value):
            continue
        for found in _USE.finditer(node.value):
            group = "dotted" if found["dotted"] else "quoted"
            place = node.text_position
            if "\n" not in node.value:
                place = replace(place, column=place.column + found.start(group))
            yield found[group], place
