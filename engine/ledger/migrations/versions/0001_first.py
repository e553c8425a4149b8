"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up by itself only for INTEGER


def upgrade() -> None:
    _budgets()
    _leases()
    _lookups()
    _pacing()
    _records()
    _runs()
    _spans()
    _watermarks()
    _deliveries()
    _events()


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("interface", sa.String(length=200), nullable=False),
        sa.Column(
            "period", sa.String(length=20), nullable=False, comment="2026-11 or 2026-11-24, Asia/Shanghai"
        ),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("metered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("system", "interface", "period", name="pk_budgets"),
    )
    op.create_index("ix_budgets_system_period", "budgets", ["system", "period"], unique=False)


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _lookups() -> None:
    op.create_table(
        "lookups",
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("interface", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "interface", "key", name="pk_lookups"),
    )


def _pacing() -> None:
    op.create_table(
        "pacing",
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("interface", sa.String(length=200), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False, comment="when the next call may start"),
        sa.PrimaryKeyConstraint("system", "interface", name="pk_pacing"),
    )


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("id", ID, nullable=False),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("source_id", sa.String(length=300), nullable=False),
        sa.Column("number", sa.String(length=300), nullable=True),
        sa.Column(
            "snapshot",
            sa.Text(),
            nullable=True,
            comment="the record as last read; the final one is never read again",
        ),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_asked", sa.BigInteger(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
        sa.UniqueConstraint("system", "family", "source_id", name="uq_records_system_family_source_id"),
    )
    op.create_index("ix_records_number", "records", ["number"], unique=False)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("scheme", sa.String(length=200), nullable=False),
        sa.Column("scheme_hash", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=100), nullable=False),
        sa.Column("command", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.String(length=20),
            nullable=True,
            comment="null while running, or when the process died",
        ),
        sa.Column("result", sa.Text(), nullable=True, comment="the object that run --json prints"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_scheme_started_at", "runs", ["scheme", "started_at"], unique=False)


def _spans() -> None:
    op.create_table(
        "spans",
        sa.Column("id", ID, nullable=False),
        sa.Column("watermark", sa.String(length=64), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False, comment="listed | gap | broken"),
        sa.Column("run", sa.String(length=60), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spans"),
    )
    op.create_index("ix_spans_watermark_start", "spans", ["watermark", "start"], unique=False)


def _watermarks() -> None:
    op.create_table(
        "watermarks",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("about", sa.Text(), nullable=False, comment="what the key is made of"),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_watermarks"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("scheme", sa.String(length=200), nullable=False),
        sa.Column("target_system", sa.String(length=200), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("part", sa.String(length=50), nullable=False),
        sa.Column("parent_id", ID, nullable=True, comment="the delivery that a callback tells of"),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("field", sa.String(length=300), nullable=True),
        sa.Column("label", sa.String(length=300), nullable=True),
        sa.Column("path", sa.String(length=500), nullable=True),
        sa.Column("file", sa.String(length=500), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("form", sa.String(length=100), nullable=True),
        sa.Column(
            "key",
            sa.String(length=400),
            nullable=True,
            comment="the idempotency key; null until the first intent",
        ),
        sa.Column("payload", sa.Text(), nullable=True, comment="exactly what was sent, from the intent on"),
        sa.Column(
            "intent", sa.Text(), nullable=True, comment="how it was to be sent: key field, options, until"
        ),
        sa.Column("scheme_hash", sa.String(length=64), nullable=True),
        sa.Column("stage", sa.String(length=30), nullable=False, comment="the last stage reached"),
        sa.Column("target_id", sa.String(length=200), nullable=True),
        sa.Column("target_number", sa.String(length=400), nullable=True),
        sa.Column("amount", sa.String(), nullable=True),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("ask_after", sa.BigInteger(), nullable=True, comment="when the settle time ends"),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.Column("touched_run", sa.String(length=60), nullable=True),
        sa.Column("delivered_run", sa.String(length=60), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["deliveries.id"], name="fk_deliveries_parent_id"),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_deliveries_record_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint(
            "scheme",
            "target_system",
            "record_id",
            "part",
            name="uq_deliveries_scheme_target_system_record_id_part",
        ),
        sa.UniqueConstraint("target_system", "form", "key", name="uq_deliveries_target_system_form_key"),
    )
    op.create_index("ix_deliveries_parent_id", "deliveries", ["parent_id"], unique=False)
    op.create_index("ix_deliveries_record_id", "deliveries", ["record_id"], unique=False)
    op.create_index(
        "ix_deliveries_scheme_target_system_state",
        "deliveries",
        ["scheme", "target_system", "state"],
        unique=False,
    )
    op.create_index("ix_deliveries_touched_run", "deliveries", ["touched_run"], unique=False)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("run", sa.String(length=60), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_events_delivery_id"),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name="fk_events_record_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_record_id", "events", ["record_id"], unique=False)
