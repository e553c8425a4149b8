"""A document as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.document.markdown import code, table, text
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.document.model import Document, Section, Table

__all__ = ["as_markdown"]


def as_markdown(document: Document) -> str:
    """The document's text."""
    lines = [f"# {_text(document.title)}", ""]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    yield ""
    for words in section.words:
        yield _text(words)
        yield ""
    if section.facts:
        yield from (
            "- " + _text(tr("{name}: {value}", name=name, value=value)) for name, value in section.facts
        )
        yield ""
    if section.steps:
        yield from (f"{number}. {_text(step)}" for number, step in enumerate(section.steps, 1))
        yield ""
    for each in section.tables:
        yield from _table(each)


def _table(given: Table) -> Iterator[str]:
    if given.title:
        yield f"### {_text(given.title)}"
        yield ""
    rows = [
        [code(cell, None) if place in given.code else _text(cell) for place, cell in enumerate(row)]
        for row in given.rows
    ]
    yield from table([_text(name) for name in given.head], rows)


def _text(value: str) -> str:
    return text(value, None)
