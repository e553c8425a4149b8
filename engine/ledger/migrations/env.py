"""Run by alembic: the steps, on the connection and in the transaction that `engine.ledger.open` gives it."""

from __future__ import annotations

from alembic import context

from engine.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
