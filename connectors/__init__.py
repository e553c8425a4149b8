"""The connectors that come with the engine; each is found by entry point, like anyone's."""
