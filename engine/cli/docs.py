"""engine docs: the interface design document of a scheme, as Markdown, HTML or Word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.context import Common, common_options, emit
from engine.errors import UsageError
from engine.language import speaking, tr

if TYPE_CHECKING:
    from engine.connector.environments import Environment
    from engine.document.model import Document

__all__ = ["docs"]

_SUFFIXES = {".md": "md", ".html": "html", ".htm": "html", ".docx": "docx"}


@click.command(help=tr("Write the interface design document of a scheme."))
@click.argument("scheme")
@click.option(
    "--format",
    "style",
    type=click.Choice(["md", "html", "docx"]),
    help=tr("Markdown, one HTML page, or Word; by default what FILE ends in, else Markdown."),
)
@click.option("--out", metavar="FILE", help=tr("Where to; standard output by default."))
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), help=tr("The document's language; yours by default.")
)
@common_options
def docs(common: Common, scheme: str, style: str | None, out: str | None, lang: str | None) -> int:
    """Write a scheme's document."""
    style = style or _SUFFIXES.get(Path(out or "").suffix.lower(), "md")
    if style == "docx":
        _check_word(out, common)
    environment = common.environment()
    with speaking(lang):
        document = _document(scheme, environment)
        if out is not None:
            _write(Path(out), _bytes_of(document, style))
        elif not common.json:
            click.echo(_text_of(document, style), nl=False)
    if common.json:
        emit({"scheme": scheme, "format": style, "file": out, "document": document.as_json()})
    elif out is not None:
        click.echo(tr("the document is {file}", file=out))
    return 0


def _document(name: str, environment: Environment) -> Document:
    from engine.connector.registry import catalog
    from engine.document.design import document_of
    from engine.run.setup import checked_scheme
    from engine.scheme.load import find_beside
    from engine.scheme.reach import Reach

    scheme = checked_scheme(name, environment)
    told = dict.fromkeys(find_beside(callback.scheme, scheme.file.parent) for callback in scheme.callbacks)
    called = [checked_scheme(str(path), environment) for path in told if path is not None]
    return document_of(scheme, Reach(catalog, environment), called)


def _check_word(out: str | None, common: Common) -> None:
    from engine.document.word import check_word

    if out is None and not common.json:
        raise UsageError(tr("a Word document needs a file"), hint=tr("add --out FILE.docx"))
    check_word()


def _bytes_of(document: Document, style: str) -> bytes:
    if style == "docx":
        from engine.document.word import as_word

        return as_word(document)
    return _text_of(document, style).encode()


def _text_of(document: Document, style: str) -> str:
    if style == "html":
        from engine.document.html import as_html

        return as_html(document)
    from engine.document.md import as_markdown

    return as_markdown(document)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(tr("'{file}' cannot be written: {reason}", file=file, reason=reason)) from None
