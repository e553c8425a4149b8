"""From a record to a document: paths, templates, values and rules. Pure: no input, no output."""
