"""A customer's GLiNER model: pinned, offline, read whole, nothing that executes."""

from __future__ import annotations

import json
import shutil
import warnings
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.errors import IntegrityError, PolicyError
from appliance.model.spans import CONFIG, SpanModel
from appliance.policy.deidentify import DetectorModel
from appliance.redact.building import directory_digest
from appliance.steward.detector import load_model
from tests.support.gliner import build_tiny_gliner

LABELS = {"person": "PERSON", "mivk": "LOCATION"}
TEXT = "then met zorbalin then mivk."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_gliner(tmp_path_factory.mktemp("model") / "spans")


@pytest.fixture
def directory(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "spans"))


def _load(directory: Path, *, threshold: float = 0.5) -> SpanModel:
    digest = directory_digest(directory)
    return SpanModel.load(directory, digest=digest, labels=LABELS, threshold=threshold)


def test_it_reports_what_the_library_finds_in_our_types(directory: Path) -> None:
    from gliner import GLiNER

    direct = GLiNER.from_pretrained(str(directory), local_files_only=True).eval()
    wanted = direct.predict_entities(TEXT, list(LABELS), threshold=0.4)
    spans = _load(directory, threshold=0.4).find(TEXT, [])
    assert [(s.start, s.end, s.entity_type) for s in spans] == [
        (e["start"], e["end"], LABELS[e["label"]]) for e in wanted
    ]
    assert spans
    assert {s.source for s in spans} == {"model:spans"}
    assert all(0.4 <= s.score <= 0.85 for s in spans)


def test_a_long_text_is_read_to_its_end_and_nothing_is_dropped(directory: Path) -> None:
    model = _load(directory, threshold=0.0)
    text = "then met . " * 300 + "zorbalin"
    windows = list(model._windows(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # The library warns where it drops the rest of a text.
        for start, end in windows:
            model._model.predict_entities(text[start:end], list(LABELS), threshold=0.0)
    assert windows[0][0] == 0
    assert windows[-1][1] == len(text)
    assert all(a[1] > b[0] for a, b in pairwise(windows))
    assert max(s.end for s in model.find(text, [])) == len(text)
    assert model.find(" \n", []) == []


def test_a_word_longer_than_a_window_is_no_endless_loop(directory: Path) -> None:
    text = "zorbalin" * 200
    assert list(_load(directory)._windows(text)) == [(0, len(text))]


def test_the_policy_s_line_loads_it(directory: Path) -> None:
    line = {"path": str(directory), "digest": directory_digest(directory), "threshold": 0.4}
    asked = DetectorModel.model_validate({**line, "labels": LABELS})
    assert load_model(asked).find(TEXT, [])
    with pytest.raises(PolicyError, match="what it is asked for"):
        load_model(DetectorModel.model_validate(line))


def test_other_bytes_than_the_pinned_ones_are_refused(directory: Path) -> None:
    digest = directory_digest(directory)
    weights = directory / "model.safetensors"
    body = bytearray(weights.read_bytes())
    body[-1] ^= 1
    weights.write_bytes(bytes(body))
    with pytest.raises(IntegrityError, match="digest"):
        SpanModel.load(directory, digest=digest, labels=LABELS)


def _changed(directory: Path, **values: object) -> None:
    file = directory / CONFIG
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"encoder_config": None}, "its encoder's configuration"),
        ({"labels_encoder": "another/model"}, "a second model"),
        ({"words_splitter_type": "spacy"}, "words_splitter_type"),
        ({"encoder_config": {"model_type": "bert", "auto_map": {"AutoModel": "m.M"}}}, "remote"),
        ({"hidden_size": 77}, "cannot be loaded"),
    ],
)
def test_a_model_that_would_fetch_or_execute_is_refused(
    directory: Path, values: dict[str, object], said: str
) -> None:
    _changed(directory, **values)
    with pytest.raises(PolicyError, match=said):
        _load(directory)


def test_pickled_weights_are_refused(directory: Path) -> None:
    (directory / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(PolicyError, match="allow-list"):
        _load(directory)
