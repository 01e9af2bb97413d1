"""Names of months and days in the languages of the shipped policies. Data only."""

from __future__ import annotations

import re

#: Language -> twelve tuples of spellings, full name first; abbreviations without their full stop.
MONTHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "en": (
        ("January", "Jan"),
        ("February", "Feb"),
        ("March", "Mar"),
        ("April", "Apr"),
        ("May",),
        ("June", "Jun"),
        ("July", "Jul"),
        ("August", "Aug"),
        ("September", "Sep", "Sept"),
        ("October", "Oct"),
        ("November", "Nov"),
        ("December", "Dec"),
    ),
    "pt": (
        ("janeiro", "jan"),
        ("fevereiro", "fev"),
        ("março", "mar"),
        ("abril", "abr"),
        ("maio", "mai"),
        ("junho", "jun"),
        ("julho", "jul"),
        ("agosto", "ago"),
        ("setembro", "set"),
        ("outubro", "out"),
        ("novembro", "nov"),
        ("dezembro", "dez"),
    ),
    "es": (
        ("enero", "ene"),
        ("febrero", "feb"),
        ("marzo", "mar"),
        ("abril", "abr"),
        ("mayo", "may"),
        ("junio", "jun"),
        ("julio", "jul"),
        ("agosto", "ago"),
        ("septiembre", "sep", "sept", "setiembre"),
        ("octubre", "oct"),
        ("noviembre", "nov"),
        ("diciembre", "dic"),
    ),
    "fr": (
        ("janvier", "janv"),
        ("février", "févr", "fév"),
        ("mars",),
        ("avril", "avr"),
        ("mai",),
        ("juin",),
        ("juillet", "juil"),
        ("août",),
        ("septembre", "sept"),
        ("octobre", "oct"),
        ("novembre", "nov"),
        ("décembre", "déc"),
    ),
    "de": (
        ("Januar", "Jan", "Jänner"),
        ("Februar", "Feb", "Feber"),
        ("März", "Mrz"),
        ("April", "Apr"),
        ("Mai",),
        ("Juni", "Jun"),
        ("Juli", "Jul"),
        ("August", "Aug"),
        ("September", "Sep", "Sept"),
        ("Oktober", "Okt"),
        ("November", "Nov"),
        ("Dezember", "Dez"),
    ),
    "it": (
        ("gennaio", "gen"),
        ("febbraio", "feb"),
        ("marzo", "mar"),
        ("aprile", "apr"),
        ("maggio", "mag"),
        ("giugno", "giu"),
        ("luglio", "lug"),
        ("agosto", "ago"),
        ("settembre", "set"),
        ("ottobre", "ott"),
        ("novembre", "nov"),
        ("dicembre", "dic"),
    ),
    "nl": (
        ("januari", "jan"),
        ("februari", "feb"),
        ("maart", "mrt"),
        ("april", "apr"),
        ("mei",),
        ("juni", "jun"),
        ("juli", "jul"),
        ("augustus", "aug"),
        ("september", "sep"),
        ("oktober", "okt"),
        ("november", "nov"),
        ("december", "dec"),
    ),
}
#: Language -> Monday to Sunday, full name first.
WEEKDAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "en": (
        ("Monday", "Mon"),
        ("Tuesday", "Tue", "Tues"),
        ("Wednesday", "Wed"),
        ("Thursday", "Thu", "Thurs"),
        ("Friday", "Fri"),
        ("Saturday", "Sat"),
        ("Sunday", "Sun"),
    ),
    "pt": (
        ("segunda-feira", "segunda"),
        ("terça-feira", "terça"),
        ("quarta-feira", "quarta"),
        ("quinta-feira", "quinta"),
        ("sexta-feira", "sexta"),
        ("sábado", "sáb"),
        ("domingo", "dom"),
    ),
    "es": (
        ("lunes",),
        ("martes",),
        ("miércoles",),
        ("jueves",),
        ("viernes",),
        ("sábado",),
        ("domingo",),
    ),
    "fr": (
        ("lundi",),
        ("mardi",),
        ("mercredi",),
        ("jeudi",),
        ("vendredi",),
        ("samedi",),
        ("dimanche",),
    ),
    "de": (
        ("Montag",),
        ("Dienstag",),
        ("Mittwoch",),
        ("Donnerstag",),
        ("Freitag",),
        ("Samstag", "Sonnabend"),
        ("Sonntag",),
    ),
    "it": (
        ("lunedì",),
        ("martedì",),
        ("mercoledì",),
        ("giovedì",),
        ("venerdì",),
        ("sabato",),
        ("domenica",),
    ),
    "nl": (
        ("maandag",),
        ("dinsdag",),
        ("woensdag",),
        ("donderdag",),
        ("vrijdag",),
        ("zaterdag",),
        ("zondag",),
    ),
}


def _index(table: dict[str, tuple[tuple[str, ...], ...]]) -> dict[str, list[tuple[str, int, int]]]:
    """Map a folded spelling to every (language, position, form) it may be."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for language, rows in table.items():
        for position, spellings in enumerate(rows):
            for form, spelling in enumerate(spellings):
                found.setdefault(spelling.casefold(), []).append((language, position, form))
    return found


def _alternation(index: dict[str, list[tuple[str, int, int]]]) -> str:
    return "|".join(re.escape(word) for word in sorted(index, key=len, reverse=True))


MONTH_INDEX = _index(MONTHS)
WEEKDAY_INDEX = _index(WEEKDAYS)
MONTH_WORDS = _alternation(MONTH_INDEX)
WEEKDAY_WORDS = _alternation(WEEKDAY_INDEX)


def same_form(
    word: str,
    position: int,
    language: str,
    index: dict[str, list[tuple[str, int, int]]],
    table: dict[str, tuple[tuple[str, ...], ...]],
) -> str:
    """Return the name at `position` in the language, length and case of `word`."""
    readings = index[word.casefold()]
    chosen = next((r for r in readings if r[0] == language), readings[0])
    spellings = table[chosen[0]][position]
    name = spellings[min(chosen[2], len(spellings) - 1)]
    if word.isupper():
        return name.upper()
    return name.capitalize() if word[:1].isupper() else name.lower()
