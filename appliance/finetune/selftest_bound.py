"""The self-test of an adaptive bound: its noisy count is a release of its own."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from scipy import stats

from appliance.finetune import toy
from appliance.finetune.methods.choose import Holding
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.per_sample import trainable
from appliance.finetune.selftest_checks import Check, Rig
from appliance.finetune.step import PrivateStep

_KEY = bytes(range(60, 92))
_NEVER = 1e-12
_STEPS = 100
_BATCH = 50.0
_SHARE = 0.1


def check_count(rig: Rig) -> Check:
    """T2: the count moves by half for a unit, and its noise has the accounted variance.

    Args:
        rig: the toy; the bound adapts whatever the run's rule.
    """
    # The count alone is read: a smaller toy shows it as well.
    rig = replace(rig, model=toy.toy_model(layers=1, target_modules=("q_proj", "v_proj")))
    quiet = _moves(rig, rate=1.0, noise=0.0, steps=1, units=1)[0]
    noisy = _moves(rig, rate=_NEVER, noise=1.0, steps=_STEPS, units=1)
    wanted = 0.5 / math.sqrt(_SHARE)  # Of the noise 1.0 per step; half is the sensitivity.
    ratio = sum(move**2 for move in noisy) / (_STEPS * wanted**2)
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], _STEPS) / _STEPS
    return Check(
        name="T2 noise of the bound's count",
        passed=bool(low <= ratio <= high) and abs(abs(quiet) - 0.5) < 1e-6,
        measured=ratio,
        expected="1, inside the 99.9 % chi-square band; a unit counts for a half",
        detail=f"{_STEPS} steps without a unit; one unit moved the count by {quiet:+.3f}",
    )


def _moves(rig: Rig, *, rate: float, noise: float, steps: int, units: int) -> list[float]:
    """Run steps from one bound each; read the noisy centred count off the bound's move."""
    mechanism = replace(
        rig.mechanism(rate=rate, noise=1.0, bound=1.0, batch=_BATCH), clipping="abadi"
    ).with_adaptive_bound(quantile=0.5, learning_rate=1.0, budget_share=_SHARE)
    mechanism = replace(mechanism, noise_multiplier=noise)
    params = trainable(rig.model)
    before = [p.detach().clone() for p in params]
    logical = PrivateStep(
        rig.model,
        torch.optim.SGD(params, lr=1e-9),
        mechanism=mechanism,
        noise=NoiseSource(key=_KEY, origin=INJECTED),
        loss_fn=rig.loss_fn,
        physical_batch_tokens=48,
        held=Holding(units=5),
    )
    found = []
    try:
        for step in range(steps):
            logical.optimizer.max_grad_norm = 1.0
            logical.run(step, toy.toy_units(units), lambda _step: None)
            found.append(-math.log(logical.optimizer.max_grad_norm) * _BATCH)
    finally:
        logical.close()
        with torch.no_grad():
            for b, p in zip(before, params, strict=True):
                p.copy_(b)
    return found
