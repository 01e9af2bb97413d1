"""The self-test passes the real step and catches each of fourteen injected bugs.

Every bug is put into the code that training runs, not into a copy; the self-test must fail, and
must fail by the check that is meant for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch

from appliance.errors import MachineError
from appliance.finetune import batching, optimizer, sampling, step, toy
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import NoiseSource, Purpose
from appliance.finetune.optimizer import DpOptimizer
from appliance.finetune.per_sample import RowMap
from appliance.finetune.sampling import PoissonSampler, UnitDraw
from appliance.finetune.selftest import SelfTestReport, check_model, run_selftest
from appliance.finetune.selftest_bound import check_count
from appliance.finetune.selftest_checks import (
    Rig,
    check_audit,
    check_noise,
    check_sampler,
    check_sensitivity,
    check_steps,
)
from tests.unit.finetune.toys import lora_llama, make_units


def rig(**changes):
    given = {"model": toy.toy_model(), "clipping": "abadi", "loss_fn": causal_lm_loss}
    return Rig(**{**given, **changes})


def failed(checks) -> set[str]:
    return {check.name.split()[0] for check in checks if not check.passed}


NORMAL = NoiseSource.normal
NOISE_STD = Mechanism.noise_std
EVENT = Mechanism.event
CLIP = DpOptimizer.clip_and_accumulate
ADD = DpOptimizer.add_step_noise
DRAW_UNITS = PoissonSampler.draw_units
GROUPS = batching.group_units


def redraw(patch, normal):
    """Draw by another function, tensor by tensor, wherever normals are drawn."""
    patch.setattr(NoiseSource, "normal", normal)
    patch.setattr(
        NoiseSource,
        "normals",
        lambda self, purpose, *, step, sizes: (
            self.normal(purpose, step=step, index=index, n=n) for index, n in sizes
        ),
    )


def no_noise(patch):
    redraw(patch, lambda self, purpose, **k: 0.0 * NORMAL(self, purpose, **k))


def noise_over_accumulation_steps(patch):
    """Noise is divided by the number of accumulated groups."""

    def counted(self):
        self.groups = getattr(self, "groups", 0) + 1
        CLIP(self)

    def add(self, number):
        groups, self.groups = max(1, getattr(self, "groups", 0)), 0
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Mechanism, "noise_std", lambda m, c: NOISE_STD(m, c) / groups)
            ADD(self, number)

    patch.setattr(DpOptimizer, "clip_and_accumulate", counted)
    patch.setattr(DpOptimizer, "add_step_noise", add)


def noise_on_the_mean(patch):
    """Noise calibrated for the sum is taken for noise of the mean."""
    patch.setattr(
        Mechanism, "noise_std", lambda self, c: NOISE_STD(self, c) / self.expected_batch_size
    )


def noise_over_root_of_batch(patch):
    patch.setattr(
        Mechanism, "noise_std", lambda self, c: NOISE_STD(self, c) / self.expected_batch_size**0.5
    )


def seed_reset_per_step(patch):
    redraw(
        patch,
        lambda self, purpose, *, step, index, n: NORMAL(self, purpose, step=0, index=index, n=n),
    )


def no_noise_on_one_group(patch):
    def quiet(self, purpose, *, step, index, n):
        drawn = NORMAL(self, purpose, step=step, index=index, n=n)
        return drawn * 0.0 if index == 3 and purpose is Purpose.GRADIENT_NOISE else drawn

    redraw(patch, quiet)


def no_clipping(patch):
    patch.setattr(optimizer, "clip_factors", lambda norms, **_: torch.ones_like(norms))


def clip_per_micro_batch(patch):
    """Each physical batch is clipped by itself: a unit in two of them counts twice."""

    def groups(*args, **kwargs):
        for group in GROUPS(*args, **kwargs):
            for batch in group.batches:
                yield dataclasses.replace(group, batches=(batch,))

    patch.setattr(batching, "group_units", groups)


def _summed(p):
    return p.grad_sample.sum(dim=0, keepdim=True)


def clip_the_sum(patch):
    def clip(self):
        for p in self.params:
            p.grad_sample = _summed(p)
        CLIP(self)

    patch.setattr(DpOptimizer, "clip_and_accumulate", clip)


def mean_before_clip(patch):
    """The batch is averaged, the mean is clipped and stands for each unit."""

    def clip(self):
        for p in self.params:
            n = len(p.grad_sample)
            p.grad_sample = (_summed(p) / n).expand(n, *p.shape).contiguous()
        CLIP(self)

    patch.setattr(DpOptimizer, "clip_and_accumulate", clip)


def batch_token_mean(model, batch):
    """The usual trainer's loss: a mean over the tokens of the batch."""
    predicted = batch.targets[:, 1:].sum(dim=1).float()
    share = predicted / predicted.sum() * len(predicted)
    return causal_lm_loss(model, dataclasses.replace(batch, weight=batch.weight * share))


def shuffle(patch):
    """Batches of a fixed size from a permutation, accounted as Poisson."""

    def draw(self, step, n_units):
        size = round(self.mechanism.sample_rate * n_units)
        generator = torch.Generator().manual_seed(step * size // n_units)
        order = torch.randperm(n_units, generator=generator)
        start = step * size % n_units
        return sorted(order[start : start + size].tolist())

    patch.setattr(PoissonSampler, "draw_units", draw)


def rate_times_four(patch):
    def draw(self, step, n_units):
        more = dataclasses.replace(
            self.mechanism, sample_rate=min(1.0, 4 * self.mechanism.sample_rate)
        )
        return DRAW_UNITS(PoissonSampler(mechanism=more, noise=self.noise), step, n_units)

    patch.setattr(PoissonSampler, "draw_units", draw)


def everything_twice(patch):
    def draw(self, step, units: Sequence) -> list[UnitDraw]:
        return [draw for draw in DRAW(self, step, units) for _ in range(2)]

    patch.setattr(PoissonSampler, "draw", draw)


DRAW = PoissonSampler.draw

NOISE_BUGS = [
    no_noise,
    noise_over_accumulation_steps,
    noise_on_the_mean,
    noise_over_root_of_batch,
    seed_reset_per_step,
    no_noise_on_one_group,
]
CLIPPING_BUGS = [no_clipping, clip_per_micro_batch, clip_the_sum, mean_before_clip]
SAMPLING_BUGS = [shuffle, rate_times_four, everything_twice]


#: One of the batches that a run tries: what it catches, all of them catch.
FEW = (12,)


def named(bugs):
    return [pytest.param(bug, id=bug.__name__) for bug in bugs]


@pytest.mark.parametrize("bug", named(NOISE_BUGS))
def test_the_noise_check_catches(bug, monkeypatch):
    bug(monkeypatch)
    assert "T2" in failed(check_noise(rig()))


@pytest.mark.parametrize("bug", named(CLIPPING_BUGS))
def test_the_sensitivity_check_catches(bug, monkeypatch):
    bug(monkeypatch)
    assert failed(check_sensitivity(rig(), sizes=FEW)) & {"T1", "T1b"}


def test_the_sensitivity_check_catches_a_batch_wide_token_mean():
    found = check_sensitivity(rig(loss_fn=batch_token_mean), sizes=FEW)
    assert failed(found) & {"T1", "T1b"}


@pytest.mark.parametrize("bug", named(SAMPLING_BUGS))
def test_the_sampler_check_catches(bug, monkeypatch):
    bug(monkeypatch)
    assert "T3" in failed(check_sampler(rig()))


def test_the_noise_check_catches_a_tenth_too_little(monkeypatch):
    monkeypatch.setattr(Mechanism, "noise_std", lambda self, c: 0.9 * NOISE_STD(self, c))
    assert "T2" in failed(check_noise(rig()))


@pytest.mark.parametrize("wrong", [{"sample_rate": 0.9}, {"noise_multiplier": 1.1}, {"steps": 0.5}])
def test_an_event_that_is_not_what_runs_is_caught(wrong, monkeypatch):
    """Sampler and noise are right; what goes to accountant and ledger is not."""
    ((name, factor),) = wrong.items()

    def event(self, steps):
        true = EVENT(self, steps)
        value = getattr(true, name)
        return dataclasses.replace(true, **{name: type(value)(factor * value)})

    monkeypatch.setattr(Mechanism, "event", event)
    assert not check_steps(rig()).passed


def test_fourteen_bugs_are_tried():
    assert len({*NOISE_BUGS, *CLIPPING_BUGS, batch_token_mean, *SAMPLING_BUGS}) == 14


def test_the_audit_sees_missing_noise_above_the_claim(monkeypatch):
    no_noise(monkeypatch)
    checks = check_audit(rig())
    assert checks[0].measured > 3.0


def test_the_bounds_count_is_noised_as_it_is_accounted(monkeypatch):
    assert check_count(rig()).passed

    def louder(self, purpose, **where):
        scale = 0.8 if purpose is Purpose.CLIP_COUNT_NOISE else 1.0
        return NORMAL(self, purpose, **where) * scale

    redraw(monkeypatch, louder)
    assert not check_count(rig()).passed


def test_a_count_of_whole_units_is_caught(monkeypatch):
    """Not centred at a half, the count moves by one for a unit: twice what is accounted."""
    monkeypatch.setattr(DpOptimizer, "centred_count", property(lambda self: self.unclipped))
    assert not check_count(rig()).passed


def test_a_trainer_that_skips_steps_is_caught(monkeypatch):
    run = step.PrivateStep.run
    monkeypatch.setattr(
        step.PrivateStep, "run", lambda self, number, units, _journal: run(self, number, units, str)
    )
    assert not check_steps(rig()).passed


@pytest.mark.parametrize("clipping", ["abadi", "automatic"])
def test_the_real_step_passes_all_checks(clipping):
    mechanism = Mechanism.calibrate(
        target_epsilon=8.0,
        target_delta=1e-3,
        n_units=200,
        expected_batch_size=50.0,
        steps=20,
        max_grad_norm=0.5,
        clipping=clipping,
    )
    report = run_selftest(mechanism, model=lora_llama(), units=make_units(5))
    report.require()
    assert report.passed
    assert {check.name.split()[0] for check in report.checks} == {
        "T1",
        "T1b",
        "T2",
        "T3",
        "T4",
        "T5",
        "T6",
        "T7",
    }


def test_a_failed_or_empty_report_refuses():
    with pytest.raises(MachineError, match="no check ran"):
        SelfTestReport(passed=False, checks=(), seconds=0.0).require()


def test_the_model_check_catches_an_engine_that_loses_rows(monkeypatch):
    model = lora_llama()
    assert check_model(model, make_units(5)).passed

    def lossy(self, p, rows):
        rows[0] = 0.0
        ADD_ROWS(self, p, rows)

    ADD_ROWS = RowMap.add
    monkeypatch.setattr(RowMap, "add", lossy)
    assert not check_model(model, make_units(5)).passed


def test_the_model_check_refuses_without_units():
    assert not check_model(lora_llama(), []).passed


def test_the_self_test_leaves_the_model_as_it_was():
    model = lora_llama().train()
    before = [p.detach().clone() for p in model.parameters()]
    check_model(model, make_units(3))
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert sampling.PoissonSampler.draw is DRAW
