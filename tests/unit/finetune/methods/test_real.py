"""The real small models train under differential privacy by every kind of method.

SMOLLM2 and MINILM name the folders of the models as `appliance models add demo` and `models add
minilm` make them (HOME/models/smollm2-135m, HOME/models/minilm-l6). A model that is not named is
skipped, and the test says so.
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
from appliance.finetune.task_loss import loss_of, truth_of
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.model.load import load_base
from appliance.policy.training import STEP_SIZES, Training
from tests.unit.finetune.toys import MemoryStore

#: The last changes the base in place.
METHODS = {
    "SMOLLM2": ("prompt", "prefix", "lora", "bottleneck", "full"),
    "MINILM": ("prompt", "lora", "dora", "ia3", "bitfit", "bottleneck", "full"),
}
TRAINING = {
    "SMOLLM2": Training(),
    "MINILM": Training(task="classification", classes={"labels": ("stable", "worse")}),
}

pytestmark = pytest.mark.real


def units_of(loaded, n=4):
    texts = [f"Patient {i} was seen for a follow-up of blood pressure today." for i in range(n)]
    found = []
    for number, text in enumerate(texts):
        ids = np.asarray(loaded.tokenizer(text)["input_ids"], np.int32)
        learned = np.arange(len(ids)) > 0
        if loaded.shape == "classifier":
            ids, learned = np.append(ids, np.int32(number % 2)), np.arange(len(ids) + 1) == len(ids)
        found.append([Example(input_ids=ids, loss_mask=learned, record_id=number)])
    return found


@pytest.mark.parametrize(
    ("name", "method"), [(n, m) for n, every in METHODS.items() for m in every]
)
def test_two_private_steps_of_the_real_model(name, method):
    where = os.environ.get(name)
    if not where:
        pytest.skip(f"{name} does not name the model's folder")
    training = TRAINING[name]
    loaded = load_base(Path(where), precision="fp32", training=training)
    model = attach(
        loaded.model,
        MethodSettings(method=method),
        shape=loaded.shape,
        fresh=loaded.fresh,
        tokenizer=loaded.tokenizer,
    )
    units, loss = units_of(loaded), loss_of(training, loaded.shape)
    truth = truth_of(training, loaded.shape)
    checked = check_model(model, units, loss_fn=loss, truth=truth, tolerance=2e-5)
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
        loss_fn=loss,
    )
    print(method, outcome.engine, round(outcome.seconds, 1), "s", outcome.spent_epsilon)
    assert outcome.finished
    assert 0.0 < outcome.spent_epsilon <= 8.0
    assert all(bool(torch.isfinite(p).all()) for p in trainable(model))
    assert all(
        not torch.equal(a, b.detach()) for a, b in zip(before, trainable(model), strict=True)
    )
    export(model, base_model_name=Path(where).name)  # Reads itself back.
    print(method, "peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "MiB")
