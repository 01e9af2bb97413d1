"""Tables inside texts: rows of cells between bars or semicolons, under a line of headers.

Owns `TextTables`. `BED|NAME|MRN|RN` says what the cells below are; a cell alone would not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from appliance.records import Span
from appliance.redact.detect.lexicon import fold
from appliance.redact.detect.names_cues import word_set
from appliance.redact.detect.weeds import NOBODY
from appliance.redact.headers import read_header

#: Headers of wards and laboratories that a table of a database does not have.
_WARD = {
    "PERSON": word_set(
        """rn, md, nurse, provider, doctor, physician, attending, resident, pcp, tech, init, inits,
        initials, by, sig, signature, sitter, np, pa, pt, patient, caller, staff, given by,
        called to, taken by, called by, read by, drawn by, entered by, seen by, informant,
        contact, interpreter, driver, escort"""
    ),
    "LOCATION": word_set("bed, rm, room, loc, unit, bay, rm/bed, room/bed"),
    "ID_NUMBER": word_set(
        "lot, acc, acc#, accession, specimen, mrn, fin, csn, har, serial, id, id#"
    ),
    "DATE_TIME": word_set("date, dob, due, admit, adm"),
    "AGE": word_set("age, a/s, age/sex, age/s"),
    "PHONE_NUMBER": word_set("phone, ph, ext, pager, pgr, cell, fax, callback, call back"),
}
#: Headers that say that a line is one, and nothing of a person.
_PLAIN = word_set(
    """cc, complaint, comment, comments, note, notes, time, result, test, dose, drug, site, route,
    status, dx, plan, qty, item, value, units, range, flag, readback, rb, vaccine, med, reason,
    action, event, type, sex, m/f, hr, bp, rr, temp, spo2"""
)
_LINE = re.compile(r"(?m)^[^\n]*?(?:\|[^\n|]*\||;[^\n;]*;|\t[^\n\t]*\t)[^\n]*$")
_CELL = {c: re.compile(rf"[^{c}\n]*") for c in ("|", ";", "\t")}
_NOTHING = word_set("y, n, yes, no, na, n/a, none, nil, unk, unknown, self, see, per, pending, tbd")
_AGE = re.compile(r"(?P<v>\d{1,3})(?=[ ]?(?:y(?:o|rs?|/o)?|mo?|d|wk?s?|[MFmf])?\b)")
_LETTER = re.compile(r"[^\W\d_]")
_LONGEST = 40


class TextTables:
    """Finds the cells of tables in texts."""

    def find(self, text: str) -> Iterable[Span]:
        """Yield the cells that a header calls personal; they may overlap."""
        columns: list[str | None] = []
        separator = ""
        end = -2
        for line in _LINE.finditer(text):
            joined = line.start() <= end + 1
            if columns and joined and text.count(separator, *line.span()) >= len(columns) - 2:
                for kind, cell in zip(columns, _cells(text, line, separator), strict=False):
                    yield from _found(text, kind, *cell)
                end = line.end()
                continue
            separator = max("|;\t", key=lambda c: text.count(c, *line.span()))
            columns = _headers([text[a:b] for a, b in _cells(text, line, separator)])
            end = line.end()


def _cells(text: str, line: re.Match[str], separator: str) -> Iterator[tuple[int, int]]:
    """Return where the cells of a line are, without the spaces around them."""
    start, end = line.span()
    if text[start] == separator == "|":
        start += 1
    while start <= end:
        match = _CELL[separator].match(text, start, end)
        last = end if match is None else match.end()
        value = text[start:last]
        first = start + len(value) - len(value.lstrip())
        yield first, max(first, start + len(value.rstrip()))
        start = last + 1


def _headers(cells: list[str]) -> list[str | None]:
    """Return what each column holds, or nothing when the line is no header."""
    kinds: list[str | None] = []
    known = 0
    for cell in cells:
        kind, sure = _header(cell)
        kinds.append(kind)
        known += sure
    enough = known >= 3 or (known >= 2 and len(cells) <= 3)
    return kinds if enough and 2 * known >= len(cells) and any(kinds) else []


def _header(cell: str) -> tuple[str | None, bool]:
    folded = fold(cell).strip(" .:*_#")
    if not folded or len(folded) > _LONGEST or any(c.isdigit() for c in folded):
        return None, False
    for kind, words in _WARD.items():
        if folded in words:
            return kind, True
    if folded in _PLAIN:
        return None, True
    reading = next((r for r in read_header(cell) if r.whole), None)
    if reading is None:
        return None, False
    return (reading.entity_type if reading.meaning == "personal" else None), True


def _found(text: str, kind: str | None, start: int, end: int) -> Iterable[Span]:
    value = text[start:end]
    if kind is None or not value or len(value) > _LONGEST or fold(value) in _NOTHING:
        return
    if kind == "AGE":
        match = _AGE.match(text, start, end)
        if match is None:
            return
        end = match.end()
    elif kind == "PERSON":
        if not _LETTER.search(value) or fold(value) in NOBODY or len(value.split()) > 5:
            return
    elif kind != "LOCATION" and not any(c.isdigit() for c in value):
        return
    yield Span(start=start, end=end, entity_type=kind, score=0.6, source="text_table")
