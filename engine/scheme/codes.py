"""The codes of findings: stable, so that they can be looked up, counted and silenced by others' tools."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: dict[str, str] = {
    # YAML
    "S101": "the file cannot be opened or read",
    "S102": "a key stands twice in one mapping",
    "S103": "a text needs quotes",
    "S104": "the file is not YAML",
    "S105": "a tag is not known",
    "S106": "mappings are not merged with <<",
    "S107": "a key is empty, or no text",
    "S109": "a reference such as ${env:X} belongs in connections.yaml",
    # shape
    "S201": "a key is not known here",
    "S202": "a value has the wrong type",
    "S203": "a key is missing",
    "S204": "a value is none of those allowed",
    "S205": "something is empty",
    "S206": "the version is not 1",
    "S207": "one record becomes one document; there is no aggregation in version 1",
    "S208": "a path, template or constant stands where it cannot",
    "S209": "exactly one of several keys must be there",
    "S210": "a param's default does not fit its type",
    # references
    "S301": "the connection is not known",
    "S302": "the interface is not known",
    "S303": "the interface cannot be used in this place",
    "S304": "the form is not known",
    "S305": "a request field is not known",
    "S306": "a required request field is missing",
    "S307": "a request field is the engine's to move",
    "S308": "a param is not known",
    "S309": "a param is not used",
    "S310": "the callback scheme is not found",
    "S311": "the callback scheme has errors, or is none",
    "S312": "a field that the callback scheme needs is not given to it",
    "S313": "there is no window, or one that the interface cannot use",
    # mapping
    "S401": "a path cannot be read",
    "S402": "a template cannot be read",
    "S403": "a row is used where there is none",
    "S404": "a name in a template is not known",
    "S405": "the target has no such field",
    "S406": "a call option stands in the document",
    "S407": "a required field is missing",
    "S408": "a usual field is missing",
    "S409": "a field stands before the one that gives it meaning",
    "S410": "base data is written under another key",
    "S411": "the path is an alias",
    "S412": "a name needs record['…']",
    "S413": "the source has no such field",
    "S414": "a rule or block is malformed",
    # tables
    "S501": "the table is not known",
    "S502": "the table is not used",
    "S503": "the table's file is not there, or may not be read",
    "S504": "the table's file is malformed",
    "S505": "the interface serves no look-ups",
    "S506": "the interface does not answer with such a field",
    "S507": "the interface is not asked by such a field",
    # tests
    "S601": "a test is malformed",
    "S602": "a test's file is not there, or may not be read",
    "S603": "a test gives a param or table that the scheme does not have",
    # target
    "S701": "the idempotency key is not in the mapping",
    "S702": "the idempotency key is none of the target's keys",
    "S703": "the target does not keep the idempotency key unique",
    "S704": "the idempotency key changes from run to run, or not from record to record",
    "S705": "the target has no such stage",
    "S706": "the interface has no such option",
    "S707": "the batch is too large",
    "S708": "the guard's field is not in the mapping",
}
