"""A document as one HTML page that needs nothing else and prints well. All texts are strangers': escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from engine.document.seen import on_one_line
from engine.language import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.document.model import Document, Section

__all__ = ["as_html", "html_page", "html_table", "html_text"]

_STYLE = """
body{font:14px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:75rem;
padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin-bottom:1rem}td,th{border:1px solid #ddd;padding:.3rem .5rem;
text-align:left;vertical-align:top}td{overflow-wrap:anywhere}th{background:#f6f6f6;white-space:nowrap}
code,pre{font:12px/1.5 ui-monospace,monospace}nav ol{columns:2}
pre{background:#f6f6f6;padding:.8rem;overflow:auto}.bad{color:#b00}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#666}dd{margin:0}
@page{size:A4 landscape;margin:12mm}
@media print{body{margin:0;max-width:none;font-size:10pt}thead{display:table-header-group}
tr{break-inside:avoid}h2,h3{break-after:avoid}nav{display:none}}
"""


def as_html(document: Document) -> str:
    """The whole page."""
    titles = "".join(
        f'<li><a href="#s{number}">{html_text(section.title)}</a></li>'
        for number, section in enumerate(document.sections, 1)
    )
    body = "\n".join(
        part for number, section in enumerate(document.sections, 1) for part in _section(section, number)
    )
    return html_page(
        document.title,
        f"<h1>{html_text(document.title)}</h1>\n<nav><ol>{titles}</ol></nav>\n{body}",
    )


def html_page(title: str, body: str) -> str:
    """A page around a body that is HTML already."""
    return (
        f'<!doctype html>\n<html lang="{current()}"><head><meta charset="utf-8">\n'
        f"<title>{html_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _section(section: Section, number: int) -> Iterator[str]:
    yield f'<h2 id="s{number}">{html_text(section.title)}</h2>'
    yield from (f"<p>{html_text(words)}</p>" for words in section.words)
    if section.facts:
        facts = "".join(
            f"<dt>{html_text(name)}</dt><dd>{html_text(value)}</dd>" for name, value in section.facts
        )
        yield f"<dl>{facts}</dl>"
    if section.steps:
        yield f"<ol>{''.join(f'<li>{html_text(step)}</li>' for step in section.steps)}</ol>"
    for table in section.tables:
        if table.title:
            yield f"<h3>{html_text(table.title)}</h3>"
        yield html_table(table.head, table.rows, table.code)


def html_table(head: Iterable[str], rows: Iterable[Iterable[str]], code: tuple[int, ...] = ()) -> str:
    """A table of texts; `code` are the columns of names, paths and templates."""
    lines = "\n".join(_row("td", row, code) for row in rows)
    return f"<table><thead>{_row('th', head, ())}</thead><tbody>\n{lines}\n</tbody></table>"


def _row(tag: str, cells: Iterable[str], code: tuple[int, ...]) -> str:
    shown = (
        f"<code>{html_text(cell)}</code>" if place in code and cell else html_text(cell)
        for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in shown)}</tr>"


def html_text(value: str) -> str:
    """A text on one line, escaped."""
    return escape(on_one_line(value))
