"""A scheme from nothing: what is connected, what is read, which of it, where it goes, and how it maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from engine.connector.api import Choice
from engine.errors import UsageError
from engine.language import tr
from engine.market.wizard import fitting
from engine.market.wizard.draft import Draft, Entry, Rows
from engine.market.wizard.question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.connector.catalog import Field, Form, Interface
    from engine.market.wizard.question import Flow
    from engine.market.wizard.surroundings import Surroundings

__all__ = ["blank_scheme"]

_ALIKE = 0.5
_PARTS = ("final", "where", "hold")


def blank_scheme(id: str, around: Surroundings) -> Flow[Draft]:
    """Ask for all that a scheme needs; returns it, ready to be written down."""
    name = yield Question("name", tr("What people call it"), default=id)
    source = yield from _source(around)
    sample = around.sample(source.connection, source.interface.name, source.request) or {}
    target = yield from _target(around)
    entries = yield from _mapping(target, sample, source.number)
    return Draft(
        id=id,
        name=name,
        source_connection=source.connection,
        source_interface=source.interface.name,
        request=source.request,
        parts=source.parts,
        source_id=source.id,
        number=source.number,
        windowed=source.windowed,
        target_connection=target.connection,
        target_interface=target.interface.name,
        form=target.form.name if target.form else None,
        key=target.key,
        until=target.interface.stages[-1] if target.interface.stages else None,
        entries=tuple(entries),
    )


# --- the source ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    connection: str
    interface: Interface
    request: Mapping[str, str]
    id: str
    number: str
    windowed: bool
    parts: Mapping[str, str] = field(default_factory=dict)


def _source(around: Surroundings) -> Flow[_Source]:
    connection = yield from _connection(around, "source", tr("From which system is read"), "source")
    interface = yield from _interface(around, connection, "interface", "source", tr("What is read there"))
    request = {}
    for wanted in interface.fields.values():
        if wanted.required and not wanted.moved:
            offered = around.choices(connection, wanted.choices) if wanted.choices else ()
            request[wanted.name] = yield Question(
                f"request.{wanted.name}",
                wanted.label or wanted.name,
                help=wanted.description,
                choices=offered,
                check=_something(wanted.name),
            )
    draft = interface.draft
    id = yield Question(
        "id_path",
        tr("Where a record's identity stands"),
        default=draft.get("id", "$.id"),
        check=fitting.path,
    )
    number = yield Question(
        "number_path",
        tr("Where the number stands that people call it by"),
        default=draft.get("number", id),
        check=fitting.path,
    )
    words = {
        "final": tr("When a record is finished (empty: always)"),
        "where": tr("Which records are carried over (empty: all)"),
        "hold": tr("Which of them wait for a human (empty: none)"),
    }
    parts = {}
    for part in _PARTS:
        answer = yield Question(part, words[part], default=draft.get(part, ""), check=fitting.condition)
        if answer.strip():
            parts[part] = answer.strip()
    windowed = any(each.moved for each in interface.fields.values())
    return _Source(connection, interface, request, id, number, windowed, parts)


# --- the target ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Target:
    connection: str
    interface: Interface
    form: Form | None
    key: str

    @property
    def fields(self) -> Mapping[str, Field]:
        return self.form.fields if self.form else self.interface.fields

    @property
    def amount(self) -> str:
        """The field that holds the money, where the form has one."""
        return (self.form.amount if self.form else None) or ""


def _target(around: Surroundings) -> Flow[_Target]:
    connection = yield from _connection(around, "target", tr("To which system is written"), "target")
    interface = yield from _interface(
        around, connection, "target_interface", "target", tr("How it is written there")
    )
    form = None
    if interface.forms:
        forms = around.connections[connection].forms
        answer = yield Question(
            "form",
            tr("Which form is written"),
            choices=[Choice(each.name, each.label) for each in forms.values()],
            check=_something("form"),
        )
        form = forms.get(answer) or _unknown_form(answer)
    keys = form.keys if form else interface.keys
    key = yield Question(
        "key",
        tr("Which field tells a document from all others"),
        default=keys[0] if keys else None,
        choices=[Choice(each, each) for each in keys],
        check=_something("key"),
    )
    return _Target(connection, interface, form, key)


def _unknown_form(name: str) -> Form:
    from engine.connector.catalog import Form

    return Form(name=name, label=name, fields={}, open=True)


# --- the mapping --------------------------------------------------------------------------------------


def _mapping(target: _Target, sample: Mapping[str, Any], number: str) -> Flow[list[Entry]]:
    """The key first, then what the target demands, with guesses from a real record."""
    key = yield Question(
        f"map.{target.key}",
        tr("{field}: how a document is numbered", field=target.key),
        default="{{ " + number.removeprefix("$.") + " }}",
        check=fitting.right_side(),
    )
    entries = [Entry(target.key, key, _label(target.fields.get(target.key)))]
    for wanted in target.fields.values():
        if wanted.name == target.key or not (wanted.required or wanted.usual):
            continue
        if wanted.type == "array":
            entries.append((yield from _rows(wanted, sample, target.amount)))
        else:
            entries.append((yield from _entry(wanted, f"map.{wanted.name}", sample, "$.")))
    return entries


def _rows(wanted: Field, sample: Mapping[str, Any], amount: str) -> Flow[Entry]:
    tables = [name for name, value in sample.items() if _is_table(value)]
    answer = yield Question(
        f"rows.{wanted.name}",
        tr("{field} {label}: from which of the record's tables", field=wanted.name, label=wanted.label),
        default=tables[0] if tables else "",
        choices=[Choice(name, name) for name in tables],
    )
    table = answer.strip()
    row = sample[table][0] if table in tables else {}
    entries: list[Entry] = []
    before = "@." if table else "$."
    for column in wanted.fields.values():
        if column.required or column.usual or f"{wanted.name}.{column.name}" == amount:
            entry = yield from _entry(column, f"map.{wanted.name}.{column.name}", row, before)
            entries.append(entry)
    return Entry(wanted.name, "", wanted.label, Rows(f"$.{table}[*]" if table else None, tuple(entries)))


def _entry(wanted: Field, id: str, sample: Mapping[str, Any], before: str) -> Flow[Entry]:
    offered = [Choice(f"{before}{name}", _shown(value)) for name, value in _values(sample)]
    names = [each.value.removeprefix(before) for each in offered]
    guess = None if wanted.type == "base" else _closest(wanted, names)  # a payee is not guessed
    answer = yield Question(
        id,
        f"{wanted.name} {wanted.label}".strip(),
        help=" · ".join(
            [
                *([wanted.description] if wanted.description else []),
                tr("a path such as $.…, a template in {{ }}, or a constant; empty: later"),
            ]
        ),
        default=_default(wanted),
        check=fitting.right_side(nested=before == "@."),
        guess=f"{before}{guess}" if guess else None,
        choices=offered,
    )
    return Entry(wanted.name, answer.strip(), wanted.label)


def _default(wanted: Field) -> str:
    return "" if wanted.default is None else str(wanted.default)


def _closest(wanted: Field, names: Sequence[str]) -> str | None:
    """The source field whose label has most in common with the target's."""
    scored = [(_alike(wanted.label, name), name) for name in names if wanted.label]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= _ALIKE else None


def _alike(one: str, other: str) -> float:
    """The share of the first label that the longest text in both makes up."""
    found = SequenceMatcher(None, one, other).find_longest_match()
    return found.size / len(one) if found.size > 1 else 0.0


def _values(sample: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Single values of a record, those of `extend` by their path."""
    for name, value in sample.items():
        if name.startswith("_") or _is_table(value):
            continue
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", each) for inner, each in value.items() if _is_single(each))
        elif _is_single(value):
            yield name, value


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _is_single(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _shown(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 30 else f"{text[:29]}…"


# --- common -------------------------------------------------------------------------------------------


def _connection(around: Surroundings, id: str, text: str, role: str) -> Flow[str]:
    offered = [
        Choice(name, catalog.label)
        for name, catalog in around.connections.items()
        if any(role in each.roles for each in catalog.interfaces.values())
    ]
    answer = yield Question(
        id, text, default=offered[0].value if len(offered) == 1 else None, choices=offered, open=False
    )
    return answer


def _interface(around: Surroundings, connection: str, id: str, role: str, text: str) -> Flow[Interface]:
    known = {
        name: each for name, each in around.connections[connection].interfaces.items() if role in each.roles
    }
    answer = yield Question(
        id,
        text,
        default=next(iter(known)),
        choices=[Choice(name, each.label) for name, each in known.items()],
        open=False,
    )
    return known[answer]


def _something(name: str) -> Any:
    def check(answer: str) -> None:
        if not answer.strip():
            raise UsageError(tr('"{name}" must not be empty', name=name))
        fitting.no_reference(answer)

    return check


def _label(known: Field | None) -> str:
    return known.label if known else ""
