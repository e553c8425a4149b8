"""A new scheme as the wizard has understood it, and its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.language import tr
from engine.yaml_edit import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Draft", "Entry", "Rows", "mapped"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of an entry table come from, and what is in each; `each` is None for a single row."""

    each: str | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One target field and what goes in; an empty `value` is left to the user."""

    field: str
    value: str
    label: str = ""
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A scheme that is not written yet. `parts` are the source's conditions."""

    id: str
    name: str
    source_connection: str
    source_interface: str
    request: Mapping[str, str]
    source_id: str
    number: str
    windowed: bool
    target_connection: str
    target_interface: str
    form: str | None
    key: str
    until: str | None
    entries: tuple[Entry, ...]
    parts: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The scheme file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"# yaml-language-server: $schema=../.engine/schema/{self.id}.json"
        yield from ("version: 1", f"id: {quoted(self.id)}", f"name: {quoted(self.name)}", "")
        if self.windowed:
            yield "params:"
            label = quoted(tr("records made from this day on"))
            yield f'  start_date: {{label: {label}, type: date, default: "-30d"}}'
            yield ""
        yield from self._source()
        yield ""
        yield from self._target()

    def _source(self) -> Iterator[str]:
        yield "source:"
        yield f"  connection: {quoted(self.source_connection)}"
        yield f"  interface: {quoted(self.source_interface)}"
        if self.request:
            yield "  request:"
            for name, value in self.request.items():
                yield f"    {name}: {quoted(value)}"
        if self.windowed:
            yield '  window: {start: "{{ params.start_date }}", overlap: 24h}'
            yield "  autoFillResponse: true"
        yield f"  id: {quoted(self.source_id)}"
        yield f"  number: {quoted(self.number)}"
        for name, value in self.parts.items():
            yield f"  {name}: {quoted(value)}"

    def _target(self) -> Iterator[str]:
        yield "target:"
        yield f"  connection: {quoted(self.target_connection)}"
        yield f"  interface: {quoted(self.target_interface)}"
        if self.form:
            yield f"  form: {quoted(self.form)}"
        yield f"  key: {quoted(self.key)}"
        if self.until:
            yield f"  until: {self.until}"
        yield "  mapping:"
        for entry in self.entries:
            yield from _entry_lines(entry, 4)


def _entry_lines(entry: Entry, indent: int) -> Iterator[str]:
    pad = " " * indent
    told = f"   # {entry.label}" if entry.label else ""
    if entry.rows is None:
        value = mapped(entry.value)
        later = "" if entry.value else f" ★ {tr('to be filled in')}"
        yield f"{pad}{entry.field}: {value}{told or ('   #' if later else '')}{later}"
        return
    yield f"{pad}{entry.field}:{told}"
    if entry.rows.each is not None:
        yield f"{pad}  - each: {quoted(entry.rows.each)}"
        yield f"{pad}    row:"
    else:
        yield f"{pad}  - row:"
    for inner in entry.rows.entries:
        yield from _entry_lines(inner, indent + 6)


def mapped(value: str) -> str:
    """A mapping's right side: as the user wrote it where that is YAML already, else quoted."""
    if not value:
        return '""'
    if value[0] in "\"'{[" and not value.startswith("{{"):
        return value
    return quoted(value)
