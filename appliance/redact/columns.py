"""Decide for each column, once, what its cells are; then every cell of it is treated alike.

Owns the door to the rules of `verdicts`. Cell by cell, detection is both leaky and destructive: a
name without a sentence is missed, an ICD-10 code is masked. The policy's own rule for a column
wins. Evidence says why in shares and header words; it never holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache

from appliance.evidence import ColumnDecision
from appliance.policy.model import ColumnRule, Policy
from appliance.records import Json, Record
from appliance.redact import dates
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.headers import read_header
from appliance.redact.shapes import look
from appliance.redact.tree import cells
from appliance.redact.verdicts import NEARLY_ALL, Column, Finder, Verdict, verdict

#: Values of a column that are measured.
SAMPLE = 1000
#: Languages whose name lists decide about columns, beside the policy's own.
_LIST_LANGUAGES = ("en", "pt", "es", "fr", "de")
#: Share of rows in which age and year of birth must add up.
_AGREE = 0.9


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
    lexicon = _lexicon(languages)
    made: dict[str, ColumnDecision] = {}
    looked: dict[str, Column] = {}
    for name, raw in columns.items():
        values = tuple(_texts(raw))[:SAMPLE]
        looked[name] = Column(
            name=name,
            values=values,
            readings=tuple(read_header(name)),
            look=look(values, lexicon=lexicon, reading=reading),
        )
    for name, column in looked.items():
        rule = policy.deidentify.columns.get(name)
        if rule is not None:
            made[name] = _ruled(rule, policy)
            continue
        made[name] = _decision(verdict(column, detector), policy)
    _find_ages(looked, made, policy=policy, rows=columns, reading=reading)
    _find_postal_codes(looked, made, policy=policy)
    return made


@cache
def _lexicon(languages: tuple[str, ...]) -> Lexicon:
    """Load the name lists once."""
    return Lexicon(languages)


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
) -> dict[str, dict[str, dict[str, object]]]:
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
    shown: dict[str, dict[str, object]] = {}
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


def _ruled(rule: ColumnRule, policy: Policy) -> ColumnDecision:
    action: str = rule.action or "keep"
    if rule.free_text and action == "keep":
        action = "detect"
    elif rule.action is None and rule.entity_type is not None:
        action = _operator(rule.entity_type, policy)
    return ColumnDecision(
        entity_type=rule.entity_type,
        free_text=rule.free_text or action == "detect",
        action=action,
        evidence="the policy's rule for this column",
    )


def _operator(entity_type: str, policy: Policy) -> str:
    """Return what the policy does with a type."""
    return policy.deidentify.entities.get(entity_type, policy.deidentify.default_operator)


def _decision(reached: Verdict, policy: Policy) -> ColumnDecision:
    operators = policy.deidentify
    if reached.free_text:
        action = "detect"
    elif reached.entity_type is None:
        action = "keep"
    elif reached.entity_type == "NRP" and operators.entities.get("NRP", "keep") == "keep":
        # Special categories are health data's own variables: only a policy that names them removes.
        why = f"{reached.why}; kept: the policy does not name NRP; a quasi-identifier"
        return ColumnDecision(entity_type=None, free_text=False, action="keep", evidence=why)
    else:
        action = _operator(reached.entity_type, policy)
    return ColumnDecision(
        entity_type=reached.entity_type,
        free_text=reached.free_text,
        action=action,
        evidence=reached.why,
    )


def _find_ages(
    looked: Mapping[str, Column],
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
        if not free or column.look.shares["age"] < NEARLY_ALL or name in policy.deidentify.columns:
            continue
        if column.readings and column.readings[0].meaning == "useful":
            continue
        for birth in births:
            share = _sums_agree(rows[name], rows[birth], reading)
            if share >= _AGREE:
                aged = Verdict(
                    entity_type="AGE", why=f"adds up with a column of dates in {100 * share:.0f} %"
                )
                made[name] = _decision(aged, policy)
                break


def _find_postal_codes(
    looked: Mapping[str, Column], made: dict[str, ColumnDecision], *, policy: Policy
) -> None:
    """Find a column of postal codes without a telling header: five digits beside addresses."""
    types = {d.entity_type for d in made.values()}
    if "LOCATION" not in types or types & {"ZIP_CODE", "BR_CEP"}:
        return
    for name, column in looked.items():
        seen = column.look
        free = made[name].entity_type is None and made[name].action == "keep"
        if not free or name in policy.deidentify.columns or seen.sequence:
            continue
        if column.readings and column.readings[0].meaning == "useful":
            continue
        if min(seen.shares["zip"], seen.one_shape) >= NEARLY_ALL and seen.n_distinct >= 12:
            why = f"{100 * seen.shares['zip']:.0f} % are five digits, beside places"
            made[name] = _decision(Verdict(entity_type="ZIP_CODE", why=why), policy)


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
