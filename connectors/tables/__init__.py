"""Translation tables as a target: rows of CSV files, kept up by schemes that read base data elsewhere."""

from connectors.tables.connector import TablesConnector

__all__ = ["TablesConnector"]
