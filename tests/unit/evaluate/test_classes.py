"""Measures of a classifier against slow twins and cases counted by hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from appliance.evaluate.classes import calls, confusion, macro_auc, macro_f1, paired_measure
from appliance.evaluate.classified import evaluate_classes
from appliance.model.examples import Example
from appliance.policy.model import Evaluate
from appliance.policy.tasks import Classes

GENERATOR = np.random.default_rng(3)
LABELS = ("a", "b", "c")
TRUTH = np.eye(3, dtype=bool)[[0, 0, 1, 2, 2, 2, 1, 0]]
SCORES = GENERATOR.random((8, 3)).round(1)
ONES = np.ones(8)


def slow_f1(truth: Any, said: Any, weights: Any) -> float:
    found = []
    for k in range(truth.shape[1]):
        tp = sum(w for t, s, w in zip(truth[:, k], said[:, k], weights, strict=True) if t and s)
        fp = sum(w for t, s, w in zip(truth[:, k], said[:, k], weights, strict=True) if s and not t)
        fn = sum(w for t, s, w in zip(truth[:, k], said[:, k], weights, strict=True) if t and not s)
        if tp + fp + fn:
            found.append(2 * tp / (2 * tp + fp + fn))
    return float(np.mean(found))


def slow_auc(truth: Any, scores: Any, weights: Any) -> float:
    found = []
    for k in range(truth.shape[1]):
        won = total = 0.0
        for i in np.flatnonzero(truth[:, k]):
            for j in np.flatnonzero(~truth[:, k]):
                pair = weights[i] * weights[j]
                total += pair
                won += pair * (
                    float(scores[i, k] > scores[j, k]) + (scores[i, k] == scores[j, k]) / 2
                )
        if total:
            found.append(won / total)
    return float(np.mean(found))


@pytest.mark.parametrize("weights", [ONES, GENERATOR.integers(0, 4, 8).astype(float)])
def test_f1_and_area_match_their_slow_twins(weights: Any) -> None:
    said = calls(SCORES, multi_label=False)
    assert macro_f1(TRUTH, said, weights) == pytest.approx(slow_f1(TRUTH, said, weights))
    assert macro_auc(TRUTH, SCORES, weights) == pytest.approx(slow_auc(TRUTH, SCORES, weights))


def test_a_class_that_nobody_has_or_calls_counts_for_nothing() -> None:
    truth = np.eye(4, dtype=bool)[[0, 1, 1]]
    assert macro_f1(truth, truth, np.ones(3)) == 1.0
    assert np.isnan(macro_auc(truth[:1], SCORES[:1, :1].repeat(4, axis=1), np.ones(1)))


def test_confusion_counts_each_record_once_in_its_row() -> None:
    said = np.eye(3, dtype=bool)[[0, 1, 1, 2, 2, 0, 1, 0]]
    assert confusion(TRUTH, said) == [[2, 1, 0], [0, 2, 0], [1, 0, 2]]


def test_several_labels_are_called_above_one_half() -> None:
    assert calls(np.array([[0.6, 0.4, 0.51]]), multi_label=True).tolist() == [[True, False, True]]


def test_the_interval_resamples_whole_units() -> None:
    """Eight copies of one person's record say no more than one."""
    right = np.array([1.0] * 8 + [0.0] * 2)
    units = np.array([0] * 8 + [1, 2])
    paired = paired_measure(lambda v, w: float((v * w).sum() / w.sum()), right * 0, right, units)
    assert paired.adapter == pytest.approx(0.8)
    assert paired.adapter_interval[0] == 0.0
    alone = paired_measure(
        lambda v, w: float((v * w).sum() / w.sum()), right * 0, right, np.arange(10)
    )
    assert alone.adapter_interval[0] > 0.4


def units(labels: list[list[int]]) -> list[list[Example]]:
    return [
        [
            Example(
                input_ids=np.array([5, 6, *label], np.int32),
                loss_mask=np.arange(2 + len(label)) >= 2,
                record_id=number,
            )
        ]
        for number, label in enumerate(labels)
    ]


class Model:
    """Right with the adapter on, indifferent with it off."""

    def __init__(self, truth: Any) -> None:
        self.truth, self.on = truth, True

    def classify(self, examples: Any) -> Any:
        level = 1.0 / self.truth.shape[1]
        return np.where(self.truth, 0.9, 0.05) if self.on else np.full(self.truth.shape, level)

    @contextmanager
    def base_only(self) -> Any:
        self.on = False
        yield
        self.on = True


def test_a_classifier_is_compared_with_its_base() -> None:
    truth = TRUTH
    model = Model(truth)
    found = evaluate_classes(
        units([[int(row.argmax())] for row in truth]),
        classify=model.classify,
        base_only=model.base_only,
        classes=Classes(labels=LABELS),
        policy=Evaluate(),
    )
    metrics = found.metrics
    assert metrics["accuracy"].adapter == metrics["auc"].adapter == 1.0
    assert metrics["loss"].base == pytest.approx(np.log(3))
    assert metrics["loss"].adapter == pytest.approx(-np.log(0.9))
    assert metrics["auc"].base == 0.5
    assert found.confusion is not None
    assert found.confusion.adapter == [[3, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert "rouge_l" in found.reasons


def test_several_labels_have_no_confusion_and_say_why() -> None:
    truth = np.array([[True, True, False], [False, False, False], [False, True, True]])
    model = Model(truth)
    found = evaluate_classes(
        units([row.astype(int).tolist() for row in truth]),
        classify=model.classify,
        base_only=model.base_only,
        classes=Classes(labels=LABELS, multi_label=True),
        policy=Evaluate(),
    )
    assert found.confusion is None
    assert "confusion" in found.reasons
    assert found.metrics["accuracy"].adapter == 1.0


def test_no_test_side_is_missing_evidence() -> None:
    found = evaluate_classes(
        [],
        classify=lambda _: np.zeros((0, 3)),
        base_only=Model(TRUTH).base_only,
        classes=Classes(labels=LABELS),
        policy=Evaluate(),
    )
    assert found.metrics == {}
    assert found.reasons
