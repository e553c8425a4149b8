"""The interface design document of a scheme: systems, flow, interfaces, mapping, conditions, tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.document.cells import filled_from, leaf_text, plain_value, rules_in_words, wire_type
from engine.document.interfaces import (
    Labels,
    given_to,
    interface_name,
    source_section,
    system_name,
    target_section,
)
from engine.document.known import Known
from engine.document.model import Document, Section, Table
from engine.document.walk import each_mapped
from engine.language import tr
from engine.mapping.rules import Block, Rule
from engine.scheme.links import links_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.scheme.model import LifeSpec, Scheme, TableSpec
    from engine.scheme.reach import Reach

__all__ = ["document_of"]

_ENTRIES_MOST = 200


def document_of(scheme: Scheme, reach: Reach, callbacks: Sequence[Scheme] = ()) -> Document:
    """The document of a scheme and of the callback schemes that it runs."""
    about = Known(scheme, reach)
    labels = _labels(about)
    sections = [*_sections(about, labels)]
    for told in callbacks:
        given = next(
            (given_to(scheme, spec, reach, labels) for spec in scheme.callbacks if spec.scheme == told.id), {}
        )
        called = Known(told, reach, given)
        sections += [
            replace(section, title=f"{told.name} · {section.title}")
            for section in _sections(called, _labels(called))
        ]
    kept = (
        replace(
            section,
            title=_capital(section.title),
            facts=tuple(fact for fact in section.facts if fact[1]),
            tables=tuple(
                replace(table.without_empty_columns(), title=_capital(table.title))
                for table in section.tables
                if table.rows
            ),
        )
        for section in sections
    )
    return Document(
        tr("{name}: interface design", name=scheme.name),
        tuple(each for each in kept if each.words or each.facts or each.steps or each.tables),
    )


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _sections(about: Known, labels: Labels) -> Iterator[Section]:
    scheme, reach = about.scheme, about.reach
    yield _overview(scheme, reach)
    yield Section(tr("flow"), steps=tuple(_flow(scheme, reach)))
    if scheme.source.connection is not None:
        yield source_section(about)
    yield target_section(about, labels)
    yield _mapping(about, labels)
    yield _conditions(scheme)
    yield Section(tr("params"), tables=(_params(scheme),))
    yield Section(tr("tables"), tables=(_tables(scheme, reach), *_entries(scheme)))


def _labels(about: Known) -> Labels:
    return Labels(about.response(), {name: spec.label for name, spec in about.scheme.params.items()})


# --- systems and flow --------------------------------------------------------------------------------------


def _overview(scheme: Scheme, reach: Reach) -> Section:
    source, target = scheme.source, scheme.target
    read = tr("the deliveries of another scheme")
    if source.connection is not None:
        read = f"{system_name(reach, source.connection)} ({source.connection})"
    return Section(
        tr("systems"),
        words=(scheme.description,) if scheme.description else (),
        facts=(
            (tr("scheme"), f"{scheme.id} {scheme.name}"),
            (tr("source system"), read),
            (tr("target system"), f"{system_name(reach, target.connection)} ({target.connection})"),
            (tr("record's identity"), source.id.text),
            (tr("record's number"), source.number.text),
            (tr("idempotency key"), target.key),
        ),
    )


def _flow(scheme: Scheme, reach: Reach) -> Iterator[str]:
    source, target = scheme.source, scheme.target
    if source.connection is None:
        yield tr("Another scheme's delivery brings a record: its data and its result.")
    else:
        known = reach.interface(source.connection, source.interface)
        yield tr(
            "Read {label} ({interface}) from {system}.",
            label=known.label if known else source.interface,
            interface=source.interface,
            system=system_name(reach, source.connection),
        )
    if source.window is not None:
        yield tr(
            "List by creation time, from {start} on; each run goes back {overlap} before where it stopped.",
            start=plain_value(source.window.start),
            overlap=f"{source.window.overlap.total_seconds() / 3600:g}h",
        )
    if source.final or source.where or source.hold:
        yield tr("Judge each record by the conditions: wait, skip, leave to a human, or go on.")
    yield tr("Make the document by the mapping, and check it; what fails is not sent.")
    yield tr(
        "Write to {system}: {label} ({interface}), up to {stage}, by the key {key}: none is written twice.",
        system=system_name(reach, target.connection),
        label=interface_name(scheme, reach),
        interface=target.interface,
        stage=target.until or _first_stage(scheme, reach),
        key=target.key,
    )
    for callback in scheme.callbacks:
        when = tr("when it is delivered") if callback.on == "delivered" else tr("when it has failed")
        yield tr("Run the callback scheme {scheme} {when}.", scheme=callback.scheme, when=when)


def _first_stage(scheme: Scheme, reach: Reach) -> str:
    known = reach.interface(scheme.target.connection, scheme.target.interface)
    return known.stages[0] if known and known.stages else ""


# --- mapping -----------------------------------------------------------------------------------------------


def _mapping(about: Known, labels: Labels) -> Section:
    scheme, fields = about.scheme, about.target_fields()
    sources = iter(links_of(scheme, fields))
    rows = []
    for mapped in each_mapped(scheme.target.mapping.fields, fields):
        entry = mapped.entry
        own = entry.label if isinstance(entry, Rule) else None
        # a link stands for each field but for the rows of an array themselves, in the same order
        link = None if isinstance(entry, Block) else next(sources)
        rows.append(
            (
                mapped.path,
                own or (mapped.known.label if mapped.known else mapped.name),
                wire_type(mapped.known),
                filled_from(entry),
                tr(", ").join(map(labels.told, link.sources)) if link else "",
                rules_in_words(entry),
            )
        )
    head = (tr("target field"), tr("label"), tr("type"), tr("from"), tr("source fields"), tr("rules"))
    return Section(tr("mapping"), tables=(Table("", head, tuple(rows), code=(0, 3)),))


# --- conditions and limits ---------------------------------------------------------------------------------


def _conditions(scheme: Scheme) -> Section:
    source, target = scheme.source, scheme.target
    conditions = (
        ("final", source.final, tr("until it holds, the record waits and is asked for again")),
        ("where", source.where, tr("records for which it does not hold are skipped")),
        ("hold", source.hold, tr("records for which it holds are left to a human")),
    )
    checks = tuple(
        (check.that.text, leaf_text(check.say) if check.say is not None else "")
        for check in target.mapping.checks
    )
    guard = target.guard
    limits = (
        (
            (tr("documents"), str(guard.documents or ""), ""),
            (tr("amount"), str(guard.amount or ""), guard.of or ""),
        )
        if guard
        else ()
    )
    return Section(
        tr("conditions, checks and limits"),
        tables=(
            Table(
                tr("conditions"),
                (tr("condition"), tr("template"), tr("meaning")),
                tuple((name, given.text, says) for name, given, says in conditions if given is not None),
                code=(0, 1),
            ),
            Table(tr("checks before sending"), (tr("must hold"), tr("else it says")), checks),
            Table(
                tr("guard: the most that one run may send"),
                (tr("of what"), tr("at most"), tr("field")),
                tuple(limit for limit in limits if limit[1]),
                code=(2,),
            ),
            *(() if scheme.is_callback else (_life(scheme.life),)),
        ),
    )


def _life(life: LifeSpec) -> Table:
    rows = (
        ("revoked", tr("revoked after its delivery"), life.revoked),
        ("modified", tr("changed after its delivery"), life.modified),
        ("reissued", tr("the same is handed in again"), life.reissued),
        ("bill_deleted", tr("the bill is deleted or made void"), life.bill_deleted),
        ("bill_unaudited", tr("the bill is unaudited"), life.bill_unaudited),
        ("closed_period", tr("the period is closed"), life.closed_period),
    )
    return Table(
        tr("what happens afterwards"), (tr("policy"), tr("when"), tr("what is done")), rows, code=(0, 2)
    )


# --- params and tables -------------------------------------------------------------------------------------


def _params(scheme: Scheme) -> Table:
    rows = tuple(
        (
            spec.name,
            spec.label,
            spec.type,
            plain_value(spec.default),
            tr("required") if spec.required and spec.default is None else tr("optional"),
            spec.description,
        )
        for spec in scheme.params.values()
    )
    head = (tr("param"), tr("label"), tr("type"), tr("default"), tr("must it be given"), tr("details"))
    return Table("", head, rows, code=(0, 3))


def _tables(scheme: Scheme, reach: Reach) -> Table:
    rows = tuple(
        (
            spec.name,
            _holds(spec, reach),
            spec.key or "",
            spec.value or "",
            (plain_value(spec.default) or tr("empty")) if spec.has_default else tr("the record fails"),
        )
        for spec in scheme.tables.values()
    )
    return Table("", (tr("table"), tr("from"), tr("looked up by"), tr("gives"), tr("on a miss")), rows)


def _holds(spec: TableSpec, reach: Reach) -> str:
    if spec.file is not None:
        return spec.file
    if spec.connection is not None:
        return f"{system_name(reach, spec.connection)} {spec.interface}"
    return tr("the scheme itself")


def _entries(scheme: Scheme) -> Iterator[Table]:
    """The entries of the tables that stand in the scheme."""
    for spec in scheme.tables.values():
        if spec.values is None:
            continue
        rows = [(str(key), plain_value(value)) for key, value in spec.values.items()]
        if len(rows) > _ENTRIES_MOST:
            rows = [*rows[:_ENTRIES_MOST], ("…", "")]
        yield Table(tr("the table {name}", name=spec.name), (tr("key"), tr("value")), tuple(rows), code=())
