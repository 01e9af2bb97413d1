"""Decide for each column, once, what its cells are; then every cell of it is treated alike.

Owns the weighing of header words against measured shares of a sample. Cell by cell, detection is
both leaky and destructive: a name without a sentence is missed, an ICD-10 code is masked. Rules:

1. The policy's own rule for a column wins.
2. Shapes and check digits that nearly all values satisfy settle a type, whatever the header says.
3. A header that names a type wins where the values can be of that type.
4. Running text is scanned piece by piece; a column of useful data is kept.
5. Names, places and identifiers without a telling header are known by name lists and structure.
6. What is left is kept, unless the detector finds persons in a sample: then it is scanned too.

Evidence says why in shares and header words; it never holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from appliance.evidence import ColumnDecision
from appliance.policy.model import ColumnRule, Policy
from appliance.records import Json, Record, Span
from appliance.redact import dates
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.headers import HeaderReading, read_header
from appliance.redact.shapes import NEEDS_ALL, Look, look
from appliance.redact.tree import cells

#: Values of a column that are measured.
SAMPLE = 1000
#: Values given to the detector where shapes and lists say nothing.
_SCANNED = 40
#: Languages whose name lists decide about columns, beside the policy's own.
_LIST_LANGUAGES = ("en", "pt", "es", "fr", "de")
#: Types that a detector sees in many words of useful columns.
_WEAK = frozenset({"DATE_TIME", "AGE", "ORGANIZATION", "LOCATION", "NRP"})
_SETTLED = 0.7
_NEARLY_ALL = 0.95


class Finder(Protocol):
    """The part of a detector that is used here."""

    def detect_batch(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """A type, or none, with its reason."""

    entity_type: str | None
    why: str
    free_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column under decision."""

    name: str
    values: tuple[str, ...] = field(repr=False)
    readings: tuple[HeaderReading, ...]
    look: Look


def decide_columns(
    columns: Mapping[str, Sequence[Json]],
    *,
    policy: Policy,
    detector: Finder,
    reference_year: int | None = None,
) -> dict[str, ColumnDecision]:
    """Decide what each column holds and what happens to it.

    Args:
        columns: name -> sampled values, in row order; scalars (open nested cells first).
        policy: its rules, operators and languages.
        detector: finds personal data in a few values where nothing else tells.
        reference_year: the year ages are counted to; None means this year.

    Returns:
        A decision for every column: its entity type (None: not personal), whether it is scanned
        as free text, the action ("keep", "detect", "drop" or an operator) and the evidence.
    """
    year = datetime.now(UTC).year if reference_year is None else reference_year
    reading = dates.Reading(
        language=policy.data.languages[0],
        day_first=policy.data.languages[0] != "en",
        reference_year=year,
    )
    languages = tuple(dict.fromkeys((*policy.data.languages, *_LIST_LANGUAGES)))
    lexicon = Lexicon(languages)
    made: dict[str, ColumnDecision] = {}
    looked: dict[str, _Column] = {}
    for name, raw in columns.items():
        values = tuple(_texts(raw))[:SAMPLE]
        looked[name] = _Column(
            name=name,
            values=values,
            readings=tuple(read_header(name)),
            look=look(values, lexicon=lexicon, reading=reading),
        )
    for name, column in looked.items():
        rule = policy.deidentify.columns.get(name)
        if rule is not None:
            made[name] = _ruled(rule)
            continue
        verdict = _verdict(column, detector)
        made[name] = _decision(verdict, policy)
    _find_ages(looked, made, policy=policy, rows=columns, reading=reading)
    return made


def sample_columns(records: Iterable[Record]) -> dict[str, list[Json]]:
    """Gather the cells of records by column, JSON cells opened; the records' own texts left out."""
    columns: dict[str, list[Json]] = {}
    for record in records:
        for cell in cells(record):
            if not (cell.own and cell.column in record.fields):
                columns.setdefault(cell.column, []).append(cell.value)
    return columns


def detect_table(
    rows: Iterator[Mapping[str, Json]], *, policy: Policy, detector: Finder, limit: int = SAMPLE
) -> dict[str, object]:
    """Decide the columns of a table, for `detect --table`.

    Args:
        rows: the table's rows, in order; only the first `limit` are taken.
        policy: its rules and operators.
        detector: see `decide_columns`.
        limit: rows to look at.

    Returns:
        {"columns": {NAME: {"entity_type", "free_text", "action", "evidence"}}}, JSON values.
    """
    sampled: list[Record] = []
    names: dict[str, None] = {}
    for index, row in enumerate(rows):
        if index >= limit:
            break
        names.update(dict.fromkeys(row))
        sampled.append(
            Record(
                record_id=index,
                unit=bytes(16),
                source=0,
                line=index + 1,
                kind="text",
                fields={},
                extra=row,
            )
        )
    gathered: dict[str, Sequence[Json]] = dict.fromkeys(names, ())
    gathered.update(sample_columns(sampled))
    opened = {
        name
        for name in names
        for nested in gathered
        if nested.startswith((f"{name}.", f"{name}[]"))
    }
    decisions = decide_columns(gathered, policy=policy, detector=detector)
    shown: dict[str, object] = {}
    for name, decision in decisions.items():
        made = decision.model_dump(exclude={"reasons"})
        if name in opened and not gathered[name]:
            made |= {"action": "detect", "evidence": "nested: see its parts"}
        shown[name] = made
    return {"columns": shown}


def _texts(values: Sequence[Json]) -> Iterator[str]:
    for value in values:
        if isinstance(value, bool) or value is None:
            continue
        text = str(value).strip()
        if text and text.casefold() not in ("null", "none", "nan", "n/a", "na", "-"):
            yield text


def _ruled(rule: ColumnRule) -> ColumnDecision:
    action = "detect" if rule.free_text and rule.action == "keep" else rule.action
    return ColumnDecision(
        entity_type=rule.entity_type,
        free_text=rule.free_text or action == "detect",
        action=action,
        evidence="the policy's rule for this column",
    )


def _decision(verdict: _Verdict, policy: Policy) -> ColumnDecision:
    operators = policy.deidentify
    if verdict.free_text:
        action = "detect"
    elif verdict.entity_type is None:
        action = "keep"
    elif verdict.entity_type == "NRP" and operators.entities.get("NRP", "keep") == "keep":
        # Special categories are health data's own variables: only a policy that names them removes.
        why = f"{verdict.why}; kept: the policy does not name NRP; a quasi-identifier"
        return ColumnDecision(entity_type=None, free_text=False, action="keep", evidence=why)
    else:
        action = operators.entities.get(verdict.entity_type, operators.default_operator)
    return ColumnDecision(
        entity_type=verdict.entity_type,
        free_text=verdict.free_text,
        action=action,
        evidence=verdict.why,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _verdict(column: _Column, detector: Finder) -> _Verdict:
    if not column.values:
        return _by_header_alone(column)
    for settle in (_by_strong_shape, _by_text, _by_header, _by_shape, _by_lists, _by_structure):
        verdict = settle(column)
        if verdict is not None:
            return verdict
    return _by_detector(column, detector)


def _by_header_alone(column: _Column) -> _Verdict:
    """Rule 3 for a column without values: careful, since later rows may have some."""
    for reading in column.readings:
        if reading.meaning == "useful":
            return _Verdict(entity_type=None, why=f"no values; header says '{reading.phrase}'")
        if reading.meaning == "free_text":
            why = f"no values; header says '{reading.phrase}'"
            return _Verdict(entity_type=None, why=why, free_text=True)
        return _Verdict(
            entity_type=reading.entity_type, why=f"no values; header says '{reading.phrase}'"
        )
    return _Verdict(entity_type=None, why="no values in the sample; scanned", free_text=True)


def _by_strong_shape(column: _Column) -> _Verdict | None:
    """Rule 2."""
    if column.look.words >= 4 and column.look.longest > 60:
        return None
    personal = {r.entity_type for r in column.readings if r.meaning == "personal"}
    ranked = sorted(column.look.strong.items(), key=lambda e: (e[0] not in personal, -e[1]))
    for entity_type, share in ranked:
        known = entity_type in personal
        needed = _NEARLY_ALL if entity_type in NEEDS_ALL and not known else _SETTLED
        if known:
            needed = 0.4
        if share >= needed and not _rather_useful(column, entity_type):
            return _Verdict(
                entity_type=entity_type,
                why=f"{_percent(share)} have the shape or check digits of {entity_type}",
            )
    return None


def _rather_useful(column: _Column, entity_type: str) -> bool:
    """Tell whether a whole useful header outweighs check digits that chance could satisfy."""
    return entity_type in NEEDS_ALL and any(
        r.meaning == "useful" and r.whole for r in column.readings[:1]
    )


def _by_text(column: _Column) -> _Verdict | None:
    """Rule 4: running text."""
    seen = column.look
    first = column.readings[0] if column.readings else None
    wordy = seen.words >= 5 and seen.shares["street"] < 0.5 and seen.shares["person"] < 0.6
    if first is not None and first.meaning == "free_text" and seen.words > 1.2:
        return _Verdict(entity_type=None, why=f"text; header says '{first.phrase}'", free_text=True)
    named = first is not None and first.meaning == "personal" and first.entity_type != "PERSON"
    if named and seen.words < 8:
        return None
    if (wordy and (seen.distinct >= 0.2 or seen.n < 20)) or seen.longest > 200:
        why = f"text of {seen.words:.0f} words a value"
        return _Verdict(entity_type=None, why=why, free_text=True)
    return None


#: Type -> shares of which one must reach the bound for a header to be believed.
_PLAUSIBLE: dict[str, tuple[tuple[str, ...], float]] = {
    "DATE_TIME": (("date", "integer", "time"), 0.5),
    "AGE": (("age",), 0.6),
    "ZIP_CODE": (("zip", "code", "integer", "cep"), 0.4),
    "BR_CEP": (("cep", "integer"), 0.5),
    "PHONE_NUMBER": (("phone", "nanp", "integer", "code"), 0.4),
    "FAX_NUMBER": (("phone", "nanp", "integer", "code"), 0.4),
    "CARD_EXPIRY": (("date", "code", "number"), 0.0),
}


def _by_header(column: _Column) -> _Verdict | None:
    """Rules 3 and 4: the header, where the values can be what it says."""
    seen = column.look
    for reading in column.readings:
        if reading.meaning == "useful":
            if seen.shares["date"] >= _SETTLED or seen.shares["phone"] >= _SETTLED:
                return None
            return _Verdict(entity_type=None, why=f"header says '{reading.phrase}'")
        if reading.meaning == "free_text":
            return _Verdict(entity_type=None, why=f"header says '{reading.phrase}'", free_text=True)
        entity_type = reading.entity_type or "NRP"
        if not _is_plausible(entity_type, seen):
            continue
        why = f"header says '{reading.phrase}'" + _support(entity_type, seen)
        return _Verdict(entity_type=entity_type, why=why)
    return None


def _is_plausible(entity_type: str, seen: Look) -> bool:
    if entity_type in _PLAUSIBLE:
        names, bound = _PLAUSIBLE[entity_type]
        return max(seen.shares[name] for name in names) >= bound
    numeric = seen.shares["number"] >= 0.8
    if entity_type in ("PERSON", "ORGANIZATION", "NRP"):
        # A column 'patient' or 'hospital' of numbers holds ids; of M and F it holds a sex.
        return not numeric and seen.shares["code"] < 0.5 and seen.shares["sex"] < _SETTLED
    if entity_type == "LOCATION":
        return seen.shares["state"] < _SETTLED or seen.n_distinct > 60
    if entity_type == "EMAIL_ADDRESS":
        return not numeric
    if seen.shares["date"] >= _SETTLED:
        return False
    if entity_type in ("URL", "PHOTO", "BIOMETRIC", "PASSWORD", "USERNAME"):
        return seen.n_distinct > 2
    # Identifiers: not decimals, not a handful of categories, not plain words.
    wordlike = seen.shares["code"] + seen.shares["number"] < 0.3 and seen.length < 4
    return seen.shares["decimal"] < 0.5 and not wordlike


def _support(entity_type: str, seen: Look) -> str:
    """Return the measured share that goes with a header."""
    share = {
        "PERSON": "person",
        "DATE_TIME": "date",
        "AGE": "age",
        "ZIP_CODE": "zip",
        "BR_CEP": "cep",
        "PHONE_NUMBER": "phone",
        "LOCATION": "place",
    }.get(entity_type)
    if share is None:
        return f"; {_percent(seen.distinct)} of the values are different"
    if share == "place":
        best = max(seen.shares["place"], seen.shares["street"], seen.shares["town"])
        return f"; {_percent(best)} of the values look like places"
    return f"; {_percent(seen.shares[share])} of the values look so"


def _by_shape(column: _Column) -> _Verdict | None:
    """Rule 2 for shapes that need no check digit but a look at the rest."""
    seen, shares = column.look, column.look.shares
    if shares["date"] >= _SETTLED:
        return _Verdict(entity_type="DATE_TIME", why=f"{_percent(shares['date'])} are dates")
    if shares["icd"] >= 0.8 and seen.distinct < 0.6:
        return _Verdict(entity_type=None, why=f"{_percent(shares['icd'])} have the shape of ICD-10")
    for name, entity_type in (("cep", "BR_CEP"), ("uuid", "ID_NUMBER")):
        if shares[name] >= 0.9:
            return _Verdict(entity_type=entity_type, why=f"{_percent(shares[name])} have its shape")
    if shares["phone"] >= _SETTLED and seen.distinct > 0.2:
        why = f"{_percent(shares['phone'])} have the shape of telephone numbers"
        return _Verdict(entity_type="PHONE_NUMBER", why=why)
    if shares["nanp"] >= 0.98 and seen.distinct > 0.5:
        why = f"{_percent(shares['nanp'])} are valid numbers of the North American plan"
        return _Verdict(entity_type="PHONE_NUMBER", why=why)
    if shares["nanp"] + shares["phone"] >= 0.9 and shares["phone"] > 0.2:
        return _Verdict(entity_type="PHONE_NUMBER", why="nearly all are telephone numbers")
    padded = any(v.startswith("0") for v in column.values)
    if shares["zip"] >= _NEARLY_ALL and padded and shares["round"] < 0.2 and seen.distinct > 0.1:
        why = f"{_percent(shares['zip'])} have five digits, some with leading zeros"
        return _Verdict(entity_type="ZIP_CODE", why=why)
    if shares["plate"] >= 0.9 and seen.distinct > 0.5:
        why = f"{_percent(shares['plate'])} have the shape of number plates"
        return _Verdict(entity_type="LICENSE_PLATE", why=why)
    return None


def _by_lists(column: _Column) -> _Verdict | None:
    """Rule 5: name lists."""
    seen, shares = column.look, column.look.shares
    if shares["number"] >= 0.5 or shares["sex"] >= _SETTLED or shares["code"] >= 0.5:
        return None
    if shares["state"] >= 0.8:
        return _Verdict(entity_type=None, why=f"{_percent(shares['state'])} are states")
    if shares["street"] >= 0.6:
        why = f"{_percent(shares['street'])} have the shape of street addresses"
        return _Verdict(entity_type="LOCATION", why=why)
    town = max(shares["place"], min(1.0, shares["place"] + shares["town"]))
    rather_places = shares["person"] < 0.9 or shares["place"] >= 0.7
    if seen.n_distinct >= 8 and town >= max(0.5, shares["full_name"]) and rather_places:
        why = f"{_percent(town)} are names of places or built like them"
        return _Verdict(entity_type="LOCATION", why=why)
    names = shares["person"] >= 0.6 or (shares["person"] >= 0.4 and shares["namelike"] >= 0.85)
    if names and (seen.n_distinct >= 12 or shares["full_name"] >= 0.6):
        why = f"{_percent(shares['person'])} are made of names in the census lists"
        return _Verdict(entity_type="PERSON", why=why)
    return None


def _by_structure(column: _Column) -> _Verdict | None:
    """Rule 5: identifiers are many, unlike each other, and built alike."""
    seen, shares = column.look, column.look.shares
    if seen.sequence:
        return _Verdict(entity_type=None, why="a running number")
    if shares["decimal"] >= 0.3 or seen.words > 1.5:
        return None
    many = seen.distinct >= 0.5 and seen.n_distinct >= 12
    if shares["integer"] >= _NEARLY_ALL:
        alike = seen.one_shape >= 0.85 and seen.length >= 6 and shares["round"] < 0.15
        if many and alike:
            why = f"{_percent(seen.distinct)} different integers of one length"
            return _Verdict(entity_type="ID_NUMBER", why=why)
        return None
    some = seen.n_distinct >= 100 and seen.distinct >= 0.15
    built = shares["code"] >= 0.8 and seen.one_shape >= 0.3 and seen.length >= 5
    if built and (many or some) and max(shares["icd"], shares["number"]) < 0.5:
        why = f"{_percent(seen.distinct)} different codes built alike"
        return _Verdict(entity_type="ID_NUMBER", why=why)
    return None


def _by_detector(column: _Column, detector: Finder) -> _Verdict:
    """Rule 6."""
    seen = column.look
    wordy = [v for v in dict.fromkeys(column.values) if re.search(r"[^\W\d_]{3}", v)]
    if seen.shares["number"] < 0.5 and wordy and seen.n_distinct >= 8:
        step = max(1, len(wordy) // _SCANNED)
        sampled = wordy[::step][:_SCANNED]
        hits = sum(bool(_telling(spans)) for spans in detector.detect_batch(sampled))
        if hits >= max(2, 0.1 * len(sampled)) and (seen.words > 1.5 or hits > 0.5 * len(sampled)):
            why = f"persons or identifiers found in {_percent(hits / len(sampled))} of a sample"
            return _Verdict(entity_type=None, why=why, free_text=True)
    if seen.shares["number"] >= 0.5:
        return _Verdict(entity_type=None, why=f"{_percent(seen.shares['number'])} are numbers")
    return _Verdict(
        entity_type=None, why=f"{seen.n_distinct} different values, none of a personal shape"
    )


def _telling(spans: Sequence[Span]) -> list[Span]:
    return [
        s
        for s in spans
        if s.entity_type not in ("DATE_TIME", "AGE", "ORGANIZATION", "LOCATION", "NRP")
    ]


def _find_ages(
    looked: Mapping[str, _Column],
    made: dict[str, ColumnDecision],
    *,
    policy: Policy,
    rows: Mapping[str, Sequence[Json]],
    reading: dates.Reading,
) -> None:
    """Find a column of ages without a telling header: age and year of birth add up to one year."""
    births = [n for n, d in made.items() if d.entity_type == "DATE_TIME"]
    for name, column in looked.items():
        free = made[name].entity_type is None and made[name].action == "keep"
        if not free or column.look.shares["age"] < _NEARLY_ALL or name in policy.deidentify.columns:
            continue
        if column.readings and column.readings[0].meaning == "useful":
            continue
        for birth in births:
            share = _sums_agree(rows[name], rows[birth], reading)
            if share >= 0.9:
                verdict = _Verdict(
                    entity_type="AGE", why=f"adds up with a column of dates in {_percent(share)}"
                )
                made[name] = _decision(verdict, policy)
                break


def _sums_agree(ages: Sequence[Json], births: Sequence[Json], reading: dates.Reading) -> float:
    """Return the share of rows whose age and year of birth add up to the most common sum."""
    if len(ages) != len(births):
        return 0.0
    sums: list[int] = []
    for age, birth in zip(ages[:SAMPLE], births[:SAMPLE], strict=True):
        text = re.sub(r"\D", "", str(age))
        found = dates.years(str(birth).strip(), reading) if birth else None
        if found and text and len(text) <= 3:
            sums.append(found[0] + int(text))
    if len(sums) < 12 or len(set(sums)) > len(sums) / 2:
        return 0.0
    middle = sorted(sums)[len(sums) // 2]
    return sum(abs(s - middle) <= 1 for s in sums) / len(sums)
