"""Callbacks: whether the scheme that is called is there, sound, and given what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.findings import Severity, nearest
from engine.language import tr
from engine.mapping.paths import Path
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.lint.names import guarded, leaves
from engine.scheme.load import find_beside, known_beside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as FilePath

    from engine.findings import Finding
    from engine.nodes import Node
    from engine.scheme.model import Scheme

__all__ = ["check_callbacks"]


def check_callbacks(
    look: Look, examine: Callable[[FilePath, Look], tuple[Scheme | None, list[Finding]]]
) -> None:
    """Each callback's scheme lies beside this one, is a callback scheme without errors, and gets its data.

    `examine` reads and checks the scheme that is called.
    """
    node = look.node("callback")
    nodes = [child for child in node.value if child.is_mapping] if node.is_list else [node]
    for child in nodes:
        name = child.get("scheme")
        if name is not None and isinstance(name.value, str) and name.value:
            _check_one(look, child, name, examine)


def _check_one(look: Look, node: Node, name: Node, examine: Any) -> None:
    folder = look.scheme.file.parent
    file = find_beside(name.value, folder)
    if file is None:
        message = tr('there is no scheme "{name}" beside this one', name=name.value)
        look.error("S310", name.position, message, did_you_mean(name.value, known_beside(folder)))
        return
    if file.resolve() in (look.scheme.file.resolve(), *look.callers):
        look.error("S311", name.position, tr('"{name}" calls back in a circle', name=name.value))
        return
    called, findings = examine(file, look)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if called is not None and not called.is_callback:
        message = tr('"{name}" is no callback scheme', name=name.value)
        look.error("S311", name.position, message, tr('its source must say "interface: callback"'))
    elif errors:
        message = tr('the scheme "{name}" has {count} errors', name=name.value, count=len(errors))
        look.error("S311", name.position, message, str(errors[0]).replace("\n    ", "; "))
    elif called is not None:
        _check_data(look, node, Look(called, look.reach))


_GIVEN = ("result", "error")


def _check_data(look: Look, node: Node, called: Look) -> None:
    """What the called scheme reads must be in `data`: an identity for certain, the rest probably."""
    data = node.get("data")
    if data is None or not data.is_mapping:
        return
    given = list(data.value)
    needed = {path.names[0] for path in (called.scheme.source.id, called.scheme.source.number) if path.names}
    for name in sorted(_used(called)):
        if name in given or name in _GIVEN:
            continue
        message = tr(
            'the scheme "{scheme}" reads "{name}", which "data" does not give',
            scheme=called.scheme.id,
            name=name,
        )
        close = nearest(name, given)
        hint = tr('did you mean "{word}"?', word=close) if close else tr("add {line}", line=f"{name}: …")
        say = look.error if name in needed else look.warning
        say("S312", data.position, message, hint)


def _used(called: Look) -> set[str]:
    """The fields of its record that a callback scheme reads."""
    used: set[str] = set()
    for leaf in leaves(called):
        if not leaf.record:
            continue
        if isinstance(leaf.parsed, Path):
            used |= set(leaf.parsed.names[:1]) if leaf.parsed.scope == "record" else set()
        else:
            text = leaf.parsed.text
            used |= {
                use.name
                for use in leaf.parsed.names
                if use.name not in _WORDS and not guarded(use.name, text)
            }
    return used


_WORDS = frozenset({"params", "record", "document", "row", "parent", "range", "total", "lookup"})
