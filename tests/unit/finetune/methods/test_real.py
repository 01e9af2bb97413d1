"""The real small model trains under differential privacy by every kind of method.

SMOLLM2 names the folder of the model as `appliance models add demo` makes it
(HOME/models/smollm2-135m). Without it the test is skipped, and says so.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import MethodSettings, attach, export
from appliance.finetune.noise import INJECTED
from appliance.finetune.per_sample import trainable
from appliance.finetune.selftest import check_model
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.model.load import load_base
from appliance.policy.training import STEP_SIZES
from tests.unit.finetune.toys import MemoryStore

WHERE = os.environ.get("SMOLLM2", "")
#: The last changes the base in place.
METHODS = ("prompt", "prefix", "lora", "bottleneck", "full")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not WHERE, reason="SMOLLM2 does not name the model's folder"),
]


def units_of(tokenizer, n=4):
    texts = [f"Patient {i} was seen for a follow-up of blood pressure today." for i in range(n)]
    found = []
    for number, text in enumerate(texts):
        ids = np.asarray(tokenizer(text)["input_ids"], np.int32)
        learned = np.arange(len(ids)) > 0
        found.append([Example(input_ids=ids, loss_mask=learned, record_id=number)])
    return found


@pytest.mark.parametrize("method", METHODS)
def test_two_private_steps_of_the_real_model(method):
    loaded = load_base(Path(WHERE), precision="fp32")
    model = attach(loaded.model, MethodSettings(method=method), tokenizer=loaded.tokenizer)
    units = units_of(loaded.tokenizer)
    checked = check_model(model, units)
    print(method, "trained", sum(p.numel() for p in trainable(model)), checked.measured)
    assert checked.passed
    before = [p.detach().clone() for p in trainable(model)]
    outcome = train(
        model,
        units,
        Mechanism.calibrate(
            target_epsilon=8.0,
            target_delta=1e-3,
            n_units=len(units),
            expected_batch_size=2.0,
            steps=2,
            max_grad_norm=1.0,
        ),
        TrainSettings(learning_rate=STEP_SIZES[method], checkpoint_every_steps=99),
        noise_key=bytes(32),
        noise_source=INJECTED,
        checkpoint_store=MemoryStore(),
        progress=lambda *_: None,
    )
    print(method, outcome.engine, round(outcome.seconds, 1), "s", outcome.spent_epsilon)
    assert outcome.finished
    assert 0.0 < outcome.spent_epsilon <= 8.0
    assert all(bool(torch.isfinite(p).all()) for p in trainable(model))
    assert all(
        not torch.equal(a, b.detach()) for a, b in zip(before, trainable(model), strict=True)
    )
    export(model, base_model_name="smollm2-135m")  # Reads itself back.
    print(method, "peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "MiB")
