"""What a connector author imports: the classes to write, the catalog, the session, the simulators' base."""
