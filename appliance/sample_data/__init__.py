"""The synthetic clinic: letters of invented patients, with their gold spans.

Owns everything invented: people (`people`), medicine and house style (`letters`), the template
language (`grammar`). The same seed gives the same bytes. No real person, place or number is in
it; the letters are no medical advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from appliance.errors import UsageError
from appliance.files import machine_errors
from appliance.sample_data.grammar import Draw, Marked, Writer
from appliance.sample_data.letters import CLOSE, HEADS, KINDS, POOLS, LetterKind
from appliance.sample_data.people import Person, invent, values_of, visit_day

Shape = Literal["text", "prompt_response", "classification"]

#: Entity type -> the coarse type that annotated corpora use.
COARSE: Mapping[str, str] = {
    "PERSON": "PERSON",
    "DATE_TIME": "DATE",
    "AGE": "AGE",
    "MEDICAL_RECORD_NUMBER": "ID",
    "HEALTH_PLAN_ID": "ID",
    "US_SSN": "SSN",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "LOCATION": "LOCATION",
    "ORGANIZATION": "ORG",
}
PROMPT = "Write the plan for this letter.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleData:
    """What was written.

    Attributes:
        notes: JSONL of records.
        gold: JSONL of texts with spans.
        records: how many records.
        patients: how many patients have at least one.
    """

    notes: Path
    gold: Path
    records: int
    patients: int


def write_sample_data(
    out: Path,
    *,
    seed: int = 20240901,
    records: int = 560,
    patients: int = 200,
    shape: Shape = "text",
) -> SampleData:
    """Write the synthetic clinic's letters and where their identifiers lie.

    Args:
        out: folder; made if it is not there.
        seed: the same seed gives the same files.
        records: letters, at least `patients`.
        patients: invented people; each has at least one letter.
        shape: "text" has the letter in one column; "classification" adds its kind as "label";
            "prompt_response" asks for the plan of a letter.

    Returns:
        Where the files are: OUT/notes.jsonl and OUT/notes.gold.jsonl.

    Raises:
        UsageError: there are fewer records than patients, or no patient.
        MachineError: the folder cannot be written.

    Guarantees:
        Each gold span is exactly the identifier that was written there; text outside the spans
        holds no value of the patient's.
    """
    if not 0 < patients <= records:
        raise UsageError(
            "sample-data",
            f"{records} records of {patients} patients; each patient needs a record",
            hint="appliance sample-data --help",
        )
    notes, gold = out / "notes.jsonl", out / "notes.gold.jsonl"
    with machine_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        with notes.open("wb") as note_file, gold.open("wb") as gold_file:
            for row, spans in _rows(seed, records, patients, shape):
                note_file.write(orjson.dumps(row) + b"\n")
                for line in spans:
                    gold_file.write(orjson.dumps(line) + b"\n")
    return SampleData(notes=notes, gold=gold, records=records, patients=patients)


Line = dict[str, object]


def _rows(
    seed: int, records: int, patients: int, shape: Shape
) -> Iterator[tuple[Line, list[Line]]]:
    """Yield each record with its gold lines."""
    draw = Draw(seed)
    people = [invent(number, draw) for number in range(patients)]
    owners = list(range(patients)) + [draw.below(patients) for _ in range(records - patients)]
    written: dict[int, set[int]] = {}
    for number, owner in enumerate(sorted(owners), 1):
        kinds = written.setdefault(owner, set())
        if len(kinds) == len(KINDS):
            kinds.clear()
        kind = draw.pick([k for k in range(len(KINDS)) if k not in kinds])
        kinds.add(kind)
        yield _record(f"N{number:06d}", people[owner], KINDS[kind], draw, shape)


def _record(
    note_id: str, person: Person, kind: LetterKind, draw: Draw, shape: Shape
) -> tuple[Line, list[Line]]:
    """Write one letter in the shape asked for."""
    pools = {
        **POOLS,
        "sexword": ("woman" if person.sex == "F" else "man",),
        "kinword": (person.kin[0],),
    }
    values = values_of(person, visit_day(draw))
    letter = Writer(draw, values, pools)
    case = draw.below(len(kind.history))
    aside = " {aside}" if draw.chance(0.15) else ""
    letter.write(draw.pick(HEADS) + "Hx: {seen} " + _of(kind.history, case) + aside + "\n")
    if draw.chance(0.35):
        letter.write("O/E: " + _of(kind.findings, case) + "\n")
    letter.write("Imp: " + _of(kind.impression, case))
    rtc = " {rtc}" if draw.chance(0.25) else ""
    plan = "Plan: " + _of(kind.plan, case) + rtc + CLOSE
    row: Line = {
        "note_id": note_id,
        "patient_id": person.patient_id,
        "name": person.name,
        "mrn": person.mrn,
        "dob": person.born.isoformat(),
        "phone": person.telephone,
    }
    if shape == "prompt_response":
        answer = Writer(draw, values, pools)
        answer.write(plan)
        asked, answered = letter.marked(), answer.marked()
        row |= {"prompt": PROMPT + asked.text, "response": answered.text}
        shifted = tuple((s + len(PROMPT), e + len(PROMPT), t) for s, e, t in asked.spans)
        asked = Marked(PROMPT + asked.text, shifted)
        return row, [_gold(f"{note_id}.prompt", asked), _gold(f"{note_id}.response", answered)]
    letter.write("\n" + plan)
    marked = letter.marked()
    row["text"] = marked.text
    row["label" if shape == "classification" else "letter_kind"] = kind.label
    return row, [_gold(note_id, marked)]


def _of(phrases: Sequence[str], case: int) -> str:
    """Return the phrase of a case; short lists serve several."""
    return phrases[case % len(phrases)]


def _gold(note_id: str, marked: Marked) -> Line:
    spans = [
        {"start": start, "end": end, "type": COARSE[kind], "entity_type": kind}
        for start, end, kind in marked.spans
    ]
    return {"id": note_id, "text": marked.text, "spans": spans, "lang": "en"}
