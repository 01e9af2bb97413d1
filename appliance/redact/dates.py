"""Dates in text: read them in many layouts, move them, or keep their year alone.

Owns the layouts. Refuses to guess: a date expression it cannot read whole gives None, and the
operator then removes it. A moved date keeps layout, language, letter case, padding and weekday, and
two dates of one person keep their distance in days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from appliance.redact.calendar_words import (
    MONTH_INDEX,
    MONTH_WORDS,
    MONTHS,
    WEEKDAY_INDEX,
    WEEKDAY_WORDS,
    WEEKDAYS,
    same_form,
)

_WEEKDAY = rf"(?:\b(?P<wd>{WEEKDAY_WORDS})\b\.?,?\s+)?"
_DAY = r"(?<![\d/.\-])(?P<d>\d{1,2})(?:(?P<o>st|nd|rd|th|º|°|ª|er)\b|(?P<p>\.))?"
_MONTH = rf"(?<![^\W\d_])(?P<mon>{MONTH_WORDS})(?![^\W\d_])\.?"
_YEAR = r"(?P<y>\d{4}|['’]?\d{2})(?![\d:h])"
_OF = r"[\s,./\-]*(?:\b(?:de|del|of|d')(?:\s+|(?<=')))?"
#: Between the two days of a range.
_TO = r"\s?(?:[-–—&]|\b(?:to|and|until|till|through|thru|a|e|y|al|bis|und|et|au)\b)\s?"
_MARK = r"(?:st|nd|rd|th|º|°|ª|er)\b|\."
_FROM_DAY = rf"(?<![\d/.\-])(?P<e>\d{{1,2}})(?P<eo>{_MARK})?{_TO}"
_RANGE_DAY = rf"(?P<d>\d{{1,2}})(?P<o>{_MARK})?"
_TO_DAY = rf"{_TO}(?P<e>\d{{1,2}})(?P<eo>{_MARK})?"

#: Layouts from most to least telling; the first that matches a place wins it.
_LAYOUTS = tuple(
    re.compile(layout, re.IGNORECASE)
    for layout in (
        r"(?<!\d)(?P<y>\d{4})\s?(?P<s>[\-/.])\s?(?P<m>\d{1,2})\s?(?P=s)\s?(?P<d>\d{1,2})(?!\d)",
        _WEEKDAY
        + r"(?<![\d/])(?P<a>\d{1,2})\s?(?P<s>[\-/.])\s?(?P<b>\d{1,2})\s?(?P=s)\s?"
        + r"(?P<y>\d{4}|\d{2})(?![\d/])",
        r"(?<!\d)(?P<y>(?:18|19|20)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d)",
        r"(?<!\d)(?P<a>\d\d)(?P<b>\d\d)(?P<y>(?:18|19|20)\d\d)(?!\d)",
        # Two days of one month: "3-5 May 2020", "3 a 5 de maio", "May 3 to 5, 2020".
        _FROM_DAY + _RANGE_DAY + _OF + _MONTH + _OF + _YEAR,
        _MONTH + r"[\s\-/]*" + _RANGE_DAY + _TO_DAY + r",?[\s\-/]*" + _YEAR,
        _FROM_DAY + _RANGE_DAY + _OF + _MONTH + r"(?!,?\s*\d{4})",
        _MONTH + r"[\s\-/]*" + _RANGE_DAY + _TO_DAY + r"(?![\d:]|,?\s*\d{4})",
        _WEEKDAY + _DAY + _OF + _MONTH + _OF + _YEAR,
        _WEEKDAY + _MONTH + r"[\s\-/]*" + _DAY + r",?[\s\-/]*" + _YEAR,
        r"(?<!\d)(?P<y>\d{4})[\s\-/,]+" + _MONTH + r"[\s\-/]*" + _DAY + r"(?!\d)",
        _MONTH + _OF + r"(?P<y>\d{4}|['’]\d{2})(?!\d)",
        r"(?<!\d)(?P<y>\d{4})[\s\-/,]+" + _MONTH,
        _WEEKDAY + _DAY + _OF + _MONTH,
        _WEEKDAY + _MONTH + r"[\s\-/]*" + _DAY + r"(?![\d:])",
        r"(?<![\d/.\-])(?P<m>\d{1,2})\s?[\-/.]\s?(?P<y>\d{4})(?!\d)",
        r"(?<!\d)(?P<y>\d{4})\s?[\-/]\s?(?P<m>\d{1,2})(?![\d/\-])",
        _WEEKDAY + r"(?<![\d/.\-])(?P<a>\d{1,2})\s?(?P<s>[\-/.])\s?(?P<b>\d{1,2})(?![\d/])",
        r"(?<![\d/.\-:])(?P<y>(?:1[89]|20)\d\d)(?![\d/:])",
        _MONTH,
        rf"\b(?P<wd>{WEEKDAY_WORDS})\b",
    )
)
#: What may stand beside dates in one expression and says nothing about the person.
_BESIDE = re.compile(
    r"(?:[\s,;:.()\[\]/|–—\-]+|\d{1,2}\s?[:h]\s?\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?h(?:rs?)?)?"
    r"|[ap]\.?m\b\.?|\bt(?=\d)|z\b|utc|gmt|[+\-]\d{2}:?\d{2}"
    r"|\b(?:to|of|on|at|and|the|from|in|since|until|till|through|thru|between|or|early|mid|late"
    r"|dob|admitted|a|à|às|as|ao|até|de|do|del|da|des?|du|dia|em|e|y|el|al|desde|hasta|bis|vom"
    r"|am|um|und|von|le|au|et|les?)\b)+",
    re.IGNORECASE,
)
#: A date whose year is not written is read in this year's calendar unless the record says another.
_LEAP_YEAR = 2000
#: What `year_only` writes for years that reveal an age over 89.
_BOUND = re.compile(r"before \d{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How ambiguous dates are read.

    Attributes:
        language: language of month names that exist in several.
        day_first: 3/4 is the third of April.
        reference_year: the year two-digit years and missing years are read against.
    """

    language: str
    day_first: bool
    reference_year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One date within an expression."""

    match: re.Match[str] = field(repr=False)
    year: int | None = field(repr=False)
    month: int | None = field(repr=False)
    day: int | None = field(repr=False)
    month_group: str | None
    day_group: str | None


def shift(value: str, days: int, reading: Reading) -> str | None:
    """Move every date of an expression by the same number of days.

    Args:
        value: a detected date expression, e.g. "19 Sep 2014" or "from 1/3 to 1/9".
        days: how far; the same for all dates of one person.
        reading: how ambiguous dates are read.

    Returns:
        The expression with its layout kept, or None when a part of it cannot be read.

    Guarantees:
        Whole dates move by exactly `days`: intervals between them stay. Dates without a day move
        as their middle does, so their order stays but their distance is approximate.
    """
    pieces = _pieces(value, reading)
    if not pieces:
        return None
    moved = value
    for piece in reversed(pieces):
        text = _moved(piece, days, reading)
        if text is None:
            return None
        moved = moved[: piece.match.start()] + text + moved[piece.match.end() :]
    return moved


def years(value: str, reading: Reading) -> list[int] | None:
    """Return the distinct years of an expression in order; None when it cannot be read whole."""
    pieces = _pieces(value, reading)
    if not pieces:
        return None
    return list(dict.fromkeys(p.year for p in pieces if p.year is not None))


def year_only(value: str, reading: Reading) -> str | None:
    """Reduce a date expression to its year, and years that reveal an age over 89 to a bound.

    Returns:
        "2014", "2014-2015" for a range, "before 1937", or None when no year can be read.

    Guarantees:
        Idempotent. No month, day or weekday is left.

    Reference:
        45 CFR 164.514(b)(2)(i)(C).
    """
    if _BOUND.fullmatch(value):
        return value
    found = years(value, reading)
    if not found:
        return None
    oldest = reading.reference_year - 89
    return "-".join(dict.fromkeys(f"before {oldest}" if y < oldest else str(y) for y in found))


def is_day_first(values: list[str], *, default: bool) -> bool:
    """Decide from dates that can be read in one way only whether the day is written first."""
    day_first = month_first = 0
    for value in values:
        for a, b in re.findall(r"(?<![\d/.\-])(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{2,4}", value):
            day_first += int(a) > 12 >= int(b)
            month_first += int(b) > 12 >= int(a)
    if day_first == month_first:
        return default
    return day_first > month_first


def _pieces(value: str, reading: Reading) -> list[_Piece] | None:
    """Read all dates of an expression; None when anything in it is not understood."""
    rest = value
    found: list[_Piece] = []
    for layout in _LAYOUTS:
        for match in layout.finditer(rest):
            piece = _read(match, reading)
            if piece is None:
                return None
            found.append(piece)
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    if not found or (rest.strip() and not _BESIDE.fullmatch(rest)):
        return None
    return sorted(found, key=lambda p: p.match.start())


def _read(match: re.Match[str], reading: Reading) -> _Piece | None:
    groups = match.groupdict()
    month_group, day_group = _order(groups, reading)
    month: int | None = None
    if groups.get("mon"):
        month_group = "mon"
        readings = MONTH_INDEX[groups["mon"].casefold()]
        month = next((r for r in readings if r[0] == reading.language), readings[0])[1] + 1
    elif month_group:
        month = int(groups[month_group])
    day = int(groups[day_group]) if day_group else None
    year = _full_year(groups["y"], reading) if groups.get("y") else None
    if month is not None and not 1 <= month <= 12:
        return None
    if day is not None and _calendar(year, month, day, reading) is None:
        return None
    if groups.get("e") and not _is_range(groups, year, month, day, reading, match):
        return None
    return _Piece(
        match=match,
        year=year,
        month=month,
        day=day,
        month_group=month_group,
        day_group=day_group,
    )


def _is_range(
    groups: dict[str, str | None],
    year: int | None,
    month: int | None,
    day: int | None,
    reading: Reading,
    match: re.Match[str],
) -> bool:
    """Tell whether the two days of a range follow each other in one month."""
    other = int(groups["e"] or 0)
    if day is None or not 1 <= other <= 31 or _calendar(year, month, other, reading) is None:
        return False
    return other < day if match.start("e") < match.start("d") else day < other


def _order(groups: dict[str, str | None], reading: Reading) -> tuple[str | None, str | None]:
    """Return which groups hold the month and the day."""
    first, second = groups.get("a"), groups.get("b")
    if first is None or second is None:
        return ("m" if groups.get("m") else None, "d" if groups.get("d") else None)
    day_first = reading.day_first or groups.get("s") == "."
    if int(first) > 12:
        day_first = True
    elif int(second) > 12:
        day_first = False
    return ("b", "a") if day_first else ("a", "b")


def _full_year(text: str, reading: Reading) -> int:
    """Return the year meant: two digits lie in the hundred years up to next year."""
    digits = text.lstrip("'’")
    if len(digits) == 4:
        return int(digits)
    century = (reading.reference_year + 1) // 100 * 100
    year = century + int(digits)
    return year if year <= reading.reference_year + 1 else year - 100


def _calendar(year: int | None, month: int | None, day: int, reading: Reading) -> date | None:
    for candidate in (year,) if year is not None else (reading.reference_year, _LEAP_YEAR):
        try:
            return date(candidate, month or 1, day)
        except ValueError:
            continue
    return None


def _moved(piece: _Piece, days: int, reading: Reading) -> str | None:
    """Write one date, moved, in its own layout."""
    match = piece.match
    if piece.month is None and piece.year is None:
        return _moved_weekday(match, days)
    middle = _calendar(piece.year, piece.month or 7, piece.day or 15, reading)
    if middle is None:
        return None
    try:
        target = middle + timedelta(days=days)
    except OverflowError:
        return None
    new: dict[str, str] = {}
    padded = _is_padded(piece)
    if piece.day_group:
        new[piece.day_group] = f"{target.day:02d}" if padded else str(target.day)
    if piece.month_group == "mon":
        new["mon"] = same_form(
            match["mon"], target.month - 1, reading.language, MONTH_INDEX, MONTHS
        )
    elif piece.month_group:
        new[piece.month_group] = f"{target.month:02d}" if padded else str(target.month)
    if piece.year is not None:
        mark = "".join(c for c in match["y"] if not c.isdigit())
        digits = len(match["y"]) - len(mark)
        new["y"] = mark + (f"{target.year:04d}" if digits == 4 else f"{target.year % 100:02d}")
    groups = match.groupdict()
    _move_marks(piece, target, reading, new)
    if groups.get("e"):
        _move_other(piece, middle, target, days, reading, new)
    return _rewritten(match, new)


def _move_marks(piece: _Piece, target: date, reading: Reading, new: dict[str, str]) -> None:
    """Write the weekday and the ordinal mark of a moved date."""
    match, groups = piece.match, piece.match.groupdict()
    if groups.get("wd"):
        new["wd"] = same_form(
            match["wd"], target.weekday(), reading.language, WEEKDAY_INDEX, WEEKDAYS
        )
    if groups.get("o"):
        new["o"] = _ordinal(match["o"], target.day)


def _move_other(
    piece: _Piece,
    middle: date,
    target: date,
    days: int,
    reading: Reading,
    new: dict[str, str],
) -> None:
    """Write the other day of a range; where a month's end comes between, with its month."""
    match = piece.match
    other = middle.replace(day=int(match["e"])) + timedelta(days=days)
    new["e"] = f"{other.day:02d}" if match["e"].startswith("0") else str(other.day)
    if match["eo"]:
        new["eo"] = _ordinal(match["eo"], other.day)
    if (other.year, other.month) == (target.year, target.month):
        return
    word = same_form(match["mon"], other.month - 1, reading.language, MONTH_INDEX, MONTHS)
    mark = new.pop("eo", "")
    year = ""
    if other.year != target.year and piece.year is not None:
        digits = len(match["y"].lstrip("'’"))
        year = str(other.year) if digits == 4 else f"{other.year % 100:02d}"
    if match.start("mon") > match.start("e"):
        new["e"] = " ".join(filter(None, (new["e"] + mark, word, year)))
        new["eo"] = ""
    elif year:
        # "December 30, 2019-January 2, 2020": the first date is the one with its own year.
        new["d"] = f"{new['d']}{new.pop('o', '')}, {target.year}"
        new["o"] = ""
        new["e"] = f"{word} {new['e']}{mark}"
        new["eo"] = ""
        new["y"] = year
    else:
        new["e"] = f"{word} {new['e']}{mark}"
        new["eo"] = ""


def _moved_weekday(match: re.Match[str], days: int) -> str | None:
    """Move a weekday that stands alone; anything else without month and year is not a date."""
    if not match.groupdict().get("wd") or match["wd"] != match[0]:
        return None
    language, position, _ = WEEKDAY_INDEX[match["wd"].casefold()][0]
    return same_form(match["wd"], (position + days) % 7, language, WEEKDAY_INDEX, WEEKDAYS)


def _is_padded(piece: _Piece) -> bool:
    """Tell whether days and months are written with two digits."""
    groups = [g for g in (piece.day_group, piece.month_group) if g and g != "mon"]
    texts = [piece.match[g] for g in groups]
    if any(len(text) == 1 for text in texts):
        return False
    return any(text.startswith("0") for text in texts) or len(texts) == 2


def _ordinal(mark: str, day: int) -> str:
    """Return the ordinal mark of a day in the manner of the one it replaces."""
    if mark.lower() in ("st", "nd", "rd", "th"):
        ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return ending.upper() if mark.isupper() else ending
    if mark == ".":
        return mark
    return mark if day == 1 else ""


def _rewritten(match: re.Match[str], new: dict[str, str]) -> str:
    """Return the match with some groups replaced."""
    text, base = match[0], match.start()
    for group in sorted((g for g in new if match[g] is not None), key=match.start, reverse=True):
        start, end = match.span(group)
        text = text[: start - base] + new[group] + text[end - base :]
    return text
