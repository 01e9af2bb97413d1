from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.policy import load_policy
from appliance.policy.model import ColumnRule, Policy
from appliance.records import Json
from appliance.redact.columns import decide_columns, detect_table
from appliance.redact.entities import family
from appliance.redact.headers import read_header
from tests.unit.redact.tables import TABLES, make_table
from tests.unit.redact.world import KnownValues

CLINIC = Path(__file__).parents[4] / "shared" / "data" / "table_us_clinic"
NOTHING = KnownValues({})
_COARSE = {
    "person": "PERSON",
    "date": "DATE",
    "age": "AGE",
    "zip": "LOCATION",
    "place": "LOCATION",
    "organization": "ORG",
    "phone": "PHONE",
    "email": "EMAIL",
    "ip": "IP",
    "ssn": "SSN",
    "card": "CARD",
    "iban": "IBAN",
}


def _policy(language: str) -> Policy:
    policy = load_policy(Path("lgpd" if language == "pt" else "hipaa")).policy
    return policy.model_copy(
        update={"data": policy.data.model_copy(update={"languages": (language,)})}
    )


def _coarse(decision: Mapping[str, Any]) -> str | None:
    if decision["free_text"]:
        return "FREETEXT"
    if decision["entity_type"] is None:
        return None
    if decision["entity_type"] == "BR_CEP":
        return "LOCATION"
    return _COARSE.get(family(decision["entity_type"]), "ID")


def _decided(rows: Sequence[Mapping[str, Json]], language: str) -> dict[str, str | None]:
    found = detect_table(iter(rows), policy=_policy(language), detector=NOTHING)
    columns: Any = found["columns"]
    return {name: _coarse(decision) for name, decision in columns.items()}


def _unhelpful(
    rows: Sequence[Mapping[str, str]], gold: Mapping[str, str | None]
) -> tuple[list[dict[str, Json]], dict[str, str | None]]:
    """Replace the headers by c1, c2, ..."""
    renamed: list[dict[str, Json]] = [
        {f"c{i}": value for i, value in enumerate(row.values())} for row in rows
    ]
    return renamed, {f"c{i}": kind for i, kind in enumerate(gold.values())}


@pytest.mark.parametrize("language", sorted(TABLES))
def test_every_column_is_right_with_its_header(language: str) -> None:
    rows, gold = make_table(language)
    assert _decided(rows, language) == gold


@pytest.mark.parametrize("language", sorted(TABLES))
def test_every_column_is_right_without_a_telling_header(language: str) -> None:
    rows, gold = _unhelpful(*make_table(language))
    assert _decided(rows, language) == gold


@pytest.mark.parametrize("helpful", [True, False])
def test_every_column_of_the_clinic_table_is_right(helpful: bool) -> None:
    if not CLINIC.is_dir():
        pytest.skip("the clinic table is not here")
    with (CLINIC / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    gold = json.loads((CLINIC / "columns_gold.json").read_text())
    gold = {name: gold[name] for name in rows[0]}
    given: Sequence[Mapping[str, Json]] = rows
    if not helpful:
        given, gold = _unhelpful(rows, gold)
    assert _decided(given, "en") == gold


def test_json_cells_are_opened() -> None:
    rows, _ = make_table("en")
    nested = [
        {"payload": json.dumps({"contact": {"name": r["attending"]}, "score": i % 7})}
        for i, r in enumerate(rows)
    ]
    found: Any = detect_table(iter(nested), policy=_policy("en"), detector=NOTHING)["columns"]
    assert found["payload.contact.name"]["entity_type"] == "PERSON"
    assert found["payload.score"]["action"] == "keep"
    assert found["payload"]["action"] == "detect"


def test_the_policy_s_rule_for_a_column_wins() -> None:
    policy = _policy("en")
    rules = {
        "dx": ColumnRule(entity_type="ID_NUMBER", action="redact"),
        "pt_name": ColumnRule(action="keep"),
        "gender": ColumnRule(action="drop"),
        "drug": ColumnRule(free_text=True),
    }
    ruled = policy.deidentify.model_copy(update={"columns": rules})
    rows, _ = make_table("en")
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    found = decide_columns(
        columns, policy=policy.model_copy(update={"deidentify": ruled}), detector=NOTHING
    )
    actions = {name: found[name].action for name in rules}
    assert actions == {"dx": "redact", "pt_name": "keep", "gender": "drop", "drug": "detect"}


def test_a_rule_that_names_a_type_alone_takes_the_type_s_operator() -> None:
    policy = _policy("en")
    rules = {
        "code": ColumnRule(entity_type="ID_NUMBER"),
        "who": ColumnRule(entity_type="PERSON"),
        "own": ColumnRule(entity_type="BADGE_OF_OURS"),
        "kept": ColumnRule(entity_type="PERSON", action="keep"),
    }
    ruled = policy.deidentify.model_copy(update={"columns": rules})
    found = decide_columns(
        {name: ["x1", "x2"] for name in rules},
        policy=policy.model_copy(update={"deidentify": ruled}),
        detector=NOTHING,
    )
    assert [found[n].action for n in rules] == ["redact", "surrogate", "redact", "keep"]


def test_numbers_of_the_house_are_no_icd_codes() -> None:
    codes = ["E11.9", "I10", "S72.001A", "O411010", "M5450", "J45.909"]
    columns = {
        "ref": [f"A{100_000 + 7_919 * i}" for i in range(60)],
        "c1": [codes[i % 6] for i in range(60)],
    }
    found = decide_columns(columns, policy=_policy("en"), detector=NOTHING)
    assert found["ref"].entity_type == "ID_NUMBER"
    assert found["c1"].action == "keep"


def test_staff_numbers_built_like_diagnoses_are_no_diagnoses() -> None:
    listed = ["E11.9", "I10", "S72.001A", "O411010", "M5450", "J45.909"]
    columns = {
        "emp": [f"E{4_000 + i}" for i in range(60)],
        "x1": [f"{code[:-1]}{i % 10}" for i in range(10) for code in listed],
    }
    found = decide_columns(columns, policy=_policy("en"), detector=NOTHING)
    assert found["emp"].entity_type == "ID_NUMBER"
    assert found["x1"].action == "keep"


@pytest.mark.parametrize("value", ["{}/{}", "{}-{}", "{1} Sep"])
def test_birthdays_without_a_year_are_dates(value: str) -> None:
    days = [value.format(1 + i % 12, 1 + i % 28) for i in range(60)]
    found = decide_columns({"bday": days}, policy=_policy("en"), detector=NOTHING)
    assert found["bday"].entity_type == "DATE_TIME"
    assert found["bday"].action != "keep"


def test_five_digits_beside_addresses_are_postal_codes() -> None:
    columns: dict[str, Any] = {
        "v1": [f"{12 + i} Birch Hollow Rd" for i in range(60)],
        "v2": [str(43_001 + 37 * i) for i in range(60)],
        "v3": [str(500 + 977 * i) for i in range(60)],
        "v4": [str(10_000 + i) for i in range(60)],
    }
    found = decide_columns(columns, policy=_policy("en"), detector=NOTHING)
    assert found["v2"].entity_type == "ZIP_CODE"
    assert (found["v3"].action, found["v4"].action) == ("keep", "keep")
    del columns["v1"]
    assert decide_columns(columns, policy=_policy("en"), detector=NOTHING)["v2"].action == "keep"


def test_evidence_never_holds_a_value() -> None:
    for language in TABLES:
        rows, _ = make_table(language)
        found: Any = detect_table(iter(rows), policy=_policy(language), detector=NOTHING)["columns"]
        for name, decision in found.items():
            for row in rows:
                value = row[name]
                if len(value) > 3 and any(c.isdigit() for c in value):
                    assert value not in decision["evidence"]


def test_an_unknown_column_in_which_persons_are_found_is_scanned() -> None:
    values = [f"{name} re {i}" for i, name in enumerate(["Ann Lee", "Bo Chi"] * 10)]
    finder = KnownValues({"Ann Lee": "PERSON", "Bo Chi": "PERSON"})
    found = decide_columns({"zz": values}, policy=_policy("en"), detector=finder)
    assert found["zz"].action == "detect"


def test_a_column_without_values_is_not_kept_blindly() -> None:
    found = decide_columns(
        {"zz": [None, ""], "ssn": [None], "icd10": [None]}, policy=_policy("en"), detector=NOTHING
    )
    assert [found[n].action for n in ("zz", "ssn", "icd10")] == ["detect", "redact", "keep"]


def test_special_categories_are_removed_where_the_policy_names_them() -> None:
    rows, _ = make_table("en")
    columns = {"race": [row["race"] for row in rows]}
    gdpr = load_policy(Path("gdpr")).policy
    assert decide_columns(columns, policy=gdpr, detector=NOTHING)["race"].action == "redact"
    kept = decide_columns(columns, policy=_policy("en"), detector=NOTHING)["race"]
    assert kept.action == "keep"
    assert "quasi-identifier" in kept.evidence


@pytest.mark.parametrize(
    ("header", "entity_type"),
    [
        ("patientSSN", "US_SSN"),
        ("dtNasc", "DATE_TIME"),
        ("nome_paciente", "PERSON"),
        ("PHONE_2", "PHONE_NUMBER"),
        ("codigo postal", "ZIP_CODE"),
        ("Geburtsdatum", "DATE_TIME"),
        ("numero_carteirinha", "HEALTH_PLAN_ID"),
        ("datanascimento", "DATE_TIME"),
        ("contact.email", "EMAIL_ADDRESS"),
    ],
)
def test_headers_are_read_in_several_spellings(header: str, entity_type: str) -> None:
    assert read_header(header)[0].entity_type == entity_type


@pytest.mark.parametrize(
    "header", ["patient_state", "phone_type", "drug_name", "icd10_code", "cid10"]
)
def test_headers_of_useful_columns_are_not_personal(header: str) -> None:
    assert read_header(header)[0].meaning == "useful"


def test_wide_tables_are_decided() -> None:
    wide = [{f"m{i}": str(i * j % 97) for i in range(300)} for j in range(30)]
    found: Any = detect_table(iter(wide), policy=_policy("en"), detector=NOTHING)["columns"]
    assert len(found) == 300
    assert {d["action"] for d in found.values()} == {"keep"}
