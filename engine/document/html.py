"""A document as one HTML page that needs nothing else and prints well. All texts are strangers': escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from engine.document.seen import on_one_line
from engine.language import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.document.model import Document, Section, Table

__all__ = ["as_html"]

_STYLE = """
body{font:14px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:75rem;
padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin-bottom:1rem}td,th{border:1px solid #ddd;padding:.3rem .5rem;
text-align:left;vertical-align:top}td{overflow-wrap:anywhere}th{background:#f6f6f6;white-space:nowrap}
code{font:12px/1.5 ui-monospace,monospace}nav ol{columns:2}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#666}dd{margin:0}
@page{size:A4 landscape;margin:12mm}
@media print{body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}
tr{break-inside:avoid}h2,h3{break-after:avoid}nav{display:none}}
"""


def as_html(document: Document) -> str:
    """The whole page."""
    titles = "".join(
        f'<li><a href="#s{number}">{_text(section.title)}</a></li>'
        for number, section in enumerate(document.sections, 1)
    )
    body = "\n".join(
        part for number, section in enumerate(document.sections, 1) for part in _section(section, number)
    )
    return (
        f'<!doctype html>\n<html lang="{current()}"><head><meta charset="utf-8">\n'
        f"<title>{_text(document.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{_text(document.title)}</h1>\n<nav><ol>{titles}</ol></nav>\n{body}\n</body></html>\n"
    )


def _section(section: Section, number: int) -> Iterator[str]:
    yield f'<h2 id="s{number}">{_text(section.title)}</h2>'
    yield from (f"<p>{_text(words)}</p>" for words in section.words)
    if section.facts:
        facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in section.facts)
        yield f"<dl>{facts}</dl>"
    if section.steps:
        yield f"<ol>{''.join(f'<li>{_text(step)}</li>' for step in section.steps)}</ol>"
    for table in section.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{_text(table.title)}</h3>"
    yield f"<table><thead>{_row('th', table.head, ())}</thead><tbody>"
    yield from (_row("td", row, table.code) for row in table.rows)
    yield "</tbody></table>"


def _row(tag: str, cells: Iterable[str], code: tuple[int, ...]) -> str:
    shown = (
        f"<code>{_text(cell)}</code>" if place in code and cell else _text(cell)
        for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in shown)}</tr>"


def _text(value: str) -> str:
    return escape(on_one_line(value))
