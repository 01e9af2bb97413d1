"""What was measured of a detector reaches the evidence of the runs it speaks for, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.corpus import Corpus
from appliance.crypto.unlock import Unlock
from appliance.errors import PolicyError
from appliance.evidence import DeidentificationSection
from appliance.policy import load_policy
from appliance.policy.model import Policy
from appliance.progress import SilentProgress
from appliance.redact.review import Answer
from appliance.steward import reviews
from appliance.steward.measured import deidentify, floor_warnings, measure, measured_before
from appliance.workspace import Home
from tests.unit.redact.world import record, write_corpus

POLICY = Path(__file__).parents[3] / "policies" / "hipaa.yaml"
ROWS = [record(i, f"Dr. Renner saw Mr. Quast{i}.", unit=str(i)) for i in range(6)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("steward")
    (folder / "passphrase").write_text("a passphrase that is long enough\n")
    return Home.init(folder / "home", Unlock.from_options(passphrase_file=folder / "passphrase"))


def _policy(**deidentify: object) -> Policy:
    base = load_policy(POLICY).policy
    knobs = base.deidentify.detectors.model_copy(update={"ner": False})
    section = base.deidentify.model_copy(update={"detectors": knobs, **deidentify})
    return base.model_copy(update={"deidentify": section})


def _gold(path: Path) -> Path:
    text = "Dr. Renner met xylo"
    spans = [{"start": 4, "end": 10, "type": "PERSON"}, {"start": 15, "end": 19, "type": "PERSON"}]
    path.write_text(json.dumps({"id": "1", "text": text, "spans": spans}) + "\n")
    return path


def _deidentified(home: Home, policy: Policy, run: str) -> DeidentificationSection:
    vault = home.run_vault(run)
    corpus = write_corpus(vault, ROWS)
    return deidentify(
        corpus,
        home=home,
        policy=policy,
        vault=vault,
        person_key=b"p" * 32,
        progress=SilentProgress(),
    )


def test_a_measurement_is_the_evidence_of_its_detector_alone(home: Home, tmp_path: Path) -> None:
    policy = _policy()
    assert measured_before(home, policy) is None
    scores = measure(policy, _gold(tmp_path / "gold.jsonl"), home=home)
    assert scores.recall.value == 0.5
    section = _deidentified(home, policy, "one")
    assert section.measured_recall is not None
    assert section.measured_recall.recall == 0.5
    knobs = policy.deidentify.detectors.model_copy(update={"score_threshold": 0.4})
    other = policy.model_copy(
        update={"deidentify": policy.deidentify.model_copy(update={"detectors": knobs})}
    )
    assert measured_before(home, other) is None


def test_a_plan_says_what_the_floor_will_say(home: Home, tmp_path: Path) -> None:
    assert floor_warnings(home, _policy(recall_floor=None)) == ()
    strange = {"score_threshold": 0.41, "ner": False}
    knobs = _policy().deidentify.detectors.model_copy(update=strange)
    (said,) = floor_warnings(home, _policy(detectors=knobs, recall_floor=0.9))
    assert "never measured" in said
    measure(_policy(), _gold(tmp_path / "gold.jsonl"), home=home)
    (said,) = floor_warnings(home, _policy(recall_floor=0.9))
    assert "did not reach it" in said
    assert floor_warnings(home, _policy(recall_floor=0.0)) == ()


def test_the_policy_s_own_gold_outranks_an_earlier_measurement(home: Home, tmp_path: Path) -> None:
    policy = _policy()
    measure(policy, _gold(tmp_path / "gold.jsonl"), home=home)
    fresh = tmp_path / "fresh.jsonl"
    spans = [{"start": 4, "end": 10, "type": "PERSON"}]
    fresh.write_text(json.dumps({"id": "1", "text": "Dr. Renner", "spans": spans}) + "\n")
    section = _deidentified(home, _policy(gold=str(fresh)), "two")
    assert section.measured_recall is not None
    assert section.measured_recall.recall == 1.0


def test_a_review_is_evidence_for_its_data_and_says_so_when_there_is_none(
    home: Home, tmp_path: Path
) -> None:
    policy = _policy()
    before = _deidentified(home, policy, "three")
    assert before.reviewed_recall is None
    assert "reviewed" in before.reasons["reviewed_recall"]
    source = tmp_path / "rows.jsonl"
    rows = [{"patient_id": f"P{i}", "text": f"Dr. Renner saw Mr. Quast{i}."} for i in range(6)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = reviews.begin(home, policy, source, count=4, progress=SilentProgress())
    assert len(found.waiting) == 4
    given = tuple(
        Answer(number=i.number, found=len(i.spans), missed=int(i.number == 1), wrong=0)
        for i in found.waiting
    )
    done = reviews.answer(home, found, given)
    assert done.recall is not None
    assert 0.5 < done.recall.recall < 1.0
    # The review read these very rows; a corpus of other rows is other data.
    assert _deidentified(home, policy, "four").reviewed_recall is None
    from appliance.ingest.stage import ingest

    vault = home.run_vault("five")
    ingest(
        source,
        policy=policy.data,
        vault=vault,
        unit_key=home.vault.keyed("units"),
        progress=SilentProgress(),
    )
    section = deidentify(
        Corpus(vault, "ingest/corpus.arrow"),
        home=home,
        policy=policy,
        vault=vault,
        person_key=b"p" * 32,
        progress=SilentProgress(),
    )
    assert section.reviewed_recall == done.recall


def test_excerpts_are_drawn_from_what_will_be_scanned(home: Home, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    rows = [
        {"patient_id": f"P{i}", "text": f"text {i}", "remark": f"free words about Quast {i} here"}
        for i in range(30)
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = reviews.begin(home, _policy(), source, count=60, progress=SilentProgress())
    texts = {item.text for item in found.waiting}
    assert any(text.startswith("text") for text in texts)
    assert any(text.startswith("free words") for text in texts)
    assert not any(text.startswith("P1") for text in texts)


def test_a_gold_file_that_is_missing_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"deidentify\.gold"):
        _deidentified(home, _policy(gold=str(tmp_path / "none.jsonl")), "six")
