"""The scheme language: its schema, loading with positions, the model, and what can be found without running."""
