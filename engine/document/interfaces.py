"""The sections on the interfaces: what source and target are asked, and what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.connector.catalog import Field
from engine.document.cells import described, in_turn, named, plain_value, wire_type
from engine.document.known import AUTOFILL
from engine.document.model import Section, Table
from engine.document.walk import each_field, each_mapped, without_rows
from engine.language import tr
from engine.scheme.links import links_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.connector.catalog import Interface
    from engine.document.known import Known
    from engine.scheme.model import CallbackSpec, Scheme
    from engine.scheme.reach import Reach

__all__ = [
    "Labels",
    "callback_rows",
    "given_to",
    "interface_name",
    "source_section",
    "system_name",
    "target_section",
]

Row = tuple[str, ...]
_OPTION = "options."


class Labels:
    """What the fields of a record are called, by their paths without row numbers."""

    def __init__(self, fields: Mapping[str, Field], params: Mapping[str, str]) -> None:
        self._known = dict(each_field(fields))
        self._params = params

    def field(self, path: str) -> Field | None:
        """The field at ``$.extend.status``, ``extend.status`` or ``报销明细[*].费用明细``, or None."""
        return self._known.get(without_rows(path))

    def told(self, path: str) -> str:
        """The path with its label behind it, where that says more."""
        found = self.field(path)
        label = found.label if found else self._params.get(path.removeprefix("params."), "")
        return named(path, label)


def system_name(reach: Reach, connection: str) -> str:
    """What a system is called."""
    known = reach.catalog(connection)
    return known.label if known and known.label else connection


def interface_name(scheme: Scheme, reach: Reach) -> str:
    """What the target's interface is called, with the form that it makes a new one of."""
    target = scheme.target
    known = reach.interface(target.connection, target.interface)
    label = known.label if known else target.interface
    form = reach.form(target.connection, target.form)
    return tr("new {form} ({label})", form=form.label, label=label) if form else label


def source_section(about: Known) -> Section:
    """The interface that is read."""
    scheme, reach = about.scheme, about.reach
    source = scheme.source
    assert source.connection is not None
    known = reach.interface(source.connection, source.interface)
    return Section(
        tr("the interface of {system}", system=system_name(reach, source.connection)),
        facts=_facts(source.interface, known.label if known else "", known),
        tables=(
            Table(
                tr("request parameters"),
                (*_head(), tr("given")),
                tuple(
                    (path, field.label, wire_type(field), described(field), _given(scheme, path, field))
                    for path, field in each_field(known.fields if known else {})
                ),
            ),
            Table(tr("response parameters"), _head(), tuple(_response(about))),
            *_aliases(scheme, known),
        ),
    )


def _head() -> tuple[str, str, str, str]:
    return tr("field"), tr("label"), tr("type"), tr("details")


def _facts(name: str, label: str, known: Interface | None) -> tuple[tuple[str, str], ...]:
    return (
        (tr("interface"), name),
        (tr("interface name"), label),
        (tr("interface method"), known.method if known else ""),
        (tr("details"), known.description if known else ""),
    )


def _given(scheme: Scheme, path: str, field: Field) -> str:
    if path in scheme.source.request:
        return plain_value(scheme.source.request[path])
    return tr("moved by the engine") if field.moved else ""


def _response(about: Known) -> Iterator[Row]:
    """The known fields, then those of the form that the mapping reads and nobody has described."""
    listed = set()
    for path, field in each_field(about.response()):
        listed.add(path)
        yield path, field.label, wire_type(field), described(field)
    for path in dict.fromkeys(_read(about)):
        if path not in listed and path.partition(".")[0] != "_ext":
            name = path.rpartition(".")[2]
            yield path, name, "", AUTOFILL if about.scheme.source.autofill else tr("of the form itself")


def _read(about: Known) -> Iterator[str]:
    """The record's fields that the mapping reads, without row numbers."""
    for link in links_of(about.scheme, about.target_fields()):
        for path in link.sources:
            plain = without_rows(path)
            if not plain.startswith("params.") and "[" not in plain:
                yield plain


def _aliases(scheme: Scheme, known: Interface | None) -> Iterator[Table]:
    """Paths of older documents, which mean fields of the response."""
    if known is None or not known.aliases:
        return
    fields = dict(each_field(known.response))
    autofill = AUTOFILL if scheme.source.autofill else ""
    rows = [
        (
            path,
            true.rpartition(".")[2],
            wire_type(fields.get(true)),
            in_turn([autofill, tr("means {path}", path=named(true, _label(fields.get(true))))]),
        )
        for path, true in known.aliases.items()
    ]
    yield Table(tr("paths of older documents (understood as well)"), _head(), tuple(rows))


def _label(field: Field | None) -> str:
    return field.label if field else ""


def target_section(about: Known, labels: Labels) -> Section:
    """The interface that is written to, with what is told back in the end."""
    scheme, reach = about.scheme, about.reach
    target = scheme.target
    known = reach.interface(target.connection, target.interface)
    form = reach.form(target.connection, target.form)
    fields = dict(each_field(about.target_fields()))
    written = dict.fromkeys(
        mapped.path for mapped in each_mapped(target.mapping.fields, about.target_fields())
    )
    answers = [(path, field.label, wire_type(field), described(field)) for path, field in _answer(known)]
    return Section(
        tr("the interface of {system}", system=system_name(reach, target.connection)),
        facts=(
            *_facts(target.interface, interface_name(scheme, reach), known),
            *([(tr("form"), f"{form.name} {form.label}")] if form else []),
        ),
        tables=tuple(
            table
            for table in (
                Table(tr("request parameters"), _head(), tuple(_field_rows(written, fields))),
                Table(
                    tr("call options"), (*_head(), tr("given")), tuple(_options(scheme, known)), code=(0, 4)
                ),
                *_form_aliases(form.aliases if form else {}, fields, known),
                Table(
                    tr("response parameters"),
                    (*_head(), tr("from")),
                    (*_told_back(scheme, reach, labels), *((*row, "") for row in answers)),
                    code=(0, 4),
                ),
                Table(
                    tr("other fields, which this scheme leaves alone"),
                    _head(),
                    tuple(_field_rows((path for path in fields if path not in written), fields)),
                ),
            )
            if table.rows
        ),
    )


def _field_rows(paths: Iterable[str], fields: Mapping[str, Field]) -> Iterator[Row]:
    for path in paths:
        field = fields.get(path)
        yield (
            (path, field.label, wire_type(field), described(field))
            if field
            else (path, path.rpartition(".")[2], "", tr("not in the catalog"))
        )


def _answer(known: Interface | None) -> Iterator[tuple[str, Field]]:
    return each_field(known.response if known else {})


def _options(scheme: Scheme, known: Interface | None) -> Iterator[Row]:
    """The options of the call: those that the scheme gives first."""
    options = known.options if known else {}
    given = scheme.target.options
    for name in [*given, *(name for name in options if name not in given)]:
        field = options.get(name)
        if field is not None:
            yield name, field.label, wire_type(field), described(field), plain_value(given.get(name))


def _form_aliases(
    aliases: Mapping[str, str], fields: Mapping[str, Field], known: Interface | None
) -> Iterator[Table]:
    """Paths of older documents, which mean fields of the form, or options of the call."""
    rows = []
    for path, true in aliases.items():
        option = true.removeprefix(_OPTION)
        field = (known.options.get(option) if known else None) if true != option else fields.get(true)
        if field is not None:
            what = (
                tr("the call option {name}", name=option) if true != option else tr("means {path}", path=true)
            )
            rows.append((path, field.label, wire_type(field), what))
    if rows:
        yield Table(tr("paths of older documents"), _head(), tuple(rows))


def _told_back(scheme: Scheme, reach: Reach, labels: Labels) -> Iterator[Row]:
    for callback in scheme.callbacks:
        yield from callback_rows(scheme, callback, reach, labels)


def callback_rows(scheme: Scheme, callback: CallbackSpec, reach: Reach, labels: Labels) -> Iterator[Row]:
    """A callback as hosted platforms document it: the scheme that is run, and the data that it is given."""
    when = tr("when it is delivered") if callback.on == "delivered" else tr("when it has failed")
    yield "callBackStrategy", tr("callback scheme"), "object", when, ""
    yield "callBackStrategy.strategyId", tr("scheme id"), "string", "", callback.scheme
    for name, field in given_to(scheme, callback, reach, labels).items():
        text = plain_value(callback.data[name])
        yield f"callBackStrategy.{name}", field.label, wire_type(field), field.description, text


def given_to(scheme: Scheme, callback: CallbackSpec, reach: Reach, labels: Labels) -> dict[str, Field]:
    """The fields of a callback's data: what they are called by custom, else in the record."""
    source = reach.interface(scheme.source.connection, scheme.source.interface)
    custom = source.callback if source else {}
    fields: dict[str, Field] = {}
    for name, value in callback.data.items():
        read = labels.field(plain_value(value))
        label = read.label if read else name
        fields[name] = custom.get(name) or Field(name, label=label, type=read.type if read else "string")
    return fields
