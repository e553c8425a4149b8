"""A mapping turned into one Python function, which reads, works out and writes without going through trees.

`program` makes it, `engine.mapping.mapper` runs it. The interpreted form gets what is out of the ordinary.
"""
