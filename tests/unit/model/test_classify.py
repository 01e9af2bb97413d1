"""A customer's token classification model: pinned, offline, whole words, nothing that executes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appliance.errors import IntegrityError, PolicyError
from appliance.model.classify import TokenClassifier
from appliance.policy import load_policy
from appliance.policy.deidentify import DetectorModel
from appliance.policy.model import Policy
from appliance.redact.building import detector_digest, detectors_of, directory_digest
from appliance.redact.entities import canonical
from appliance.steward.detector import detector_of, load_model
from tests.support.classifier import build_tiny_classifier

POLICY = Path(__file__).parents[3] / "policies" / "hipaa.yaml"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_classifier(tmp_path_factory.mktemp("model") / "ner")


@pytest.fixture
def directory(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "ner"))


def _load(directory: Path, *, threshold: float = 0.5, digest: str | None = None) -> TokenClassifier:
    return TokenClassifier.load(
        directory,
        digest=digest or directory_digest(directory),
        type_of=lambda label: None if label == "O" else canonical(label),
        threshold=threshold,
    )


def _policy(directory: Path, **model: object) -> Policy:
    base = load_policy(POLICY).policy
    own = DetectorModel.model_validate(
        {"path": str(directory), "digest": directory_digest(directory), **model}
    )
    knobs = base.deidentify.detectors.model_copy(update={"ner": False, "models": (own,)})
    update = {"detectors": knobs, "recall_floor": 0.5}
    return base.model_copy(update={"deidentify": base.deidentify.model_copy(update=update)})


def test_a_model_finds_whole_words_of_the_types_its_labels_mean(directory: Path) -> None:
    text = "then zorbalin met mivk zorbalin."
    spans = _load(directory).find(text, [])
    assert [(text[s.start : s.end], s.entity_type) for s in spans] == [
        ("zorbalin", "PERSON"),
        ("mivk", "LOCATION"),
        ("zorbalin", "PERSON"),
    ]
    assert {s.source for s in spans} == {"model:ner"}
    assert all(0.35 < s.score <= 0.85 for s in spans)


def test_a_long_text_is_read_to_its_end_in_overlapping_windows(directory: Path) -> None:
    text = "then met " * 400 + "zorbalin"
    (span,) = set(_load(directory).find(text, []))
    assert text[span.start : span.end] == "zorbalin"
    assert _load(directory).find(" \n", []) == []


def test_the_policy_s_line_brings_the_model_into_the_detector(directory: Path) -> None:
    policy = _policy(directory)
    text = "then zorbalin met mivk"
    (spans,) = detector_of(policy).detect_batch([text])
    assert ("zorbalin", "PERSON") in {(text[s.start : s.end], s.entity_type) for s in spans}
    assert any("the customer's model ner" in name for name in detectors_of(policy))
    renamed = _policy(directory, labels={"PER": "PATIENT_CODE", "LOC": "O"})
    (spans,) = detector_of(renamed).detect_batch([text])
    assert [(text[s.start : s.end], s.entity_type) for s in spans] == [("zorbalin", "PATIENT_CODE")]
    assert detector_digest(policy) != detector_digest(renamed)


def test_a_model_of_another_language_is_not_asked(directory: Path) -> None:
    (spans,) = detector_of(_policy(directory, languages=("pt",))).detect_batch(["then zorbalin"])
    assert not [s for s in spans if s.source == "model:ner"]


def test_a_model_stands_in_for_a_language_without_one(directory: Path) -> None:
    french = _policy(directory, languages=("fr",))
    data = french.data.model_copy(update={"languages": ("fr",)})
    knobs = french.deidentify.detectors.model_copy(update={"ner": True})
    update = {"data": data, "deidentify": french.deidentify.model_copy(update={"detectors": knobs})}
    (spans,) = detector_of(french.model_copy(update=update)).detect_batch(["zorbalin"])
    assert [s.entity_type for s in spans] == ["PERSON"]


def test_other_bytes_than_the_policy_pins_are_not_loaded(directory: Path) -> None:
    pinned = directory_digest(directory)
    weights = directory / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(IntegrityError, match="digest that the policy pins"):
        _load(directory, digest=pinned)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling_own.py", "model.pkl"])
def test_what_could_execute_is_refused(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"x")
    with pytest.raises(PolicyError, match="allow-list") as caught:
        _load(directory)
    assert caught.value.exit_code == 3


def test_remote_code_and_other_architectures_are_refused(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "auto_map": {"A": "b.C"}}))
    with pytest.raises(PolicyError, match="remote code"):
        _load(directory)
    (directory / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(PolicyError, match="ForTokenClassification"):
        _load(directory)


def test_missing_weights_are_not_made_up(directory: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(directory / "model.safetensors")
    left = {k: v for k, v in weights.items() if not k.startswith("classifier")}
    save_file(left, directory / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PolicyError, match="weights are not all there"):
        _load(directory)


def test_labels_without_names_have_to_be_mapped(directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    config["id2label"] = {str(i): f"LABEL_{i}" for i in range(3)}
    config["label2id"] = {f"LABEL_{i}": i for i in range(3)}
    (directory / "config.json").write_text(json.dumps(config))
    with pytest.raises(PolicyError, match="labels have no names"):
        load_model(_policy(directory).deidentify.detectors.models[0])
    labels = {"LABEL_0": "O", "LABEL_1": "PERSON", "LABEL_2": "LOCATION"}
    model = load_model(_policy(directory, labels=labels).deidentify.detectors.models[0])
    assert [s.entity_type for s in model.find("zorbalin", [])] == ["PERSON"]


def test_a_directory_that_is_not_there_is_a_policy_error(directory: Path) -> None:
    policy = _policy(directory)
    shutil.rmtree(directory)
    with pytest.raises(PolicyError, match="not there"):
        detector_of(policy)
