"""Ask a translation table; a miss is a failure of its own class, which names table and key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import FailureClass, RecordError
from engine.language import tr
from engine.mapping.paths import MISSING
from engine.mapping.scope import MISS
from engine.mapping.values import quoted, to_text

if TYPE_CHECKING:
    from engine.mapping.scope import Scope

__all__ = ["find_in_table"]


def find_in_table(scope: Scope, table: str, key: Any, default: Any = MISSING) -> Any:
    """The value for a key, compared as trimmed text; for a miss `default`, else the table's own default.

    Raises RecordError of class ``base data missing`` for a miss without default. What the look-up itself
    raises passes through.
    """
    text = to_text(key).strip()
    value = scope.look_up(table, text)
    if value is not MISS:
        return value
    if default is not MISSING:
        return default
    if table in scope.table_defaults:
        return scope.table_defaults[table]
    raise RecordError(
        tr("table '{table}' has no entry for {key}", table=table, key=quoted(text)),
        failure=FailureClass.BASE_DATA_MISSING,
        hint=tr("add it to the table, or give the rule or the table a default"),
    )
