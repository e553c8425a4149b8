"""The ledger's tables. Portable SQL only: what SQLite takes, PostgreSQL takes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from engine import jsontext
from engine.ledger.faults import damaged
from engine.ledger.rows import State

__all__ = [
    "budgets",
    "deliveries",
    "events",
    "leases",
    "lookups",
    "metadata",
    "pacing",
    "records",
    "runs",
    "spans",
    "watermarks",
]


_DEEPEST = 2 * jsontext.DEEPEST  # what is kept wraps what came


class Instant(TypeDecorator[datetime]):
    """A moment, kept as microseconds since 1970 in UTC: compares and indexes alike everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        if value is None:
            return None
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        try:
            return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
        except (OSError, OverflowError, TypeError, ValueError) as error:
            raise damaged() from error


class Json(TypeDecorator[Any]):
    """A JSON value as text, in the order of its keys, Decimals digit for digit."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else jsontext.dumps(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        try:
            return None if value is None else jsontext.loads(value, _DEEPEST)
        except (TypeError, ValueError) as error:
            raise damaged() from error


class Object(Json):
    """A JSON object, or null: never another kind of value."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        found = super().process_result_value(value, dialect)
        if found is not None and type(found) is not dict:
            raise damaged()
        return found


class Intent(Object):
    """How a document was to be sent, in all its parts: half of it would send in another way."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        found = super().process_result_value(value, dialect)
        if found is not None and not _is_intent(found):
            raise damaged()
        return found


def _is_intent(found: dict[str, Any]) -> bool:
    return (
        isinstance(found.get("interface"), str)
        and isinstance(found.get("options"), dict)
        and all(isinstance(found.get(name), str | None) for name in ("form", "key_field", "until"))
    )


class StateName(TypeDecorator[State]):
    """A state by its name."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Any) -> State | None:
        try:
            return None if value is None else State(value)
        except ValueError as error:
            raise damaged() from error


class Amount(TypeDecorator[Decimal]):
    """A Decimal as text: no database's number type may round it."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Any) -> Decimal | None:
        try:
            return None if value is None else Decimal(value)
        except (InvalidOperation, TypeError, ValueError) as error:
            raise damaged() from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only for INTEGER

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

records = Table(
    "records",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("system", String(200), nullable=False),
    Column("family", String(100), nullable=False),
    Column("source_id", String(300), nullable=False),
    Column("number", String(300)),
    Column("snapshot", Object, comment="the record as last read; the final one is never read again"),
    Column("final", Boolean, nullable=False, default=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_asked", Instant),
    Column("asked", Integer, nullable=False, default=0),
    UniqueConstraint("system", "family", "source_id"),
    Index(None, "number"),
    Index(None, "system", "family", "number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("scheme", String(200), nullable=False),
    Column("target_system", String(200), nullable=False),
    Column("record_id", _Id, ForeignKey("records.id"), nullable=False),
    Column("part", String(50), nullable=False, default=""),
    Column("parent_id", _Id, ForeignKey("deliveries.id"), comment="the delivery that a callback tells of"),
    Column("state", StateName(20), nullable=False),
    Column("failure", String(40)),
    Column("reason", Text),
    Column("field", String(300)),
    Column("label", String(300)),
    Column("path", String(500)),
    Column("file", String(500)),
    Column("line", Integer),
    Column("form", String(100)),
    Column("key", String(400), comment="the idempotency key; null until the first intent"),
    Column("payload", Object, comment="exactly what was sent, from the intent on"),
    Column("intent", Intent, comment="how it was to be sent: key field, options, until"),
    Column("scheme_hash", String(64)),
    Column("stage", String(30), nullable=False, default="", comment="the last stage reached"),
    Column("target_id", String(200)),
    Column("target_number", String(400)),
    Column("amount", Amount),
    Column("adopted", Boolean, nullable=False, default=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("fence", Integer, nullable=False, default=0),
    Column("sent_at", Instant),
    Column("ask_after", Instant, comment="when the settle time ends"),
    Column("waiting_since", Instant),
    Column("touched_run", String(60)),
    Column("delivered_run", String(60)),
    Column("delivered_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("scheme", "target_system", "record_id", "part"),
    UniqueConstraint("target_system", "form", "key"),
    Index(None, "scheme", "target_system", "state"),
    Index(
        "ix_deliveries_fault",
        *("scheme", "target_system", "state"),
        sqlite_where=text("failure IS NOT NULL"),
        postgresql_where=text("failure IS NOT NULL"),
    ),
    Index(None, "touched_run"),
    Index(None, "target_number"),
    Index(None, "target_system", "created_at"),
    Index(None, "record_id"),
    Index(None, "parent_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("record_id", _Id, ForeignKey("records.id"), nullable=False),
    Column("delivery_id", _Id, ForeignKey("deliveries.id")),
    Column("run", String(60)),
    Column("at", Instant, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("detail", Object),
    Index(None, "record_id"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("scheme", String(200), nullable=False),
    Column("scheme_hash", String(64), nullable=False),
    Column("environment", String(100), nullable=False),
    Column("command", String(40), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("status", String(20), comment="null while running, or when the process died"),
    Column("result", Object, comment="the object that run --json prints"),
    Index(None, "scheme", "started_at"),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("about", Object, nullable=False, comment="what the key is made of"),
    Column("mark", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

spans = Table(
    "spans",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("watermark", String(64), nullable=False),
    Column("start", Instant, nullable=False),
    Column("end", Instant, nullable=False),
    Column("state", String(20), nullable=False, comment="listed | gap | broken"),
    Column("run", String(60), nullable=False),
    Column("items", Integer, nullable=False, default=0),
    Column("reason", Text),
    Column("at", Instant, nullable=False),
    Index(None, "watermark", "start"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("system", String(200), primary_key=True),
    Column("interface", String(200), primary_key=True),
    Column("period", String(20), primary_key=True, comment="2026-11 or 2026-11-24, Asia/Shanghai"),
    Column("calls", Integer, nullable=False, default=0),
    Column("metered", Boolean, nullable=False, default=True),
    Index(None, "system", "period"),
)

pacing = Table(
    "pacing",
    metadata,
    Column("system", String(200), primary_key=True),
    Column("interface", String(200), primary_key=True),
    Column("next_at", Instant, nullable=False, comment="when the next call may start"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", Instant, nullable=False),
)

lookups = Table(
    "lookups",
    metadata,
    Column("system", String(200), primary_key=True),
    Column("interface", String(200), primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("value", Json, nullable=False),
    Column("at", Instant, nullable=False),
)
