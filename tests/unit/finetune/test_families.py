"""The clipped sum of every family equals brute force: one record at a time, clipped by hand.

Tiny random instances; LoRA on all linear layers through the one-pass engine, by the task that is
natural to the family. The truth runs transformers' own forward and loss and shares no code with it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from appliance.finetune.batching import group_units
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import MethodSettings, attach, engine_for
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.optimizer import DpOptimizer
from appliance.finetune.per_sample import trainable
from appliance.finetune.ranks import Ranks
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.task_loss import loss_of, truth_of
from appliance.model.examples import Example
from appliance.model.tasks import shape_of_model
from appliance.policy.model import Training
from tests.unit.finetune.methods import zoo
from tests.unit.finetune.toys import make_units

#: PEFT keeps a classifier's head for itself: factors go on the blocks alone.
TARGETS = {
    "bert": ("query", "key", "value"),
    "roberta": ("query", "key", "value"),
    "distilbert": ("q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"),
}


def units_for(shape: str) -> list[list[Example]]:
    """Units of one to three records; a class number, or the last tokens, are what is learned."""
    units = make_units(6, seed=2, vocab=zoo.VOCAB)
    if shape == "causal":
        return units
    return [[_last_learned(e, 1 if shape == "classifier" else 3) for e in unit] for unit in units]


def _last_learned(example: Example, count: int) -> Example:
    mask = np.zeros(len(example), dtype=np.bool_)
    mask[-count:] = True
    ids = example.input_ids.copy()
    if count == 1:
        ids[-1] %= 3
    return Example(input_ids=ids, loss_mask=mask, record_id=example.record_id)


@pytest.mark.parametrize("family", zoo.BUILD)
def test_the_clipped_sum_equals_brute_force(family):
    base = zoo.base(family).requires_grad_(False)
    shape = shape_of_model(base)
    targets = TARGETS.get(family, "all-linear")
    settings = MethodSettings(rank=4, alpha=8.0, target_modules=targets)
    model = attach(base, settings, shape=shape).eval()
    for name, p in model.named_parameters():  # The head's own gradient is other tests' business.
        p.requires_grad_("lora_" in name)
    with torch.no_grad():
        for p in trainable(model):  # Both factors awake, or A's gradients are zero.
            p.copy_(torch.randn(p.shape) * 0.1)
    labels = {"a": 0.5, "b": 1.0, "c": 2.0}
    knobs = {"task": "classification", "classes": {"labels": tuple(labels), "weights": labels}}
    training = Training.model_validate(knobs if shape == "classifier" else {})
    units = units_for(shape)
    truth = truth_of(training, shape)(model, units)
    norms = truth.norm(dim=1, keepdim=True)
    bound = float(norms.median())
    expected = (truth * (bound / norms).clamp(max=1.0)).sum(dim=0)

    engine = engine_for(model, loss_of(training, shape))
    assert engine.name == "lora-one-pass"
    optimizer = DpOptimizer(
        torch.optim.SGD(trainable(model), lr=1.0),
        mechanism=Mechanism(
            sample_rate=1.0,
            noise_multiplier=0.0,
            steps=1,
            expected_batch_size=6.0,
            max_grad_norm=bound,
            target_delta=1e-3,
        ),
        noise=NoiseSource(key=bytes(32), origin=INJECTED),
        ranks=Ranks(),
    )
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    for group in group_units(draws, units, physical_batch_tokens=48, units_in_memory=4):
        engine.unit_gradients(group)
        optimizer.clip_and_accumulate()
    found = torch.cat([p.summed_grad.reshape(-1) for p in trainable(model)])
    assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert int((norms > bound).sum()) >= 2  # Some are clipped, and some are not.
