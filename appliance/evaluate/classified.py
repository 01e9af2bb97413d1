"""Measure a classifier: the adapter against its base model, on people it never saw.

The base model is the same one with the adapter off: its head is the untrained one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from appliance.evaluate.classes import (
    Floats,
    calls,
    confusion,
    macro_auc,
    macro_f1,
    paired_measure,
)
from appliance.evaluate.metrics import paired_ratio
from appliance.evaluate.stage import NOT_MEASURED, choose, metric_of
from appliance.evidence import Confusion, UtilitySection
from appliance.model.examples import Example
from appliance.policy.model import Evaluate
from appliance.policy.tasks import Classes

#: Probabilities below this count as this, as everywhere a loss is taken of them.
_LEAST = 1e-12


def evaluate_classes(
    units: Sequence[Sequence[Example]],
    *,
    classify: Callable[[Sequence[Example]], Floats],
    base_only: Callable[[], AbstractContextManager[Any]],
    classes: Classes,
    policy: Evaluate,
) -> UtilitySection:
    """Compare adapter and base on the test side.

    Args:
        units: the test side's examples, one list per unit.
        classify: probabilities [examples, classes] with the model as it stands.
        base_only: switches the adapter off while it is entered.
        classes: the classes, in the model's order.
        policy: how much is measured.

    Returns:
        Loss, accuracy (of records called exactly right), macro-F1, area under the curve, and for
        one class a record the confusion.
    """
    chosen = choose(units, policy.max_records)
    examples = [e for unit in chosen for e in unit]
    if not examples:
        return UtilitySection(
            records=0, units=0, metrics={}, reasons={"metrics": "no record on the test side"}
        )
    owner = np.repeat(np.arange(len(chosen)), [len(unit) for unit in chosen])
    truth = _truth(examples, classes)
    adapter = classify(examples)
    with base_only():
        base = classify(examples)
    ones = np.ones(len(examples))
    said = [calls(p, multi_label=classes.multi_label) for p in (base, adapter)]
    before, after = ((s == truth).all(axis=1).astype(float) for s in said)
    right = paired_ratio(before, after, ones, owner)
    before, after = (_loss(p, truth, multi_label=classes.multi_label) for p in (base, adapter))
    loss = paired_ratio(before, after, ones, owner)
    f1 = paired_measure(lambda s, w: macro_f1(truth, s, w), said[0], said[1], owner)
    area = paired_measure(lambda p, w: macro_auc(truth, p, w), base, adapter, owner)
    reasons = dict(NOT_MEASURED)
    for name in ("rouge_l", "exact_match", "forgetting"):
        reasons[name] = "a classifier writes no text"
    matrix = None
    if classes.multi_label:
        reasons["confusion"] = "a record may have several classes"
    else:
        matrix = Confusion(
            labels=list(classes.labels),
            base=confusion(truth, said[0]),
            adapter=confusion(truth, said[1]),
        )
    return UtilitySection(
        records=len(examples),
        units=len(chosen),
        metrics={
            "loss": metric_of(loss, higher_is_better=False),
            "accuracy": metric_of(right, higher_is_better=True),
            "macro_f1": metric_of(f1, higher_is_better=True),
            "auc": metric_of(area, higher_is_better=True),
        },
        confusion=matrix,
        reasons=reasons,
    )


def _truth(examples: Sequence[Example], classes: Classes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Read each record's classes, bool [records, classes]."""
    learned = np.stack([e.input_ids[e.loss_mask] for e in examples])
    if classes.multi_label:
        return learned > 0
    return np.equal(learned, np.arange(len(classes.labels))[None, :])


def _loss(
    probabilities: Floats, truth: np.ndarray[Any, np.dtype[np.bool_]], *, multi_label: bool
) -> Floats:
    """Return each record's loss in nats; with several labels the mean over classes."""
    if multi_label:
        own = np.where(truth, probabilities, 1.0 - probabilities)
        losses: Floats = -np.log(np.maximum(own, _LEAST)).mean(axis=1)
    else:
        losses = -np.log(np.maximum(probabilities[truth], _LEAST))
    return losses
