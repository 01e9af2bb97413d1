"""Clipping, noise and scaling of one step, taken apart from model and engine."""

from __future__ import annotations

import pytest
import torch

from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED, NoiseSource, Purpose, grid_step
from appliance.finetune.optimizer import DpOptimizer, clip_factors
from appliance.finetune.ranks import Ranks

SOURCE = NoiseSource(key=b"\x05" * 32, origin=INJECTED)
SHAPES = ((3, 4), (7,), (2, 5))


def optimizer(*, noise: float = 1.0, bound: float = 0.3, batch: float = 4.0) -> DpOptimizer:
    mechanism = Mechanism(
        sample_rate=0.5,
        noise_multiplier=noise,
        steps=3,
        expected_batch_size=batch,
        max_grad_norm=bound,
        target_delta=1e-3,
    )
    params = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
    sgd = torch.optim.SGD(params, lr=1.0)
    return DpOptimizer(sgd, mechanism=mechanism, noise=SOURCE, ranks=Ranks())


def gradients(units: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn((units, *shape), generator=generator) for shape in SHAPES]


def give(opt: DpOptimizer, samples: list[torch.Tensor]) -> None:
    for p, sample in zip(opt.params, samples, strict=True):
        p.grad_sample = sample.clone()
    opt.clip_and_accumulate()


def flat(tensors) -> torch.Tensor:
    return torch.cat([t.reshape(-1) for t in tensors])


@pytest.mark.parametrize("clipping", ["abadi", "automatic"])
@pytest.mark.parametrize("bound", [1e-3, 0.7, 30.0])
def test_no_clipped_norm_exceeds_the_bound_in_exact_arithmetic(clipping, bound):
    norms = torch.logspace(-6, 6, 50_001)
    factors = clip_factors(norms, max_grad_norm=bound, clipping=clipping)
    kept = factors.double() * norms.double()
    assert float(kept.max()) <= bound
    assert float(kept.max()) > 0.999 * bound


@pytest.mark.parametrize("hole", [float("nan"), float("inf"), -float("inf")])
def test_a_unit_that_is_not_finite_counts_for_nothing(hole):
    opt, samples = optimizer(), gradients(5)
    samples[1][2, 3] = hole
    give(opt, samples)
    found = flat(p.summed_grad for p in opt.params)
    rest = [torch.cat([s[:2], s[3:]]) for s in samples]
    opt.clear()
    give(opt, rest)
    assert torch.allclose(found, flat(p.summed_grad for p in opt.params))


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_noisy_sums_are_whole_steps_of_the_grid(noise):
    """Low bits must not tell which data set a sum came from."""
    opt = optimizer(noise=noise)
    # Sums so small that float32 could show what lies between the grid's steps.
    give(opt, [1e-7 * sample for sample in gradients(5)])
    opt.add_step_noise(0)
    steps = flat(p.grad for p in opt.params).double() / grid_step(0.3)
    assert torch.equal(steps, steps.round())
    assert len(torch.unique(steps)) > 20


def test_noise_is_the_source_s_own_and_added_once():
    opt = optimizer(noise=2.0)
    opt.add_step_noise(7)
    for index, p in enumerate(opt.params):
        drawn = SOURCE.normal(Purpose.GRADIENT_NOISE, step=7, index=index, n=p.numel())
        wanted = drawn.view(p.shape) * opt.mechanism.noise_std(0.3)
        assert torch.allclose(p.grad.double(), wanted, atol=2 * grid_step(0.3), rtol=1e-6)


@pytest.mark.parametrize("units", [1, 3, 9])
def test_the_divisor_is_the_expected_batch_whatever_was_drawn(units):
    opt = optimizer(noise=0.0, batch=4.0)
    give(opt, gradients(units))
    total = flat(p.summed_grad for p in opt.params)
    opt.add_step_noise(0)
    opt.scale_grad()
    assert torch.allclose(flat(p.grad for p in opt.params), total / 4.0, atol=1e-8)


def test_groups_add_up_to_the_whole_batch():
    samples, whole, parted = gradients(6), optimizer(), optimizer()
    give(whole, samples)
    for part in (slice(0, 4), slice(4, 6)):
        give(parted, [s[part] for s in samples])
    for a, b in zip(whole.params, parted.params, strict=True):
        assert torch.allclose(a.summed_grad, b.summed_grad, atol=1e-6)
