"""One record's explanation as one HTML page that needs nothing else. All texts are strangers': escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from engine import jsontext
from engine.cli.context import plain
from engine.cli.explain import origin_text, value_text
from engine.language import current, tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.run.explaining import Explained
    from engine.run.preview import Previewed
    from engine.scheme.model import Scheme

__all__ = ["page_of"]

_STYLE = """
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #ddd;padding:.3rem .5rem;text-align:left;
vertical-align:top}th{background:#f6f6f6}code,pre{font:12px/1.5 ui-monospace,monospace}
pre{background:#f6f6f6;padding:.8rem;overflow:auto}.no{color:#999}.bad{color:#b00}
@media print{body{margin:0;max-width:none}}
"""


def page_of(scheme: Scheme, shown: Previewed, found: Explained) -> str:
    """The whole page."""
    name = shown.number or shown.id
    title = f"{scheme.name} · {name}"
    parts = [
        f"<h1>{_text(title)}</h1>",
        f"<p>{_text(str(scheme.file))} · {_text(shown.outcome)}{_reason(shown)}</p>",
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
        f"<h2>{_text(tr('document'))}</h2>",
        _table(
            (tr("line"), tr("field"), tr("label"), tr("value"), tr("from"), tr("scheme")),
            (
                (one.position.line, one.field, one.label or "", value_text(one), origin_text(one), one.source)
                for one in found.fields
            ),
        ),
    ]
    if found.problem is not None:
        parts.append(f'<p class="bad">{_text(found.problem.message)}</p>')
    parts += [
        f"<h2>{_text(tr('record'))}</h2>",
        f"<pre>{_text(jsontext.dumps(dict(shown.record)))}</pre>",
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{current()}"><head><meta charset="utf-8">\n'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _reason(shown: Previewed) -> str:
    return f" · {_text(shown.reason)}" if shown.reason else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    first = "".join(f"<th>{_text(each)}</th>" for each in head)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{_text('' if cell is None else str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{first}</tr></thead><tbody>\n{lines}\n</tbody></table>"


def _text(text: str) -> str:
    return escape(plain(text))
