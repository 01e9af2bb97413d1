"""Clip, sum, add noise, update: Opacus's optimizer with our clipping and our noise.

`DpOptimizer` keeps Opacus's contract (`grad_sample` in, `summed_grad`, noisy `grad` out) and its
hooks, and replaces three steps: clipping in float32 with a stated behaviour for non-finite rows,
noise from the keyed source on a grid, and scaling by the expected batch, never the drawn one.
The order of a step is written out in `step.py`; the skip queue of Opacus is not used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from opacus.optimizers import DPOptimizer

from appliance.finetune.factored import Factored, row_squares
from appliance.finetune.mechanism import Clipping, Mechanism
from appliance.finetune.noise import NoiseSource, Purpose, grid_noise, grid_step
from appliance.finetune.ranks import Ranks

OptimizerName = Literal["adam", "sgd"]

_AUTOMATIC_GAMMA = 0.01
# Keeps a clipped row inside the bound although float32 rounds: 16 units in the last place.
_ROUNDING = 1.0 - 2.0**-20


def clip_factors(norms: torch.Tensor, *, max_grad_norm: float, clipping: Clipping) -> torch.Tensor:
    """Decide how much of each unit's gradient is kept.

    Args:
        norms: float32 [units], L2 norms over all parameters.
        max_grad_norm: the bound C.
        clipping: "abadi" or "automatic".

    Returns:
        float32 [units], in [0, infinity): multiply each unit's gradient by it.

    Guarantees:
        factor * norm <= C for every finite norm. A non-finite norm gets factor 0.

    Reference:
        Abadi et al. 2016, arXiv:1607.00133, Algorithm 1, "Clip gradient"; Bu et al. 2022,
        arXiv:2206.07136, AUTO-S with gamma = 0.01, scaled by C.
    """
    if clipping == "automatic":
        factors = max_grad_norm * _ROUNDING / (norms + _AUTOMATIC_GAMMA)
    else:
        factors = (max_grad_norm * _ROUNDING / norms).clamp(max=1.0)
    return torch.where(torch.isfinite(norms), factors, torch.zeros_like(factors))


class DpOptimizer(DPOptimizer):  # type: ignore[misc]  # Opacus is untyped
    """Opacus's DPOptimizer with per-unit clipping, keyed noise and expected-batch scaling.

    Guarantees:
        The sum of clipped gradients changes by at most `max_grad_norm` (relative 1e-3, covered by
        the mechanism's slack) when one unit is added or removed. Every parameter gets independent
        noise of `mechanism.noise_std` exactly once per step, also when no unit was drawn.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        mechanism: Mechanism,
        noise: NoiseSource,
        ranks: Ranks,
    ) -> None:
        """Wrap an optimizer.

        Args:
            optimizer: updates from the noisy mean gradient.
            mechanism: bound, noise and expected batch.
            noise: the keyed source.
            ranks: the processes that share the work.
        """
        super().__init__(
            optimizer,
            noise_multiplier=mechanism.gradient_noise_multiplier,
            max_grad_norm=mechanism.max_grad_norm,
            expected_batch_size=int(max(1, round(mechanism.expected_batch_size))),
        )
        self.mechanism = mechanism
        self.noise = noise
        self.ranks = ranks
        self.unclipped, self.seen = 0.0, 0
        self.clear()

    def clear(self) -> None:
        """Forget the sums of the last step."""
        self.unclipped, self.seen = 0.0, 0
        for p in self.params:
            p.grad_sample = None
            p.summed_grad = torch.zeros_like(p, dtype=torch.float32)
            p.grad = None

    def clip_and_accumulate(self) -> None:
        """Clip each unit's gradient over all parameters together and add to the sums."""
        samples = [p.grad_sample for p in self.params]
        norms = unit_norms(samples)
        if self.mechanism.kind == "none":
            factors = torch.ones_like(norms)
        else:
            factors = clip_factors(
                norms, max_grad_norm=self.max_grad_norm, clipping=self.mechanism.clipping
            )
            self.unclipped += float((norms <= self.max_grad_norm).sum())
            self.seen += len(norms)
        finite = torch.isfinite(norms)
        broken = None if bool(finite.all()) else (~finite).nonzero()[:, 0]
        if broken is not None:
            factors[broken] = 0.0
        for p, sample in zip(self.params, samples, strict=True):
            if broken is not None and not isinstance(sample, Factored):
                sample[broken] = 0.0  # 0 * inf is not 0.
            add_weighted(p.summed_grad, factors, sample)
            p.grad_sample = None

    def add_step_noise(self, step: int) -> None:
        """Add this step's noise to the sums and reduce them over the processes.

        Args:
            step: noisy update, from 0.
        """
        if self.mechanism.kind == "none":
            for p in self.params:
                p.grad = self.ranks.sum(p.summed_grad.double()).to(p.dtype)
            return
        grid = grid_step(self.max_grad_norm)
        std = self.mechanism.noise_std(self.max_grad_norm)
        noised = [std > 0.0 and self.ranks.owns(index) for index in range(len(self.params))]
        normals = self.noise.normals(
            Purpose.GRADIENT_NOISE,
            step=step,
            sizes=[(i, p.numel()) for i, p in enumerate(self.params) if noised[i]],
        )
        for index, p in enumerate(self.params):
            # Whole grid steps in float64: additions, over processes too, are exact in any order.
            total = p.summed_grad.double().mul_(1.0 / grid).round_()
            if noised[index]:
                drawn = grid_noise(next(normals), std=std, grid=grid).view(p.shape)
                total.add_(drawn.to(total.device))
            p.grad = self.ranks.sum(total).mul_(grid).to(p.dtype)

    def scale_grad(self) -> None:
        """Divide by the expected batch: a public number, whatever was drawn."""
        for p in self.params:
            p.grad.div_(self.mechanism.expected_batch_size)

    def adapt_bound(self, step: int) -> None:
        """Move the clipping bound towards the wanted quantile, by a noisy count.

        Args:
            step: noisy update, from 0.

        Reference:
            Andrew et al. 2021, arXiv:1905.03871, Algorithm 1. The count is of (unclipped - 1/2)
            per drawn unit, sensitivity 1/2; divided by the expected batch.
        """
        adaptive = self.mechanism.adaptive
        if adaptive is None:
            return
        drawn = self.noise.normal(Purpose.CLIP_COUNT_NOISE, step=step, index=0, n=1)
        std = 0.5 * adaptive.count_noise_multiplier * (1.0 + self.mechanism.sensitivity_slack)
        if self.mechanism.noise_multiplier == 0.0:
            std = 0.0
        total = self.ranks.sum(torch.tensor(self.centred_count, dtype=torch.float64))
        share = 0.5 + (float(total) + std * float(drawn)) / self.mechanism.expected_batch_size
        share = min(1.0, max(0.0, share))
        self.max_grad_norm *= math.exp(-adaptive.learning_rate * (share - adaptive.quantile))

    @property
    def centred_count(self) -> float:
        """Unclipped units minus half of the units seen in this step."""
        return self.unclipped - 0.5 * self.seen


def add_weighted(
    total: torch.Tensor, factors: torch.Tensor, sample: torch.Tensor | Factored
) -> None:
    """Add the weighted sum of per-unit gradients to `total`, without copying a transposed one.

    Args:
        total: float32 [*shape]; changed.
        factors: float32 [units].
        sample: [units, *shape], or factors.
    """
    if isinstance(sample, Factored):
        sample.add_weighted(total, factors)
    elif sample.dim() == 3 and not sample.is_contiguous() and sample.mT.is_contiguous():
        summed = (factors @ sample.mT.flatten(1)).view(sample.shape[2], sample.shape[1])
        total.add_(summed.mT)
    else:
        total.view(-1).add_(factors @ sample.flatten(1))


def unit_norms(samples: Sequence[torch.Tensor | Factored]) -> torch.Tensor:
    """Measure each unit's gradient over all parameters.

    Args:
        samples: float32 [units, *shape], or factors, one per parameter.

    Returns:
        float32 [units].

    Guarantees:
        Relative error below 1e-6 however many entries there are: float32 sums over one row of a
        weight at a time, float64 over rows. One float32 sum over the 28 million entries of an
        embedding is 0.15 % short, and a unit would be clipped by that much too little.
    """
    squares = torch.zeros((), dtype=torch.float64)
    for sample in samples:
        found = sample.squares() if isinstance(sample, Factored) else row_squares(sample).sum(dim=1)
        squares = squares.to(found.device) + found
    return squares.sqrt().float()


class DpAdam(torch.optim.Optimizer):  # type: ignore[misc]  # torch is untyped here
    """Adam with bias correction, and optionally without the noise's share of the second moment.

    Reference:
        Kingma and Ba 2015, arXiv:1412.6980, Algorithm 1. Debiased: Tang, Shpilevskiy and Lecuyer
        2023, arXiv:2312.14334 (DP-AdamBC): sqrt(max(v_hat - noise variance, floor^2)).
    """

    def __init__(
        self,
        params: Sequence[torch.nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        noise_variance: float | None = None,
    ) -> None:
        """Set the moments to zero.

        Args:
            params: trained parameters.
            learning_rate: step size.
            betas: decay of the two moments, [0, 1).
            noise_variance: variance of the noise in each coordinate of the gradient, taken off
                the second moment; None keeps plain Adam.
        """
        defaults = {"lr": learning_rate, "betas": betas, "noise_variance": noise_variance}
        super().__init__(list(params), defaults)
        self.updates = 0

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is untyped here
    def step(self, closure: Callable[[], float] | None = None) -> None:  # noqa: ARG002  # as in torch
        """Update every parameter from its noisy gradient."""
        self.updates += 1
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
                m = state["m"].lerp_(p.grad, 1.0 - first)
                v = state["v"].mul_(second).addcmul_(p.grad, p.grad, value=1.0 - second)
                m_hat = m / (1.0 - first**self.updates)
                v_hat = v / (1.0 - second**self.updates)
                noise = group["noise_variance"]
                if noise is None:
                    scale = v_hat.sqrt_().add_(1e-8)
                else:
                    # The floor keeps coordinates of pure noise from taking unbounded steps.
                    scale = v_hat.sub_(noise).clamp_(min=0.05 * noise + 1e-16).sqrt_()
                p.addcdiv_(m_hat, scale, value=-group["lr"])
