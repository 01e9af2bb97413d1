"""Every method on every family: clipped sums equal those of one unit at a time."""

from __future__ import annotations

import pytest
import torch

from appliance.errors import MachineError
from appliance.finetune.batching import group_units
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import engine_for
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.optimizer import DpOptimizer
from appliance.finetune.per_sample import MicroBatchEngine, trainable
from appliance.finetune.ranks import Ranks
from appliance.finetune.sampling import UnitDraw
from tests.unit.finetune.methods import zoo


def rows_of(engine, model, units, *, tokens=64, in_memory=3):
    """The per-unit gradients, group by group, [units, parameters]."""
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    rows = []
    for group in group_units(draws, units, physical_batch_tokens=tokens, units_in_memory=in_memory):
        engine.unit_gradients(group)
        rows.append(torch.cat([p.grad_sample.flatten(1) for p in trainable(model)], dim=1))
    return torch.cat(rows)


def clipped_sum(engine, model, units, bound):
    """The sum that the real optimizer would add noise to."""
    params = trainable(model)
    mechanism = Mechanism(
        sample_rate=1.0,
        noise_multiplier=0.0,
        steps=1,
        expected_batch_size=4.0,
        max_grad_norm=bound,
        target_delta=1e-3,
    )
    optimizer = DpOptimizer(
        torch.optim.SGD(params, lr=1.0),
        mechanism=mechanism,
        noise=NoiseSource(key=bytes(32), origin=INJECTED),
        ranks=Ranks.current(),
    )
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    for group in group_units(draws, units, physical_batch_tokens=64, units_in_memory=3):
        engine.unit_gradients(group)
        optimizer.clip_and_accumulate()
    return torch.cat([p.summed_grad.flatten() for p in params])


@pytest.mark.parametrize(("method", "family"), zoo.OFFERED)
def test_a_clipped_sum_is_that_of_units_taken_alone(method, family):
    model, units = zoo.tuned(method, family), zoo.units_for(family)
    loss, truth_of = zoo.loss_and_truth(method, family)
    truth = truth_of(model, units)
    assert float(truth.norm(dim=1).min()) > 0.0
    norms = truth.norm(dim=1, keepdim=True)
    bound = float(norms.median())  # Some units are clipped and some are not.
    expected = (truth / (norms / bound).clamp(min=1.0)).sum(dim=0)
    engine = engine_for(model, loss)
    assert engine.name != MicroBatchEngine.name
    found = clipped_sum(engine, model, units, bound)
    rows = rows_of(engine, model, units)
    engine.close()
    assert float((rows - truth).norm(dim=1).max() / norms.max()) < 1e-5
    assert float((found - expected).norm() / expected.norm()) < 1e-5


@pytest.mark.parametrize(
    ("method", "family"), [(m, f) for m, f in zoo.OFFERED if f in zoo.ENCODERS]
)
def test_several_labels_and_weights_of_classes_are_exact(method, family):
    model, units = zoo.tuned(method, family), zoo.several_labels(zoo.units_for(family))
    model.get_base_model().config.problem_type = "multi_label_classification"
    classes = {"multi_label": True, "weights": {"b": 3.0, "c": 0.5}}
    loss, truth_of = zoo.loss_and_truth(method, family, **classes)
    truth = truth_of(model, units)
    plain = zoo.loss_and_truth(method, family, multi_label=True)[1](model, units)
    assert float((plain - truth).norm() / truth.norm()) > 0.05  # The weights do something.
    engine = engine_for(model, loss)
    assert engine.name != MicroBatchEngine.name
    rows = rows_of(engine, model, units)
    engine.close()
    assert float((rows - truth).norm(dim=1).max() / truth.norm(dim=1).max()) < 1e-5


@pytest.mark.parametrize("method", ["dora", "full", "ia3", "bottleneck", "prompt", "prefix"])
def test_a_unit_has_the_same_gradient_alone_and_in_company(method):
    model, units = zoo.tuned(method, "llama"), zoo.units_for("llama", 6, seed=5)
    loss, _ = zoo.loss_and_truth(method, "llama")
    engine = engine_for(model, loss)
    alone = rows_of(engine, model, units[:1])
    among = rows_of(engine, model, units, tokens=10_000, in_memory=99)[:1]
    one_by_one = rows_of(engine, model, units, tokens=1, in_memory=1)[:1]
    assert float((among - alone).norm() / alone.norm()) < 1e-5
    assert float((one_by_one - alone).norm() / alone.norm()) < 1e-5


@pytest.mark.parametrize("method", ["dora", "full", "ia3", "bottleneck", "prompt"])
@pytest.mark.parametrize("reentrant", [False, True])
def test_recomputed_activations_give_the_same_gradients(method, reentrant):
    model, units = zoo.tuned(method, "llama"), zoo.units_for("llama")
    loss, truth_of = zoo.loss_and_truth(method, "llama")
    truth = truth_of(model, units)
    model.train()
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    rows = rows_of(engine_for(model, loss), model, units)
    assert float((rows - truth).norm(dim=1).max() / truth.norm(dim=1).max()) < 1e-5


@pytest.mark.parametrize("method", ["dora", "full", "ia3", "bottleneck", "prompt", "prefix"])
def test_autocast_keeps_gradients_in_float32_and_near_the_truth(method):
    model, units = zoo.tuned(method, "llama"), zoo.units_for("llama")
    loss, truth_of = zoo.loss_and_truth(method, "llama")
    truth = truth_of(model, units)

    def low(m, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss(m, batch)

    rows = rows_of(engine_for(model, low), model, units)
    assert rows.dtype == torch.float32
    assert float((rows - truth).norm(dim=1).max() / truth.norm(dim=1).max()) < 0.08


@pytest.mark.parametrize("knobs", [{"dropout": 0.5}, {"freeze_a": True}, {"last_layers": 1}])
def test_dora_is_exact_with_dropout_frozen_factors_and_few_layers(knobs):
    model = zoo.tuned("dora", "llama", **knobs)
    units = zoo.units_for("llama", 1, seed=3)[:1]
    units = [units[0][:1]]
    loss, truth_of = zoo.loss_and_truth("dora", "llama")
    model.train()
    engine = engine_for(model, loss)
    torch.manual_seed(5)
    rows = rows_of(engine, model, units)
    engine.close()
    torch.manual_seed(5)
    truth = truth_of(model, units)  # The same masks, PEFT's own forward.
    assert float((rows - truth).norm() / truth.norm()) < 1e-5


@pytest.mark.parametrize("placement", ["houlsby", "pfeiffer"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "t5"])
def test_both_placements_of_a_bottleneck_are_exact(placement, family):
    model = zoo.tuned("bottleneck", family, placement=placement)
    per_block = {"houlsby": 2, "pfeiffer": 1}[placement]
    blocks = 4 if family == "t5" else 2
    cross = 2 if family == "t5" and placement == "houlsby" else 0
    assert len(model.bottleneck) == per_block * blocks + cross
    units = zoo.units_for(family)
    loss, truth_of = zoo.loss_and_truth("bottleneck", family)
    truth = truth_of(model, units)
    rows = rows_of(engine_for(model, loss), model, units)
    assert float((rows - truth).norm(dim=1).max() / truth.norm(dim=1).max()) < 1e-5


def test_a_trained_layer_that_loses_the_batch_refuses():
    """Never a sum over rows: what cannot be told apart by unit does not train."""
    model, units = zoo.tuned("bottleneck", "llama"), zoo.units_for("llama")
    small = next(iter(model.bottleneck.values()))
    own = type(small).forward
    small.forward = lambda x: own(small, x.flatten(0, 1)).view(x.shape)
    loss, _ = zoo.loss_and_truth("bottleneck", "llama")
    with pytest.raises(MachineError, match="mixes the rows"):
        rows_of(engine_for(model, loss), model, units)


def test_a_gradient_summed_over_the_batch_refuses():
    """A weight used past its layer's forward would get a plain sum beside the rows."""
    model, units = zoo.tuned("bottleneck", "llama"), zoo.units_for("llama")
    small = next(iter(model.bottleneck.values()))
    own = type(small).forward
    small.forward = lambda x: own(small, x) + small.up.bias
    loss, _ = zoo.loss_and_truth("bottleneck", "llama")
    with pytest.raises(MachineError, match="added up over the batch"):
        rows_of(engine_for(model, loss), model, units)


def test_a_closed_engine_leaves_the_models_own_forward():
    for method in ("dora", "full", "ia3", "prompt"):
        model = zoo.tuned(method, "llama")
        before = model(**zoo.inputs("llama")).logits
        loss, _ = zoo.loss_and_truth(method, "llama")
        engine = engine_for(model, loss)
        rows_of(engine, model, zoo.units_for("llama", 2))
        engine.close()
        assert torch.equal(model(**zoo.inputs("llama")).logits, before)
