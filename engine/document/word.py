"""A document as a Word file. Every text is put in as text, never as a field or markup."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from engine.document.seen import on_one_line
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.document.model import Document, Section, Table

__all__ = ["as_word", "check_word"]

_LATIN, _CHINESE, _FIXED = "Calibri", "微软雅黑", "Consolas"


def check_word() -> None:
    """Say early what is not installed. Raises UsageError."""
    try:
        import docx  # noqa: F401
    except ImportError:
        raise UsageError(
            tr("--format docx needs the package python-docx, which is not installed"),
            hint=tr("install it with: pip install 'integration-engine[word]'"),
        ) from None


def as_word(document: Document) -> bytes:
    """The file's bytes: A4 across, tables whose heads are repeated on each page."""
    check_word()
    import docx

    book = docx.Document()
    _set_up(book, document.title)
    book.add_heading(on_one_line(document.title), level=0)
    for section in document.sections:
        _section(book, section)
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def _set_up(book: Any, title: str) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    page = book.sections[0]
    page.orientation = WD_ORIENT.LANDSCAPE
    page.page_width, page.page_height = Mm(297), Mm(210)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(15)
    style = book.styles["Normal"]
    style.font.name, style.font.size = _LATIN, Pt(10)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _CHINESE)
    book.core_properties.title = on_one_line(title)[:255]
    book.core_properties.author = ""
    book.core_properties.comments = ""


def _section(book: Any, section: Section) -> None:
    book.add_heading(on_one_line(section.title), level=1)
    for words in section.words:
        book.add_paragraph(on_one_line(words))
    for name, value in section.facts:
        line = book.add_paragraph(style="List Bullet")
        line.add_run(tr("{name}: {value}", name=on_one_line(name), value="")).bold = True
        line.add_run(on_one_line(value))
    for number, step in enumerate(section.steps, 1):
        book.add_paragraph(f"{number}. {on_one_line(step)}")
    for table in section.tables:
        _table(book, table)


def _table(book: Any, table: Table) -> None:
    if table.title:
        book.add_heading(on_one_line(table.title), level=2)
    grid = book.add_table(rows=0, cols=len(table.head), style="Table Grid")
    _row(grid, table.head, (), head=True)
    for row in table.rows:
        _row(grid, row, table.code)
    book.add_paragraph()


def _row(grid: Any, cells: tuple[str, ...], code: tuple[int, ...], *, head: bool = False) -> None:
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    row = grid.add_row()
    for place, (cell, text) in enumerate(zip(row.cells, cells, strict=True)):
        run = cell.paragraphs[0].add_run(on_one_line(text))
        run.font.size = Pt(9)
        run.bold = head
        if place in code:
            run.font.name = _FIXED
    if head:
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
