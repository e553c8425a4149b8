"""How a ledger is made and brought up to date, one numbered step after the other (run by alembic)."""
