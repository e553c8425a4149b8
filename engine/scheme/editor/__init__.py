"""What an editor is told of a project: JSON Schemas with its own connections, forms, fields and paths."""
