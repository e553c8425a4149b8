"""Everything that can be known of a scheme without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.connector.registry import catalog
from engine.scheme.lint.callbacks import check_callbacks
from engine.scheme.lint.document import check_document, check_guard
from engine.scheme.lint.examples import check_tests
from engine.scheme.lint.life import check_life
from engine.scheme.lint.look import Look
from engine.scheme.lint.names import check_names, leaves, table_uses
from engine.scheme.lint.params import check_params
from engine.scheme.lint.source import check_source
from engine.scheme.lint.tables import check_table_uses, check_tables
from engine.scheme.lint.target import check_target
from engine.scheme.lint.values import check_values
from engine.scheme.load import Loaded, in_order, load_scheme, sound
from engine.scheme.reach import Reach
from engine.scheme.shape import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.connector.catalog import Catalog
    from engine.connector.environments import Environment
    from engine.findings import Finding
    from engine.scheme.model import Scheme

__all__ = ["check_loaded", "validate"]


def validate(
    path: Path,
    *,
    catalogs: Callable[[str], Catalog | None] = catalog,
    environment: Environment | None = None,
) -> list[Finding]:
    """All findings of a scheme's file, in the file's order. Nothing is raised, nothing is asked.

    `catalogs` gives a connector's catalog; without an environment, a connection is taken for its connector's
    name, and what connections.yaml says is not checked.
    """
    reach = Reach(catalogs, environment)
    return check_loaded(load_scheme(path, reach), reach)


def check_loaded(loaded: Loaded, reach: Reach, callers: tuple[Path, ...] = ()) -> list[Finding]:
    """The findings of a scheme that was read, with those that its catalogs and its other files tell."""
    draft = loaded.draft
    version = draft.node.get("version") if draft else None
    if draft is None or (version is not None and version.value != VERSION):
        return loaded.findings
    look = Look(draft, reach, list(loaded.findings), callers)
    check_source(look)
    check_params(look)
    check_tables(look)
    form = check_target(look)
    interface = reach.interface(draft.target.connection, draft.target.interface)
    check_document(look, form, interface)
    check_guard(look)
    check_life(look, form, interface)
    found = leaves(look)
    check_names(look, found)
    check_table_uses(look, table_uses(look, found))
    check_callbacks(look, _examine)
    check_tests(look)
    check_values(look)
    return in_order(look.findings)


def _examine(file: Path, caller: Look) -> tuple[Scheme | None, list[Finding]]:
    """Check a scheme that is called back, and those that it calls."""
    loaded = load_scheme(file, caller.reach)
    callers = (*caller.callers, caller.scheme.file.resolve())
    findings = check_loaded(loaded, caller.reach, callers)
    return (loaded.draft if loaded.scheme is None or not sound(findings) else loaded.scheme), findings
