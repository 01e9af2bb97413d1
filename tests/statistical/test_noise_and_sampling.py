"""Noise and sampling as distributions.

Keys are fixed, so nothing here fails by chance; each threshold is at 99.9 % or beyond, and each
test shows that it rejects the wrong scale or rate.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED, NoiseSource, Purpose
from appliance.finetune.sampling import PoissonSampler

SOURCE = NoiseSource(key=b"\x07" * 32, origin=INJECTED)
DRAWN = SOURCE.normal(Purpose.GRADIENT_NOISE, step=0, index=0, n=400_000).numpy()


def p_of_scale(values: np.ndarray, scale: float) -> float:
    return stats.kstest(values / scale, "norm").pvalue


def test_noise_is_normal_at_the_right_scale():
    assert p_of_scale(DRAWN, 1.0) > 1e-3


@pytest.mark.parametrize("scale", [2 / 3, 3 / 2, 0.98, 1.02])
def test_a_wrong_scale_is_rejected(scale):
    assert p_of_scale(DRAWN, scale) < 1e-6


def test_noise_has_the_tails_of_a_normal():
    for limit in (3.0, 4.0):
        expected = 2 * stats.norm.sf(limit) * len(DRAWN)
        found = int((np.abs(DRAWN) > limit).sum())
        assert stats.poisson.sf(found - 1, expected) > 5e-4
        assert stats.poisson.cdf(found, expected) > 5e-4


def test_the_two_halves_of_a_pair_are_independent():
    half = 2**17
    cosine, sine = DRAWN[:half], DRAWN[half : 2 * half]
    assert abs(np.corrcoef(cosine, sine)[0, 1]) < 4 / np.sqrt(half)
    assert abs(np.corrcoef(cosine**2, sine**2)[0, 1]) < 4 / np.sqrt(half)


def test_steps_and_tensors_are_independent():
    rows = [
        SOURCE.normal(Purpose.GRADIENT_NOISE, step=step, index=index, n=20_000).numpy()
        for step in range(4)
        for index in range(4)
    ]
    off = np.corrcoef(rows)[np.triu_indices(16, 1)]
    assert np.abs(off).max() < 4.5 / np.sqrt(20_000)


def sampler(rate: float, limit: int = 3) -> PoissonSampler:
    mechanism = Mechanism(
        sample_rate=rate,
        noise_multiplier=1.0,
        steps=1,
        expected_batch_size=1.0,
        max_grad_norm=1.0,
        target_delta=1e-3,
        max_records_per_unit=limit,
    )
    return PoissonSampler(mechanism=mechanism, noise=SOURCE)


def test_units_come_at_the_sample_rate():
    hits = sum(len(sampler(0.3).draw_units(step, 1000)) for step in range(200))
    assert stats.binomtest(hits, 200_000, 0.3).pvalue > 1e-3
    assert stats.binomtest(hits, 200_000, 0.29).pvalue < 1e-6


def test_batch_sizes_vary_as_poisson_sampling_does():
    sizes = [len(sampler(0.2).draw_units(step, 500)) for step in range(1000)]
    ratio = np.var(sizes, ddof=1) / (500 * 0.2 * 0.8)
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], 999) / 999
    assert low < ratio < high


def test_units_are_drawn_independently_of_each_other():
    masks = np.zeros((2000, 8))
    for step in range(2000):
        masks[step, sampler(0.5).draw_units(step, 8)] = 1
    off = np.corrcoef(masks.T)[np.triu_indices(8, 1)]
    assert np.abs(off).max() < 4.5 / np.sqrt(2000)


def test_rate_one_takes_everyone_and_a_tiny_rate_no_one():
    assert sampler(1.0).draw_units(0, 5) == [0, 1, 2, 3, 4]
    assert sampler(1e-12).draw_units(0, 1000) == []


def test_a_units_records_are_a_uniform_subset_of_bounded_size():
    units = [list(range(5))]
    counts = np.zeros((5, 5))
    for step in range(3000):
        (draw,) = sampler(1.0, limit=2).draw(step, units)
        assert len(draw.records) == 2
        counts[draw.records] += 1
    pairs = counts[np.triu_indices(5, 1)]
    assert stats.chisquare(pairs).pvalue > 1e-3


def test_a_small_unit_takes_part_with_all_its_records():
    draws = sampler(1.0).draw(0, [[0], [], [0, 1, 2]])
    assert [draw.records for draw in draws] == [(0,), (), (0, 1, 2)]


def test_a_redone_step_draws_the_same_batch():
    units = [list(range(9))] * 50
    assert sampler(0.4).draw(3, units) == sampler(0.4).draw(3, units)
    assert sampler(0.4).draw(3, units) != sampler(0.4).draw(4, units)
