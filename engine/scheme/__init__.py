"""The scheme language: schema, loading with positions, model, and what can be found without running."""
