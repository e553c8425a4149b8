"""What a template can see: the record and its surroundings, as views that have fields and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from engine.clock import SHANGHAI
from engine.errors import RecordError
from engine.language import tr
from engine.mapping.paths import MISSING, repeated_label

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = [
    "ENGINE_WORDS",
    "FUNCTIONS",
    "MISS",
    "LookupFn",
    "RecordView",
    "Scope",
    "field_of",
    "names_of",
    "unwrap",
    "wrap",
]


class Miss:
    """The type of `MISS`: a table has no entry for a key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISS"


MISS: Final = Miss()

LookupFn = Callable[[str, str], Any]
"""A table's name and a key as trimmed text → the value, or `MISS`."""

FUNCTIONS = frozenset({"range", "total", "lookup"})
ENGINE_WORDS = frozenset({"record", "row", "parent", "params", "document"}) | FUNCTIONS
"""Names that win over a form's labels, as `id`, `title` and `extend` do (which the record itself holds)."""


class RecordView:
    """A group of fields. It has no methods: ``row.items`` is the field of that name.

    `known` is given for a document: fields that the scheme writes but this record left out read as none.
    Templates reach fields through the sandbox, which calls `field_of`; Python's attributes are out of reach.
    """

    __slots__ = ("_fields", "_known")

    def __init__(self, fields: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> None:
        self._fields = fields
        self._known = known

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RecordView):
            return self._fields == other._fields
        return isinstance(other, dict) and self._fields == unwrap(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<fields>"


def field_of(view: RecordView, name: Any) -> Any:
    """The field's value, or `MISSING`. Raises RecordError for a bare label that stands more than once."""
    fields, known = view._fields, view._known
    try:
        value = fields.get(name, MISSING)
        if value.__class__ is str:
            return value
    except TypeError:
        value = MISSING
    if value is MISSING:
        if known is not None and isinstance(name, str) and name in known:
            return None
        problem = repeated_label(fields, name) if isinstance(name, str) else None
        if problem is not None:
            raise problem
        return MISSING
    return wrap(value, known.get(name) if known is not None else None)


def names_of(view: RecordView) -> list[str]:
    """The names of a view's fields, for messages."""
    return [str(name) for name in view._fields] + [str(name) for name in view._known or ()]


def wrap(value: Any, known: Mapping[str, Any] | None = None) -> Any:
    """A value as templates see it: groups become views, floats amounts."""
    if value.__class__ is dict:
        return RecordView(value, known)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return RecordView(value, known)
    if isinstance(value, (list, tuple)):
        return [wrap(part, known) for part in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def unwrap(value: Any) -> Any:
    """A template's result as plain data. Raises TypeError for what is no data."""
    if value is None or isinstance(value, (str, bool, int, Decimal, date, time)):
        return str(value) if type(value) is not str and isinstance(value, str) else value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, RecordView):
        return value._fields
    if isinstance(value, dict):
        return {key: unwrap(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, range, Iterator)):
        return [unwrap(part) for part in value]
    raise TypeError(tr("the result is no data"))


class Scope:
    """Everything one evaluation may see.

    `tables` answers look-ups and may raise exceptions of its own, which pass through; `total` sums a field
    over the document's table. `monotonic` with `deadline` (seconds of that clock) bounds the time.
    """

    __slots__ = (
        "_parent",
        "_row",
        "deadline",
        "document",
        "monotonic",
        "params",
        "passing",
        "record",
        "table_defaults",
        "tables",
        "total",
        "zone",
    )

    def __init__(
        self,
        record: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        tables: LookupFn | None = None,
        *,
        row: Any = MISSING,
        parent: Any = MISSING,
        document: RecordView | None = None,
        total: Callable[[str], Any] | None = None,
        zone: tzinfo = SHANGHAI,
        monotonic: Callable[[], float] | None = None,
        deadline: float | None = None,
        table_defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.record = record
        self.params: Mapping[str, Any] = params if params is not None else {}
        self.tables = tables
        self._row = row
        self._parent = parent
        self.document = document
        self.total = total
        self.zone = zone
        self.monotonic = monotonic
        self.deadline = deadline
        self.table_defaults: Mapping[str, Any] = table_defaults or {}
        self.passing: BaseException | None = None

    @property
    def row(self) -> Any:
        """The row's data, or `MISSING` outside of rows."""
        return self._row

    def inside(self, row: Any) -> Scope:
        """The scope of a row within this one: `row` is the new row, `parent` the one that was."""
        return Scope(
            self.record,
            self.params,
            self.tables,
            row=row,
            parent=self._row,
            document=self.document,
            total=self.total,
            zone=self.zone,
            monotonic=self.monotonic,
            deadline=self.deadline,
            table_defaults=self.table_defaults,
        )

    def look_up(self, table: str, key: str) -> Any:
        """A table's value or `MISS`. Raises RecordError where no tables are at hand.

        What the tables themselves raise is remembered as `passing`: it is not the template's failure.
        """
        if self.tables is None:
            raise RecordError(tr("table '{table}' cannot be asked here", table=table))
        try:
            return self.tables(table, key)
        except BaseException as error:
            self.passing = error
            raise

    def sum_up(self, name: str) -> Any:
        """A field's sum over the document's table. Raises RecordError where no document is at hand."""
        if self.total is None:
            raise RecordError(tr("total('{name}') is known in mappings and checks only", name=name))
        return self.total(name)

    def resolve(self, name: str) -> Any:
        """The value of a template's variable, or `MISSING`. Functions are the sandbox's to give."""
        if name in ENGINE_WORDS:
            return self._engine_word(name)
        return field_of(RecordView(self.record), name)

    def names(self) -> list[str]:
        """The names that can stand in a template here."""
        return [*sorted(ENGINE_WORDS), *map(str, self.record)]

    def _engine_word(self, name: str) -> Any:
        match name:
            case "record":
                return RecordView(self.record)
            case "params":
                return RecordView(self.params)
            case "document":
                return self.document if self.document is not None else MISSING
            case "row":
                return wrap(self._row)
            case "parent":
                return wrap(self._parent)
        return MISSING
