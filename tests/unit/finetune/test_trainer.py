"""The training run: exact resume, journal, stop, averaging, both optimizers, empty batches."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch

from appliance.errors import IntegrityError, UsageError
from appliance.finetune.mechanism import AdaptiveClipping, Mechanism
from appliance.finetune.noise import INJECTED, OS_ENTROPY, fresh_key
from appliance.finetune.per_sample import trainable
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from tests.unit.finetune.toys import MemoryStore, lora_llama, make_units

KEY = bytes(range(32))


def mechanism(**changes):
    fields = {
        "sample_rate": 0.3,
        "noise_multiplier": 1.0,
        "steps": 6,
        "expected_batch_size": 3.0,
        "max_grad_norm": 0.5,
        "target_delta": 1e-3,
    }
    return Mechanism(**{**fields, **changes})


def settings(**changes):
    fields = {"learning_rate": 1e-2, "physical_batch_tokens": 64, "checkpoint_every_steps": 2}
    return TrainSettings(**{**fields, **changes})


def run(model, mech=None, how=None, store=None, units=None, **others):
    given = {"noise_key": KEY, "noise_source": INJECTED, "progress": lambda *_: None}
    return train(
        model,
        make_units(10) if units is None else units,
        mech or mechanism(),
        how or settings(),
        checkpoint_store=store or MemoryStore(),
        **{**given, **others},
    )


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in trainable(model)])


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "how",
    [
        settings(),
        settings(optimizer="sgd"),
        settings(averaging="tail", average_share=0.5, schedule="cosine", warmup_steps=2),
        settings(debias_second_moment=True),
    ],
    ids=["adam", "sgd", "averaged", "debiased"],
)
@pytest.mark.parametrize("killed_after", range(1, 6))
def test_a_killed_and_resumed_run_ends_with_the_same_bits(how, killed_after):
    whole = lora_llama(dropout=0.1)
    reference = run(whole, how=how)
    store = MemoryStore()

    def die(done, _total, _figures):
        if done == killed_after:
            raise KilledError

    with pytest.raises(KilledError):
        run(lora_llama(dropout=0.1), how=how, store=store, progress=die)
    resumed = lora_llama(seed=9, dropout=0.1)  # Fresh factors: all must come from the store.
    copy_base(whole, resumed)
    outcome = run(resumed, how=how, store=store, noise_key=fresh_key(), noise_source=OS_ENTROPY)
    assert torch.equal(weights(resumed), weights(whole))
    assert outcome.resumed_times == 1
    assert outcome.noise_source == INJECTED  # The stored key's origin, not the new one's.
    assert abs(outcome.spent_epsilon - reference.spent_epsilon) < 1e-6
    assert outcome.batch_sizes == reference.batch_sizes


def copy_base(source, target):
    frozen = {n: p for n, p in source.named_parameters() if not p.requires_grad}
    with torch.no_grad():
        for name, p in target.named_parameters():
            if not p.requires_grad:
                p.copy_(frozen[name])


def test_the_key_is_stored_before_the_first_draw():
    store = MemoryStore()

    def journal(_step):
        assert store.state is not None
        assert store.state["noise-key"] == KEY
        raise KilledError

    with pytest.raises(KilledError):
        run(lora_llama(), store=store, on_step=journal)


def test_every_step_is_journalled_before_its_update():
    model = lora_llama()
    before, seen = weights(model), []

    def journal(step):
        if step == 0:
            assert torch.equal(weights(model), before)
        seen.append(step)

    run(model, on_step=journal)
    assert seen == list(range(6))


def test_stop_saves_and_the_rest_continues():
    whole, parted, store = lora_llama(), lora_llama(), MemoryStore()
    run(whole)
    first = run(parted, store=store, stop=lambda: True)
    assert (first.steps, first.finished) == (1, False)
    assert first.spent_epsilon < mechanism().spent_epsilon(6)
    assert run(parted, store=store).finished
    assert torch.equal(weights(parted), weights(whole))


def test_an_empty_batch_is_noised_and_counted():
    model = lora_llama()
    before = weights(model)
    outcome = run(model, mechanism(sample_rate=1e-9, steps=3))
    assert outcome.empty_batches == 3
    assert outcome.steps == 3
    assert outcome.losses == []
    assert not torch.equal(weights(model), before)


def test_units_without_records_or_targets_are_harmless():
    units = [[], *make_units(3)]
    units[1][0].loss_mask[:] = False
    outcome = run(lora_llama(), mechanism(sample_rate=1.0, steps=2), units=units)
    assert outcome.batch_sizes == [4, 4]


def test_a_checkpoint_of_another_mechanism_is_refused():
    store = MemoryStore()
    run(lora_llama(), store=store)
    with pytest.raises(UsageError):
        run(lora_llama(), mechanism(noise_multiplier=0.9), store=store)
    with pytest.raises(UsageError):
        run(lora_llama(), store=store, units=make_units(11))


@pytest.mark.parametrize("part", ["state.json", "adapter.safetensors", "optimizer.safetensors"])
def test_a_damaged_checkpoint_is_refused(part):
    store = MemoryStore()
    run(lora_llama(), store=store)
    store.state[part] = store.state[part][:-9]
    with pytest.raises(IntegrityError):
        run(lora_llama(), store=store)


def test_training_without_privacy_has_infinite_epsilon_and_learns():
    mech = Mechanism.without_privacy(
        n_units=10, expected_batch_size=10.0, steps=25, target_delta=1e-3
    )
    outcome = run(lora_llama(), mech)
    assert math.isinf(outcome.spent_epsilon)
    assert outcome.losses[-1][1] < outcome.losses[0][1] - 0.2


def test_private_training_learns_where_units_are_many_enough():
    mech = mechanism(sample_rate=1.0, noise_multiplier=0.02, expected_batch_size=10.0, steps=25)
    outcome = run(lora_llama(), mech)
    assert outcome.losses[-1][1] < outcome.losses[0][1] - 0.2


def test_adaptive_clipping_moves_the_bound_and_resumes():
    mech = mechanism(max_grad_norm=50.0, adaptive=AdaptiveClipping(quantile=0.3))
    whole, parted, store = lora_llama(), lora_llama(), MemoryStore()
    outcome = run(whole, mech)
    assert outcome.max_grad_norm < 50.0
    halves = iter([False, False, True])
    run(parted, mech, store=store, stop=lambda: next(halves, False))
    assert run(parted, mech, store=store).max_grad_norm == outcome.max_grad_norm
    assert torch.equal(weights(parted), weights(whole))


def test_debiasing_refuses_an_adaptive_bound():
    mech = mechanism(adaptive=AdaptiveClipping())
    with pytest.raises(UsageError):
        run(lora_llama(), mech, settings(debias_second_moment=True))


def test_gradient_checkpointing_and_bf16_train():
    how = settings(gradient_checkpointing=True, precision="bf16")
    assert run(lora_llama(), how=how).finished


def test_the_run_gives_the_model_back():
    model = lora_llama().eval()
    run(model)
    assert not model.training
    assert not any("forward" in m.__dict__ for m in model.modules())
    assert all(getattr(p, "summed_grad", None) is None for p in trainable(model))


def test_private_figures_stay_out_of_repr():
    text = repr(run(lora_llama()))
    for name in ("losses", "batch_sizes", "empty_batches"):
        assert name not in text


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_schedules_start_at_the_rate_and_never_rise(schedule):
    how = settings(schedule=schedule, warmup_steps=2)
    rates = [how.learning_rate_at(step, 20) for step in range(20)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[2] == pytest.approx(0.01)
    assert all(a >= b for a, b in itertools.pairwise(rates[2:]))
    assert min(rates) > 0.0


def test_settings_refuse_nonsense():
    for change in ({"learning_rate": 0.0}, {"learning_rate": math.nan}, {"average_share": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            dataclasses.replace(settings(), **change)
