"""What every connector keeps to, as checks for its own tests: against its simulator, over the real wire.

Each check raises `ContractError` with the promise that does not hold; there is no need for a test framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.connector.api import Accepted, NotSent, Outgoing
from engine.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.connector.api import Connector, Lookup, Source, Span, Target
    from engine.connector.catalog import Field, Interface

__all__ = ["ContractError", "check_declaration", "check_lookup", "check_source", "check_target"]

_PAGES_MOST = 1000
_SECRET_WORDS = ("secret", "password", "token")


class ContractError(AssertionError):
    """A connector does not keep one of the promises that the engine builds on."""


def _hold(kept: bool, promise: str) -> None:
    if not kept:
        raise ContractError(promise)


def check_declaration(connector: type[Connector]) -> None:
    """The catalog and the class attributes, without any connection."""
    catalog = connector.catalog()
    _hold(catalog.connector == connector.name, "the catalog's connector is the class's name")
    _hold(bool(catalog.label), "the connector has a label")
    for name, setting in catalog.settings.items():
        secret = any(word in name.lower() for word in _SECRET_WORDS)
        _hold(setting.secret or not secret, f"the setting {name} is marked secret")
    for interface in catalog.interfaces.values():
        _check_interface(interface)
    for form in catalog.forms.values():
        _hold(bool(form.keys), f"the form {form.name} names the fields that can be its key")
    if connector.simulator is not None:
        module, _, name = connector.simulator.partition(":")
        _hold(hasattr(import_module(module), name), "the simulator can be imported")


def _check_interface(interface: Interface) -> None:
    where = interface.name
    _hold(bool(interface.label), f"{where} has a label")
    if "source" in interface.roles:
        _hold(bool(interface.family), f"{where} names the family of its records")
        _hold(interface.open or bool(interface.response), f"{where} says what its records hold")
    if "lookup" in interface.roles:
        _hold(len(interface.keys) == 1, f"{where} names the one field that it is asked by")
        _hold(bool(interface.response), f"{where} says what its entries hold")
    if "target" in interface.roles:
        _hold(bool(interface.stages), f"{where} has a first stage")
        _hold(interface.forms or bool(interface.keys), f"{where} names the fields that can be its key")
    _check_fields(where, interface.fields)
    _check_fields(where, interface.response)


def _check_fields(where: str, fields: Mapping[str, Field]) -> None:
    for name, field in fields.items():
        _hold(not field.fields or field.type in ("object", "array"), f"{where}: {name} can hold fields")
        _check_fields(f"{where}: {name}", field.fields)


async def check_source(source: Source, request: Mapping[str, Any], span: Span | None) -> dict[str, Any]:
    """Two listings of a span that does not change; gives the records by id.

    Both must name the same ids, each page must lead on, and each record must be the same when it is got
    again, survive JSON without loss, and an id that is none must fail as a record, not as a run.
    """
    first, second = await _list(source, request, span), await _list(source, request, span)
    _hold(list(first) == list(second), "a span that has not changed is listed alike")
    _hold(source.most_items is None or len(first) <= source.most_items, "a listing stays within most_items")
    records: dict[str, Any] = {}
    for id_, listed in first.items():
        _hold(isinstance(id_, str) and bool(id_), "an id is a text that is not empty")
        _hold(
            source.gets_each or listed is not None, "a listing that is not followed by gets holds the records"
        )
        records[id_] = await source.get(id_) if source.gets_each else listed
        kept = jsontext.loads(jsontext.dumps(records[id_]))
        _hold(kept == records[id_], f"the record {id_} can be kept as JSON, amounts digit for digit")
    if source.gets_each:
        for id_ in list(records)[:1]:
            _hold(await source.get(id_) == records[id_], "a record got again is the same")
        try:
            await source.get("no-such-id")
        except RecordError:
            return records
        raise ContractError("an id that is none raises RecordError")
    return records


async def _list(source: Source, request: Mapping[str, Any], span: Span | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    cursor = None
    for _ in range(_PAGES_MOST):
        page = await source.page(request, span, cursor)
        found |= {item.id: item.record for item in page.items}
        cursor = page.cursor
        if cursor is None:
            return found
    raise ContractError(f"a listing ends within {_PAGES_MOST} pages")


async def check_lookup(lookup: Lookup, known: str, unknown: str) -> None:
    """One key that the system has, and one that it has not."""
    entry = await lookup.look_up(known)
    _hold(entry is not None, "a key that is there is found")
    _hold(await lookup.look_up(unknown) is None, "a key that is not there is a miss, not an error")
    _hold(await lookup.look_up(f" {known} ") == entry, "keys are compared as trimmed text")


async def check_target(target: Target, payloads: Sequence[Mapping[str, Any]], key_field: str) -> None:
    """New documents on their way: asked for, held back by the gate, sent, found again. The payloads must be
    good ones that the target does not have yet, no more than it takes at once."""
    _hold(0 < len(payloads) <= target.largest_batch, "the check is given one batch")
    _hold(bool(target.stages), "a target has a first stage")
    documents = []
    for payload in payloads:
        key = target.key_of(payload, key_field)
        _hold(bool(key), "a payload with its key field has a key")
        documents.append(Outgoing(key or "", payload))
    without = {name: value for name, value in payloads[0].items() if name != key_field}
    _hold(target.key_of(without, key_field) is None, "a payload without its key field has no key")
    keys = [document.key for document in documents]
    if target.asking != "never":
        _hold(not any((await target.find(key_field, keys)).values()), "what was not sent is not found")
    held = await target.send(documents, lambda: False)
    _hold([type(answer) for answer in held] == [NotSent] * len(documents), "a closed gate sends nothing")
    answers = await target.send(documents, lambda: True)
    _hold(len(answers) == len(documents), "each document has its answer")
    for document, answer in zip(documents, answers, strict=True):
        _hold(isinstance(answer, Accepted), f"a good document is accepted: {answer}")
        if isinstance(answer, Accepted) and answer.key is not None:
            _hold(answer.key == document.key, "answers stand in the order of the documents")
    if target.asking != "never":
        await _check_found(target, documents, key_field)


async def _check_found(target: Target, documents: Sequence[Outgoing], key_field: str) -> None:
    found = await target.find(key_field, [document.key for document in documents])
    for document in documents:
        hits = found.get(document.key, [])
        _hold(len(hits) == 1, f"what was sent is found once: {document.key}")
        _hold(hits[0].stage in ("", *target.stages), "what is found stands at a stage")
        facts = target.facts(document.payload)
        differing = {
            name for name in facts.keys() & hits[0].facts.keys() if facts[name] != hits[0].facts[name]
        }
        _hold(not differing, f"what was sent and what is found agree in {', '.join(sorted(differing))}")
