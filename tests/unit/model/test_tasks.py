"""Each task on each family: what is offered, how a record is learned, what a model may see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from appliance.errors import PolicyError
from appliance.model.load import load_base, load_tokenizer
from appliance.model.predict import class_probabilities, padded, predict_targets
from appliance.model.task_encode import TaskEncoder
from appliance.model.tasks import (
    CAUSAL_FAMILIES,
    ENCODER_FAMILIES,
    FAMILIES,
    SEQ2SEQ_FAMILIES,
    shape_of,
)
from appliance.policy.model import Training
from appliance.records import Kind, Record
from tests.support.tiny import build_tiny_encoder, build_tiny_t5
from tests.unit.model.conftest import TEXTS

LABELS = ("sugar", "heart", "knee")
CLASSES = {"labels": LABELS}
ONE = Training(task="classification", classes=CLASSES, max_length=24)
SEVERAL = Training(task="classification", classes={**CLASSES, "multi_label": True}, max_length=24)


def record(kind: Kind, number: int = 0, **fields: Any) -> Record:
    return Record(
        record_id=number, unit=bytes(16), source=0, line=1, kind=kind, fields=fields, extra={}
    )


@pytest.fixture(scope="module")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("m") / "bert", TEXTS, vocabulary=400)


@pytest.fixture(scope="module")
def t5_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_t5(tmp_path_factory.mktemp("m") / "t5", TEXTS, vocabulary=700)


def encoder(path: Path, training: Training) -> TaskEncoder:
    family = json.loads((path / "config.json").read_text())["model_type"]
    return TaskEncoder(load_tokenizer(path), training=training, shape=shape_of(training, family))


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize(
    ("task", "families"),
    [
        ("causal-lm", CAUSAL_FAMILIES),
        ("self-supervised", CAUSAL_FAMILIES),
        ("classification", ENCODER_FAMILIES),
        ("seq2seq", SEQ2SEQ_FAMILIES),
    ],
)
def test_a_task_runs_on_its_families_and_names_the_nearest_elsewhere(
    task: Any, families: frozenset[str], family: str
) -> None:
    training = Training(task=task, classes=CLASSES)
    if family in families:
        shape_of(training, family)
        return
    with pytest.raises(PolicyError) as caught:
        shape_of(training, family)
    nearest = caught.value.hint.split("training.task: ")[1].split(",")[0]
    shape_of(Training(task=nearest, classes=CLASSES), family)


def test_a_part_that_a_family_does_not_offer_is_named() -> None:
    parts = ({"task": "seq2seq"}, {"task": "classification"})
    training = Training(task="multi-task", parts=parts, classes=CLASSES)
    assert shape_of(training, "t5") == "seq2seq"
    with pytest.raises(PolicyError, match="seq2seq"):
        shape_of(training, "llama")


def test_windows_learn_every_token_of_a_document_once_and_stay_with_it(tiny: Path) -> None:
    text = " ".join(TEXTS[:6])
    training = Training(task="self-supervised", max_length=16)
    windows = encoder(tiny, training).encode(record("text", 7, text=text))
    tokenizer = load_tokenizer(tiny)
    whole = [
        *tokenizer(text, add_special_tokens=False)["input_ids"],
        tokenizer.eos_token_id,
    ]
    learned = np.concatenate([w.input_ids[w.loss_mask] for w in windows]).tolist()
    assert [whole[0], *learned] == whole
    assert {w.record_id for w in windows} == {7}
    assert max(map(len, windows)) <= 16
    assert len(windows) == 3


def test_a_class_is_its_number_among_the_policys_labels(encoder_dir: Path) -> None:
    (found,) = encoder(encoder_dir, ONE).encode(record("classification", text="ab", label="knee"))
    assert found.input_ids[found.loss_mask].tolist() == [2]
    tokenizer = load_tokenizer(encoder_dir)
    assert found.input_ids[~found.loss_mask].tolist() == tokenizer("ab")["input_ids"]


def test_several_labels_are_a_yes_or_no_for_each_class(encoder_dir: Path) -> None:
    encode = encoder(encoder_dir, SEVERAL).encode
    for label, wanted in (("knee; sugar", [1, 0, 1]), ("-", [0, 0, 0]), ("heart", [0, 1, 0])):
        (found,) = encode(record("classification", text="seen today", label=label))
        assert found.input_ids[found.loss_mask].tolist() == wanted


@pytest.mark.parametrize("training", [ONE, SEVERAL])
def test_a_label_the_policy_does_not_name_is_left_out(
    encoder_dir: Path, training: Training
) -> None:
    assert (
        encoder(encoder_dir, training).encode(record("classification", text="a", label="x")) == []
    )


def test_a_long_text_is_cut_and_its_class_kept(encoder_dir: Path) -> None:
    text = "the knee hurts " * 40
    (found,) = encoder(encoder_dir, ONE).encode(record("classification", text=text, label="heart"))
    assert len(found) == ONE.max_length
    assert found.input_ids[found.loss_mask].tolist() == [1]
    assert found.input_ids[-2] == load_tokenizer(encoder_dir).sep_token_id


def test_words_of_a_record_never_become_an_encoders_control_tokens(encoder_dir: Path) -> None:
    tokenizer = load_tokenizer(encoder_dir)
    (found,) = encoder(encoder_dir, ONE).encode(
        record("classification", text="a [SEP] b [CLS]", label="knee")
    )
    given = found.input_ids[~found.loss_mask].tolist()
    assert given.count(tokenizer.sep_token_id) == given.count(tokenizer.cls_token_id) == 1


def test_a_response_is_what_a_decoder_learns(t5_dir: Path) -> None:
    training = Training(task="seq2seq", max_length=40)
    encode = encoder(t5_dir, training)
    one = record("prompt_response", prompt="the knee", response="hurts today")
    (found,) = encode.encode(one)
    tokenizer = load_tokenizer(t5_dir)
    assert found.input_ids[~found.loss_mask].tolist() == tokenizer("the knee")["input_ids"]
    assert found.input_ids[found.loss_mask].tolist() == tokenizer("hurts today")["input_ids"]
    prompt = encode.prompt(one)
    assert prompt is not None
    assert list(prompt.ids) == tokenizer("the knee")["input_ids"]


def test_each_record_of_a_mix_goes_to_the_part_of_its_shape(tiny: Path) -> None:
    parts = ({"task": "causal-lm"}, {"task": "classification"}, {"task": "self-supervised"})
    encode = encoder(tiny, Training(task="multi-task", parts=parts, classes=CLASSES)).encode
    mix = {
        0: record("prompt_response", prompt="the knee", response="hurts"),
        1: record("classification", text="the knee hurts", label="knee"),
        2: record("text", text="the patient said the knee hurts"),
    }
    for part, one in mix.items():
        assert {e.part for e in encode(one)} == {part}
    (written,) = encode(mix[1])
    tokenizer = load_tokenizer(tiny)
    assert tokenizer.decode(written.input_ids[written.loss_mask][:-1]).strip() == "knee"


@pytest.mark.parametrize("training", [ONE, SEVERAL])
def test_a_classifier_never_sees_the_class(encoder_dir: Path, training: Training) -> None:
    model = load_base(encoder_dir, training=training).model
    encode = encoder(encoder_dir, training).encode
    rows = [
        encode(record("classification", text="the knee hurts", label=label))[0]
        for label in ("sugar", "heart", "knee")
    ]
    found = class_probabilities(model, rows, max_tokens=64)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_a_neighbour_changes_nothing_of_a_row(family: str, encoder_dir: Path, t5_dir: Path) -> None:
    path, training = {
        "bert": (encoder_dir, ONE),
        "t5": (t5_dir, Training(task="seq2seq", max_length=40)),
    }[family]
    model = load_base(path, training=training).model
    encode = encoder(path, training).encode
    short, long = "the knee", "the patient said the knee hurts today"
    made = [
        encode(
            record("classification", text=t, label="knee")
            if family == "bert"
            else record("prompt_response", prompt=t, response=t)
        )[0]
        for t in (short, long)
    ]
    with torch.no_grad():
        together = predict_targets(model, *padded(made, "cpu"))
        for row, one in enumerate(made):
            alone = predict_targets(model, *padded([one], "cpu"))
            mine = together.row == row
            assert torch.equal(together.labels[mine], alone.labels)
            assert torch.allclose(together.logits[mine], alone.logits, atol=1e-5)


def test_a_new_head_starts_the_same_in_every_process(encoder_dir: Path) -> None:
    torch.manual_seed(1)
    first = load_base(encoder_dir, training=ONE)
    torch.manual_seed(2)
    second = load_base(encoder_dir, training=ONE)
    assert first.fresh == ("classifier",)
    assert torch.equal(first.model.classifier.weight, second.model.classifier.weight)
