"""A declarative integration-scheme engine: one YAML file carries records from one system into another."""

__version__ = "0.1.0"
