"""The report as an A4 PDF, from the same parts as the page: for archives and for signing by hand.

Made by fpdf2 with the fonts that come with matplotlib: no system library, no network. Text is
text, drawings carry their alternative texts, headings make the outline.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace
from typing_extensions import override

from appliance.evidence import Report
from appliance.report import blocks, plots
from appliance.report.document import document
from appliance.report.words import Words

_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_INK, _QUIET, _LINE, _BLUE = (28, 39, 51), (82, 96, 109), (207, 215, 223), (31, 85, 130)
_TONES = {"good": (29, 91, 67), "bad": (143, 36, 25), "note": _INK}
_MARGIN = 17.0
_WIDTH = 210.0 - 2 * _MARGIN
_DPI = 170
_MAX_SHARE = 0.5
#: Room a heading or a caption needs beneath it, millimetres: the beginning of what it heads.
_HEADED, _CAPTIONED = 62.0, 44.0
#: Tables of so many rows stay on one page; what a row and the rest of a table take, millimetres.
_SHORT, _ROW, _REST = 14, 6.4, 16.0
#: Room of a column of numbers, millimetres, that a name in it may not exceed.
_NUMBER = 20.0
#: Sections that begin a page: they must not be overlooked.
_OWN_PAGE = frozenset({"untested"})


class _Pages(FPDF):
    """A4 pages with a running footer."""

    def __init__(self, footer: str, page: str) -> None:
        super().__init__(format="A4")
        self._footer, self._page = footer, page

    @override
    def footer(self) -> None:
        """Print run and page number."""
        self.set_y(-13)
        self.set_font("body", size=7.5)
        self.set_text_color(*_QUIET)
        self.cell(_WIDTH / 2, 5, self._footer)
        self.cell(_WIDTH / 2, 5, f"{self._page} {self.page_no()}", align="R")


def render_pdf(report: Report, *, language: str = "en", organisation: str = "") -> bytes:
    """Return the report as a PDF.

    Args:
        report: the run's report, released or refused, whole or stopped early.
        language: "en" or "pt-BR".
        organisation: name printed at the top; may be empty.

    Guarantees:
        It says what the HTML page says: both are laid out from the same parts.
    """
    page = document(report, language=language, organisation=organisation)
    words = Words.load(language)
    pdf = _Pages(f"{page.title} · {report.run.id}", words.say("page"))
    _set_up(pdf, page, report)
    pdf.add_page()
    _title(pdf, page)
    for number, level in enumerate(page.levels):
        if number:
            pdf.add_page()
        _level(pdf, level)
    pdf.ln(4)
    for line in page.footer:
        _text(pdf, line, size=7.5, colour=_QUIET)
    return bytes(pdf.output())


def _set_up(pdf: FPDF, page: blocks.Document, report: Report) -> None:
    pdf.set_margins(_MARGIN, 16, _MARGIN)
    pdf.set_auto_page_break(auto=True, margin=18)
    pdf.add_font("body", "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font("body", "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_lang(page.language)
    pdf.set_title(f"{page.title} · {report.run.id}")
    when = datetime.fromisoformat(report.run.finished or report.run.started)
    pdf.set_creation_date(when.astimezone(UTC))


def _title(pdf: FPDF, page: blocks.Document) -> None:
    if page.organisation:
        _text(pdf, page.organisation, size=9.5, colour=_QUIET, bold=True)
    _text(pdf, page.title, size=19, bold=True)
    _text(pdf, page.subtitle, size=8.5, colour=_QUIET)
    pdf.ln(3)
    top = pdf.get_y()
    pdf.set_left_margin(_MARGIN + 6)
    pdf.set_y(top + 2)
    _text(pdf, page.verdict, size=15, bold=True, colour=_TONES[page.tone])
    _text(pdf, page.summary)
    for number, reason in enumerate(page.reasons, start=1):
        _text(pdf, f"{number}. {reason.text} [{reason.code}]")
    if page.people:
        _text(pdf, page.people_title, bold=True)
    for line in page.people:
        _text(pdf, f"• {line}")
    pdf.set_left_margin(_MARGIN)
    bottom = pdf.get_y() + 2
    if bottom > top:  # a list of reasons may have run onto another page
        pdf.set_fill_color(*_TONES[page.tone])
        pdf.rect(_MARGIN, top, 1.8, bottom - top, style="F")
        pdf.set_fill_color(255)
    pdf.set_y(bottom + 3)


def _level(pdf: FPDF, level: blocks.Level) -> None:
    pdf.start_section(level.title, level=0)
    pdf.set_draw_color(*_INK)
    pdf.set_line_width(0.6)
    pdf.line(_MARGIN, pdf.get_y(), _MARGIN + _WIDTH, pdf.get_y())
    pdf.ln(3)
    _text(pdf, level.title, size=14, bold=True)
    _text(pdf, level.reader, colour=_QUIET)
    for section in level.sections:
        if section.anchor in _OWN_PAGE or pdf.will_page_break(_beginning(section)):
            pdf.add_page()
        pdf.ln(4)
        pdf.start_section(section.title, level=1)
        _text(pdf, section.title, size=11, bold=True, colour=_BLUE)
        for block in section.blocks:
            _block(pdf, block)


def _beginning(section: blocks.Section) -> float:
    """Return the millimetres of a heading with what must stand under it on the same page."""
    room = 12.0
    for block in section.blocks:
        if isinstance(block, blocks.Table) and len(block.rows) <= _SHORT:
            return room + _REST + _ROW * len(block.rows)
        if not isinstance(block, blocks.Paragraph):
            break
        room += 10.0
    return max(room, _HEADED)


def _block(pdf: FPDF, block: blocks.Block) -> None:
    match block:
        case blocks.Paragraph():
            _text(pdf, block.text)
        case blocks.Bullets():
            for item in block.items:
                _text(pdf, f"•  {item}")
        case blocks.KeyFigures():
            _key_figures(pdf, block)
        case blocks.Table():
            _table(pdf, block)
        case blocks.Figure():
            _figure(pdf, block)


def _key_figures(pdf: FPDF, block: blocks.KeyFigures) -> None:
    rows = (
        tuple(item.label for item in block.items),
        tuple(item.value for item in block.items),
        tuple(item.note for item in block.items),
    )
    faces = (
        FontFace(size_pt=7.5, color=_QUIET),
        FontFace(size_pt=15, emphasis="BOLD", color=_INK),
        FontFace(size_pt=7.5, color=_QUIET),
    )
    pdf.ln(1)
    pdf.set_font("body", size=8)
    with pdf.table(
        borders_layout=TableBordersLayout.NONE,
        first_row_as_headings=False,
        line_height=4.2,
        text_align="LEFT",
        padding=(0.6, 2, 0.6, 0),
    ) as table:
        for row, face in zip(rows, faces, strict=True):
            table.row(row, style=face)
    pdf.ln(2)


def _table(pdf: FPDF, block: blocks.Table) -> None:
    short = len(block.rows) <= _SHORT
    if pdf.will_page_break(_REST + _ROW * len(block.rows) if short else _CAPTIONED):
        pdf.add_page()
    pdf.ln(1.5)
    _text(pdf, block.caption, size=8.5, bold=True)
    pdf.set_font("body", size=7.5)
    pdf.set_text_color(*_INK)
    pdf.set_draw_color(*_LINE)
    pdf.set_line_width(0.2)
    aligned = tuple("RIGHT" if n in block.numeric else "LEFT" for n in range(len(block.head)))
    with pdf.table(
        col_widths=_widths(pdf, block),
        text_align=aligned,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", color=_INK),
        v_align="TOP",
        line_height=3.9,
        padding=(0.9, 1.6, 0.9, 0),
        width=_WIDTH,
        align="LEFT",
    ) as table:
        table.row([_cell(head) for head in block.head])
        for number, row in enumerate(block.rows):
            failed = number in block.failed
            face = FontFace(emphasis="BOLD", color=_TONES["bad"]) if failed else None
            table.row([_cell(cell) for cell in row], style=face)
    if block.note:
        _text(pdf, block.note, size=7.5, colour=_QUIET)
    pdf.ln(1.5)


def _cell(cell: blocks.Cell) -> str:
    return blocks.bound(cell if isinstance(cell, str) else f"{cell.text}\n{cell.code}")


def _widths(pdf: FPDF, block: blocks.Table) -> tuple[float, ...]:
    """Share the page among columns by their longest line.

    Every column first gets its longest word (an outcome its longest line), so that none is split
    but names among numbers; what is left goes to the columns whose lines would still break.
    """
    least: list[float] = []
    wanted: list[float] = []
    most = _MAX_SHARE * _WIDTH
    for number, head in enumerate(block.head):
        cells = [_cell(head), *(_cell(row[number]) for row in block.rows)]
        lines = [1.1 * pdf.get_string_width(line) for cell in cells for line in cell.split("\n")]
        spans = [1.1 * pdf.get_string_width(word) for cell in cells for word in cell.split()]
        whole = number == block.outcome
        cap = _NUMBER if number in block.numeric else most
        least.append(min(max(lines if whole else spans, default=0.0), cap) + 4)
        wanted.append(min(max(lines), most) + 4)
    spare = _WIDTH - sum(least)
    longing = sum(w - n for w, n in zip(wanted, least, strict=True))
    share = max(0.0, spare) / longing if longing > 0 else 0.0
    return tuple(n + share * (w - n) for w, n in zip(wanted, least, strict=True))


def _figure(pdf: FPDF, block: blocks.Figure) -> None:
    sink = io.BytesIO()
    drawing = plots.styled(block.draw)
    drawing.savefig(sink, format="png", dpi=_DPI, metadata={"Software": None})
    wide, high = drawing.get_size_inches()
    width = min(_WIDTH, 138.0)
    if pdf.will_page_break(width * high / wide + 12):
        pdf.add_page()
    pdf.ln(2)
    pdf.image(sink, x=_MARGIN, w=width, alt_text=block.alt, title=block.caption)
    _text(pdf, block.caption, size=7.5, colour=_QUIET)
    pdf.ln(1)


def _text(
    pdf: FPDF,
    text: str,
    *,
    size: float = 8.8,
    bold: bool = False,
    colour: tuple[int, int, int] = _INK,
) -> None:
    pdf.set_font("body", "B" if bold else "", size)
    pdf.set_text_color(*colour)
    height = size * 0.3528 * 1.38  # points to millimetres, then leading
    pdf.multi_cell(0, height, blocks.bound(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(0.9)
