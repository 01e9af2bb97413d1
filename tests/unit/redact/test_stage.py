from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.corpus import Corpus
from appliance.errors import PolicyError
from appliance.evidence import DeidentificationSection
from appliance.policy import load_policy
from appliance.policy.model import ColumnRule, Policy
from appliance.progress import SilentProgress
from appliance.records import Record, Span
from appliance.redact import buckets, finding, stage
from appliance.redact.building import build_detector, detectors_of
from appliance.redact.removed import read_removed
from appliance.redact.stage import covered, exported, preview, redact
from appliance.redact.tongues import Polyglot, guess
from appliance.vault import Vault
from tests.unit.redact.world import KnownValues, marked, policy, record, write_corpus

KNOWN = {
    "Marisol Dalton": "PERSON",
    "Dalton": "PERSON",
    "Bo Chi": "PERSON",
    "075-69-1543": "US_SSN",
    "BH-112233": "MEDICAL_RECORD_NUMBER",
    "19 Sep 2014": "DATE_TIME",
    "93": "AGE",
}


def _run(
    vault: Vault,
    records: Sequence[Record],
    *,
    rules: Policy | None = None,
    known: dict[str, str] | None = None,
    **more: Any,
) -> tuple[DeidentificationSection, list[Record]]:
    corpus = write_corpus(vault, records)
    section = redact(
        corpus,
        policy=rules or policy(),
        vault=vault,
        person_key=b"p" * 32,
        progress=SilentProgress(),
        detector=more.pop("detector", None) or KnownValues(KNOWN if known is None else known),
        reference_year=2026,
        **more,
    )
    return section, list(Corpus(vault, "redact/corpus.arrow"))


def _texts(records: Sequence[Record]) -> list[str]:
    return [text for entry in records for text in entry.texts()]


def test_every_record_stays_under_its_id_and_unit(vault: Vault) -> None:
    before = [record(i, f"note {i} of Bo Chi", unit=f"u{i % 7}") for i in range(50)]
    _, after = _run(vault, before)
    assert [(r.record_id, r.unit, r.line) for r in after] == [
        (r.record_id, r.unit, r.line) for r in before
    ]
    assert not any("Bo Chi" in text for text in _texts(after))


def test_found_values_are_replaced_and_counted(vault: Vault) -> None:
    section, after = _run(
        vault,
        [
            record(0, "Marisol Dalton, SSN 075-69-1543, 93, seen 19 Sep 2014"),
            record(1, "nothing to see", unit="b"),
        ],
    )
    assert re.fullmatch(r"\w+ \w+, SSN \[US_SSN\], 90\+, seen 2014", _texts(after)[0])
    assert section.entities == {"PERSON": 1, "US_SSN": 1, "AGE": 1, "DATE_TIME": 1}
    assert (section.records_changed, section.records_scanned) == (1, 2)
    assert section.residual.direct_identifier_rate == 0.0
    assert section.operators["US_SSN"] == "redact"


def test_a_name_found_in_one_record_is_replaced_in_all_records_of_the_person(vault: Vault) -> None:
    class OnlyWithTitle(KnownValues):
        def collect_seeds(self, texts: Sequence[str]) -> list[list[Any]]:
            return super().collect_seeds([t if "Dr." in t else "" for t in texts])

    _, after = _run(
        vault,
        [
            record(0, "Dr. Renner called", unit="a"),
            record(1, "Renner back", unit="a"),
            record(2, "Renner elsewhere", unit="b"),
        ],
        detector=OnlyWithTitle({"Renner": "PERSON"}),
    )
    first, second, third = _texts(after)
    surrogate = first.removeprefix("Dr. ").removesuffix(" called")
    assert second == f"{surrogate} back"
    assert third == "Renner elsewhere"


def test_the_person_s_own_columns_seed_the_search_of_the_texts(vault: Vault) -> None:
    rows = [
        record(
            i, f"Zamira came, mrn Q{i:06d}", unit=str(i), name=f"Zamira Okafor{i}", mrn=f"Q{i:06d}"
        )
        for i in range(30)
    ]
    _, after = _run(vault, rows, known={})
    assert not any(f"Q{i:06d}" in text for i, text in enumerate(_texts(after)))


def test_columns_are_replaced_like_texts(vault: Vault) -> None:
    rows = [
        record(i, "Marisol Dalton", unit="a", patient_name="DALTON, MARISOL", age=93, icd10="I10")
        for i in range(20)
    ]
    section, after = _run(vault, rows)
    given, family = _texts(after)[0].split()
    assert after[0].extra["patient_name"] == f"{family.upper()}, {given.upper()}"
    assert after[0].extra["age"] == 90
    assert after[0].extra["icd10"] == "I10"
    assert section.columns["patient_name"].entity_type == "PERSON"
    assert section.columns["icd10"].action == "keep"


def test_a_column_the_sample_did_not_show_is_scanned(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One record in ten is looked at; the column turns up in one of the others alone.
    monkeypatch.setattr(stage, "SAMPLED_RECORDS", 3)
    rows = [record(i, "t", unit=str(i)) for i in range(30)]
    rows[7] = record(7, "t", unit="7", remark="Bo Chi, SSN 075-69-1543")
    section, after = _run(vault, rows)
    assert "remark" not in section.columns
    assert "Bo Chi" not in str(after[7].extra["remark"])
    assert "[US_SSN]" in str(after[7].extra["remark"])


def test_a_dropped_column_is_gone(vault: Vault) -> None:
    rules = policy(columns={"photo": ColumnRule(action="drop")})
    _, after = _run(vault, [record(0, "t", photo="base64")], rules=rules)
    assert after[0].extra == {}


def test_messages_prompts_and_preferences_are_rewritten(vault: Vault) -> None:
    chat = [
        {"role": "user", "content": "I am Bo Chi"},
        {"role": "assistant", "content": "Hi Bo Chi"},
    ]
    _, after = _run(
        vault,
        [
            record(0, kind="messages", fields={"messages": chat}),
            record(1, kind="prompt_response", fields={"prompt": "Bo Chi?", "response": "Dalton"}),
            record(
                2, kind="preference", fields={"prompt": "p", "chosen": "Bo Chi", "rejected": "x"}
            ),
            record(3, kind="classification", fields={"text": "Bo Chi", "label": "falls"}),
        ],
    )
    text = repr([dict(r.fields) for r in after])
    assert "Bo Chi" not in text
    assert "Dalton" not in text
    assert after[3].fields["label"] == "falls"
    assert [m["role"] for m in after[0].fields["messages"]] == ["user", "assistant"]  # type: ignore[index,call-overload,union-attr]


def test_many_buckets_give_the_same_corpus_as_one(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.crypto.keys import RootKey

    rows = [
        record(i, f"Marisol Dalton and Bo Chi on 19 Sep 2014, {i}", unit=f"u{i % 13}")
        for i in range(120)
    ]
    one_section, one = _run(vault, rows)
    other = Vault.create(tmp_path / "other", scope="run/test", root=RootKey(b"r" * 32))
    monkeypatch.setattr(buckets, "count_buckets", lambda *_: 7)
    many_section, many = _run(other, rows)
    assert many == one
    assert many_section == one_section


def test_a_unit_larger_than_a_batch_is_searched_with_all_its_seeds(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "BATCH_TEXTS", 8)

    class OnlyWithTitle(KnownValues):
        def collect_seeds(self, texts: Sequence[str]) -> list[list[Any]]:
            return super().collect_seeds([t if "Dr." in t else "" for t in texts])

    rows = [record(i, f"Renner {i}") for i in range(39)] + [record(39, "Dr. Renner")]
    detector = OnlyWithTitle({"Renner": "PERSON"})
    _, after = _run(vault, rows, detector=detector)
    assert not any("Renner" in text for text in _texts(after))
    assert max(detector.calls) <= 8


def test_the_second_look_sees_what_the_first_one_left(vault: Vault) -> None:
    section, _ = _run(
        vault,
        [
            record(0, "write to ann.lee@clinic.test"),
            record(1, "SSN 123-45-6789", unit="b"),
            record(2, "x"),
        ],
        known={},
    )
    assert section.residual.findings["EMAIL_ADDRESS"] == 1
    assert section.residual.records_with_findings == 2
    assert section.residual.direct_identifier_rate == pytest.approx(2 / 3)


def test_a_rare_age_in_a_text_is_flagged(vault: Vault) -> None:
    rows = [record(i, "aged 42, no more", unit=str(i)) for i in range(9)]
    rows.append(record(9, "aged 93 in 19 Sep 2014", unit="9"))
    section, _ = _run(vault, rows, known=KNOWN | {"42": "AGE"})
    assert section.quasi_identifiers == {"AGE in texts": 1, "DATE_TIME in texts": 1}


def test_our_own_surrogates_are_not_counted_as_left_over(vault: Vault) -> None:
    entities = policy().deidentify.entities | {"US_SSN": "surrogate", "EMAIL_ADDRESS": "surrogate"}
    section, after = _run(
        vault,
        [record(0, "SSN 075-69-1543, Dr. Dalton, ann@clinic.test")],
        rules=policy(entities=entities),
        known=KNOWN | {"ann@clinic.test": "EMAIL_ADDRESS"},
    )
    assert re.search(r"SSN 9\d\d-\d\d-\d{4}", _texts(after)[0])
    assert section.residual.findings == {}
    assert section.residual.direct_identifier_rate == 0.0


def test_what_was_removed_is_kept_for_the_audit_with_few_true_values(vault: Vault) -> None:
    rows = [record(i, f"SSN {100 + i}-22-3333 of Bo Chi", unit=str(i)) for i in range(30)]
    known = {f"{100 + i}-22-3333": "US_SSN" for i in range(30)} | {"Bo Chi": "PERSON"}
    rules = policy()
    rules = rules.model_copy(update={"audit": rules.audit.model_copy(update={"ranked_values": 2})})
    _, after = _run(vault, rows, rules=rules, known=known)
    pieces = list(read_removed(vault))
    assert len(pieces) == 60
    assert sum(p.value is not None for p in pieces) == 8
    texts = _texts(after)
    for piece in pieces:
        shown = texts[piece.record_id][piece.start : piece.end]
        assert shown == "[US_SSN]" or piece.entity_type == "PERSON"
        assert piece.value is None or piece.value == f"{100 + piece.record_id}-22-3333"


def test_no_intermediate_file_is_left(vault: Vault) -> None:
    _run(vault, [record(0, "Bo Chi")])
    assert vault.names("redact/") == ("redact/corpus.arrow", "redact/removed.arrow")


def test_a_second_attempt_gives_the_same_result(vault: Vault) -> None:
    rows = [record(i, "Marisol Dalton on 19 Sep 2014", unit=str(i)) for i in range(5)]
    first = _run(vault, rows)
    assert _run(vault, rows) == first


def test_a_surrogate_is_never_a_real_name_of_another_record(vault: Vault) -> None:
    names = {f"{a} {b}": "PERSON" for a in ("Brian", "Destiny", "Mary") for b in ("Jones", "Lee")}
    rows = [record(i, name, unit=str(i)) for i, name in enumerate(names)]
    _, after = _run(vault, rows, known=names)
    real = {token for name in names for token in name.split()}
    assert not real & {token for text in _texts(after) for token in text.split()}


def test_nothing_of_a_record_is_in_the_vault_s_files_in_clear(vault: Vault) -> None:
    _run(vault, [record(0, "Marisol Dalton lives here, SSN 075-69-1543")])
    for path in vault.path.rglob("*"):
        if path.is_file():
            assert b"Dalton" not in path.read_bytes()


def test_a_copy_in_clear_needs_the_policy_s_leave(vault: Vault) -> None:
    _run(vault, [record(0, "Bo Chi", icd10="I10")])
    corpus = Corpus(vault, "redact/corpus.arrow")
    with pytest.raises(PolicyError, match="allow_export"):
        exported(corpus, policy=policy())
    (row,) = exported(corpus, policy=policy(allow_export=True))
    assert row["icd10"] == "I10"
    assert row["text"] != "Bo Chi"


def test_preview_shows_types_only() -> None:
    shown = preview(
        record(0, "Bo Chi, SSN 075-69-1543"), policy=policy(), detector=KnownValues(KNOWN)
    )
    assert shown == "[PERSON], SSN [US_SSN]"


def test_covered_text_hides_overlapping_spans() -> None:
    text, spans = marked("[PERSON Ann Lee] x")
    overlapping = [*spans, Span(start=4, end=9, entity_type="ID", score=0.5)]
    assert covered(text, overlapping) == "[PERSON]"


def test_a_language_without_a_recogniser_is_refused_or_said() -> None:
    base = load_policy(Path("hipaa")).policy
    french = base.model_copy(update={"data": base.data.model_copy(update={"languages": ("fr",)})})
    with pytest.raises(PolicyError, match="no name recogniser for fr"):
        build_detector(french)
    patterns = french.deidentify.model_copy(
        update={
            "detectors": french.deidentify.detectors.model_copy(
                update={"missing_language": "patterns"}
            )
        }
    )
    allowed = french.model_copy(update={"deidentify": patterns})
    build_detector(allowed)
    assert any("patterns and lists alone (fr)" in name for name in detectors_of(allowed))


def test_a_missing_gold_file_is_a_policy_error(vault: Vault) -> None:
    with pytest.raises(PolicyError, match=r"deidentify\.gold"):
        _run(vault, [record(0, "x")], rules=policy(gold="nowhere.jsonl"))


def test_recall_is_measured_on_the_policy_s_gold(vault: Vault, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        '{"text": "Bo Chi and Al", "spans": [{"start": 0, "end": 6, "type": "PERSON"},'
        ' {"start": 11, "end": 13, "type": "PERSON"}]}\n'
    )
    section, _ = _run(vault, [record(0, "x")], rules=policy(gold=str(gold)))
    assert section.measured_recall is not None
    assert section.measured_recall.recall == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The patient was seen by her doctor and has pain", "en"),
        ("O paciente relata dor há três dias e não tem febre", "pt"),
        ("El paciente refiere dolor desde hace tres días", "es"),
        ("Der Patient klagt über Schmerzen und ist seit gestern hier", "de"),
        ("Le patient a été vu avec une douleur depuis trois jours", "fr"),
        ("42", "en"),
    ],
)
def test_the_language_of_a_text_is_guessed(text: str, language: str) -> None:
    assert guess([text], ("en", "pt", "es", "de", "fr", "it", "nl")) == language


def test_each_unit_goes_to_the_detector_of_its_language() -> None:
    built: dict[str, KnownValues] = {}

    def build(language: str) -> KnownValues:
        built[language] = KnownValues({f"name-{language}": "PERSON"})
        return built[language]

    polyglot = Polyglot(("en", "de"), build)
    spans = polyglot.detect_batch(
        ["the name-en is of name-de", "der name-de und die name-en", "name-de"],
        groups=["a", "b", "b"],
    )
    assert [[s.start for s in found] for found in spans] == [[4], [4], [0]]
    assert polyglot.detect_batch(["the"]) == [[]]
    assert set(built) == {"en", "de"}
