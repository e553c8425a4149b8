"""One record's explanation as one HTML page that needs nothing else. All texts are strangers': escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.cli.context import plain
from engine.cli.explain import origin_text, value_text
from engine.document.html import html_page, html_table, html_text
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.run.explaining import Explained
    from engine.run.preview import Previewed
    from engine.scheme.model import Scheme

__all__ = ["page_of"]


def page_of(scheme: Scheme, shown: Previewed, found: Explained) -> str:
    """The whole page."""
    name = shown.number or shown.id
    title = f"{scheme.name} · {name}"
    parts = [
        f"<h1>{html_text(title)}</h1>",
        f"<p>{html_text(str(scheme.file))} · {html_text(shown.outcome)}{_reason(shown)}</p>",
        _table(
            (tr("line"), tr("condition"), tr("template"), tr("answer")),
            (
                (
                    each.line,
                    each.name,
                    each.text,
                    {True: tr("yes"), False: tr("no"), None: each.problem}[each.holds],
                )
                for each in found.conditions
            ),
        ),
        f"<h2>{html_text(tr('document'))}</h2>",
        _table(
            (tr("line"), tr("field"), tr("label"), tr("value"), tr("from"), tr("scheme")),
            (
                (
                    one.position.line,
                    one.field,
                    one.label or "",
                    value_text(one),
                    origin_text(one),
                    one.source,
                )
                for one in found.fields
            ),
        ),
    ]
    if found.problem is not None:
        parts.append(f'<p class="bad">{html_text(found.problem.message)}</p>')
    parts += [
        f"<h2>{html_text(tr('record'))}</h2>",
        f"<pre>{escape(plain(jsontext.dumps(dict(shown.record))))}</pre>",
    ]
    return html_page(title, "\n".join(parts))


def _reason(shown: Previewed) -> str:
    return f" · {html_text(shown.reason)}" if shown.reason else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    return html_table(head, (["" if cell is None else str(cell) for cell in row] for row in rows))
