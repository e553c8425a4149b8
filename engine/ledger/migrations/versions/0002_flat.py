"""Indexes that keep flat what is asked, however many records there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("records", "system", "family", "number")
    _index("deliveries", "target_number")
    _index("deliveries", "target_system", "created_at")
    op.create_index(
        "ix_deliveries_fault",
        "deliveries",
        ["scheme", "target_system", "state"],
        unique=False,
        sqlite_where=sa.text("failure IS NOT NULL"),
        postgresql_where=sa.text("failure IS NOT NULL"),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index("_".join(["ix", table, *columns]), table, list(columns), unique=False)
