"""The checks T1 to T5 of the self-test, on a rig around the real private step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import stats

from appliance.finetune import toy
from appliance.finetune.accounting import EventSpec, compose_epsilon
from appliance.finetune.mechanism import Clipping, Mechanism
from appliance.finetune.methods.choose import Holding
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.per_sample import LossFn, trainable
from appliance.finetune.sampling import PoissonSampler
from appliance.finetune.settings import TrainSettings
from appliance.finetune.step import PrivateStep
from appliance.finetune.trainer import train
from appliance.model.examples import Example

_KEY = bytes(range(100, 132))
_NEVER = 1e-12  # A sample rate at which no batch of the test holds a unit.


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check's outcome.

    Attributes:
        name: "T1 ..." to "T7 ...".
        passed: whether it held.
        measured: the figure; None where there is none.
        expected: the figure's allowed range, in words.
        detail: how it was measured.
    """

    name: str
    passed: bool
    measured: float | None
    expected: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The toy on the bench.

    Attributes:
        model: the toy; its parameters are put back after every update.
        clipping: the rule under test.
        loss_fn: the loss under test.
    """

    model: torch.nn.Module = field(repr=False)
    clipping: Clipping
    loss_fn: LossFn

    def mechanism(self, *, rate: float, noise: float, bound: float, batch: float) -> Mechanism:
        """Describe a step of the toy."""
        return Mechanism(
            sample_rate=rate,
            noise_multiplier=noise,
            steps=64,
            expected_batch_size=batch,
            max_grad_norm=bound,
            target_delta=1e-3,
            clipping=self.clipping,
        )

    def released(
        self, units: Sequence[Sequence[Example]], mechanism: Mechanism, steps: Sequence[int] = (0,)
    ) -> torch.Tensor:
        """Run steps of the real code, each from the same parameters; read what they release.

        Args:
            units: the toy's data.
            mechanism: of the step.
            steps: which steps.

        Returns:
            float64 [steps, parameters]: the noisy sum over the batch, in units of the bound,
            read off the change of the parameters.
        """
        params = trainable(self.model)
        before = [p.detach().clone() for p in params]
        # At this rate the parameters move by the sum itself, in units of the bound.
        rate = mechanism.expected_batch_size / mechanism.max_grad_norm
        logical = PrivateStep(
            self.model,
            torch.optim.SGD(params, lr=rate),
            mechanism=mechanism,
            noise=NoiseSource(key=_KEY, origin=INJECTED),
            loss_fn=self.loss_fn,
            physical_batch_tokens=96,
            held=Holding(units=5),
        )
        rows = []
        try:
            for step in steps:
                logical.run(step, units, lambda _step: None)
                with torch.no_grad():
                    moved = [(b.double() - p.double()) for b, p in zip(before, params, strict=True)]
                    rows.append(torch.cat([m.reshape(-1) for m in moved]))
                    for b, p in zip(before, params, strict=True):
                        p.copy_(b)
        finally:
            logical.close()
        return torch.stack(rows)

    def clipped_truth(self, truth: torch.Tensor, bound: float) -> torch.Tensor:
        """Clip one-at-a-time gradients by the book, in units of the bound."""
        norms = truth.double().norm(dim=1, keepdim=True)
        if self.clipping == "automatic":
            return truth.double() / (norms + 0.01)
        return truth.double() / bound / (norms / bound).clamp(min=1.0)


def check_sensitivity(rig: Rig, *, sizes: Sequence[int] = (7, 12, 15, 23)) -> list[Check]:
    """T1 and T1b: nothing moves by more than the bound, and the sum is that of clipped truths.

    Args:
        rig: the toy.
        sizes: batches that are tried.
    """
    units = toy.toy_units(23)
    truth = toy.one_at_a_time(rig.model, units)
    norms = truth.norm(dim=1)
    widest, wrong, single = 0.0, 0.0, 0.0
    # Bounds from a hundredth of the smallest norm to a thousand times the largest.
    bounds = (float(norms.min()) / 100, float(norms.median()), float(norms.max()) * 1e3)
    for case, (n, bound) in enumerate(itertools.product(sizes, bounds)):
        mechanism = rig.mechanism(rate=1.0, noise=0.0, bound=bound, batch=10.0)
        with_all = rig.released(units[:n], mechanism)[0]
        wanted = rig.clipped_truth(truth[:n], bound).sum(dim=0)
        # Measured against the largest clipped unit, or the check is blind at wide bounds.
        scale = max(1e-12, float(rig.clipped_truth(truth[:n], bound).norm(dim=1).max()))
        wrong = max(wrong, float((with_all - wanted).norm()) / scale)
        # The first leaves, or the last: three bounds, so each size and each bound sees both.
        gone = 0 if case % 2 == 0 else n - 1
        without = rig.released([*units[:gone], *units[gone + 1 : n]], mechanism)[0]
        widest = max(widest, float((with_all - without).norm()))
    bound = bounds[0]
    mechanism = rig.mechanism(rate=1.0, noise=0.0, bound=bound, batch=10.0)
    for unit, row in list(zip(units, truth, strict=True))[:6]:
        wanted_norm = float(rig.clipped_truth(row[None], bound).norm())
        found = float(rig.released([unit], mechanism)[0].norm())
        single = max(single, abs(found / wanted_norm - 1.0))
    # Rounding to the grid and float32 sums are covered by the mechanism's slack of 1e-3.
    return [
        Check(
            name="T1 sensitivity",
            passed=widest <= 1.0 + 1e-4,
            measured=widest,
            expected="<= 1.0001 of the bound",
            detail="largest change of the sum when one unit leaves",
        ),
        Check(
            name="T1b clipped sum",
            passed=wrong <= 2e-3 and single <= 1e-3,
            measured=max(wrong, single),
            expected="<= 0.002 of the bound",
            detail="against clipped one-at-a-time gradients; large units give the bound",
        ),
    ]


def check_noise(rig: Rig) -> list[Check]:
    """T2: variance per tensor, on empty and on full batches, and independence over steps."""
    noise, steps = 0.7, list(range(12))
    units = toy.toy_units(23)
    sizes = [p.numel() for p in trainable(rig.model)]
    quiet = rig.mechanism(rate=1.0, noise=0.0, bound=0.05, batch=9.0)
    loud = rig.mechanism(rate=1.0, noise=noise, bound=0.05, batch=9.0)
    empty = rig.mechanism(rate=_NEVER, noise=noise, bound=0.05, batch=9.0)
    on_empty = rig.released(units, empty, steps)
    on_full = rig.released(units, loud, steps[:3]) - rig.released(units, quiet, steps[:1])
    drawn = {"on empty batches": on_empty, "once per full batch": on_full}
    wanted = noise * (1.0 + loud.sensitivity_slack)
    checks = [_check_variance(name, rows, sizes, wanted) for name, rows in drawn.items()]
    # All tensors as one see a few per cent, which a single tensor of the toy cannot.
    whole = _check_variance("of all tensors", on_empty, [sum(sizes)], wanted)
    return [*checks, whole, _check_independence(on_empty, sizes)]


def _check_variance(name: str, rows: torch.Tensor, sizes: Sequence[int], wanted: float) -> Check:
    """Hold each tensor's variance against chi-square at 99.9 %, jointly over tensors."""
    level = 1e-3 / (2 * len(sizes))
    worst, inside = 1.0, True
    for part in rows.split(list(sizes), dim=1):
        n = part.numel()
        ratio = float((part**2).sum()) / (n * wanted**2)
        low, high = stats.chi2.ppf(level, n) / n, stats.chi2.isf(level, n) / n
        inside = inside and bool(low <= ratio <= high)
        worst = max(worst, ratio, key=lambda value: abs(math.log(max(value, 1e-30))))
    return Check(
        name=f"T2 noise variance {name}",
        passed=inside,
        measured=worst,
        expected="1, every tensor inside the 99.9 % chi-square band",
        detail=f"{rows.shape[0]} steps; worst ratio to accounted, of {len(sizes)}",
    )


def _check_independence(rows: torch.Tensor, sizes: Sequence[int]) -> Check:
    """Correlate steps with each other and neighbouring tensors with each other."""
    correlations, limits = [], []

    def note(a: torch.Tensor, b: torch.Tensor) -> None:
        norm = float(a.norm() * b.norm())
        correlations.append(abs(float(a @ b)) / norm if norm > 0.0 else 1.0)
        limits.append(5.0 / math.sqrt(len(a)))

    for i in range(len(rows)):
        for j in range(i):
            note(rows[i], rows[j])
    parts = rows.split(list(sizes), dim=1)
    for a, b in itertools.pairwise(parts):
        n = min(a.shape[1], b.shape[1])
        note(a[:, :n].reshape(-1), b[:, :n].reshape(-1))
    over = max(c / limit for c, limit in zip(correlations, limits, strict=True))
    return Check(
        name="T2 noise independence",
        passed=over <= 1.0,
        measured=over,
        expected="<= 1 (five standard deviations of a correlation)",
        detail="between steps, and between tensors",
    )


def check_sampler(rig: Rig) -> list[Check]:
    """T3: each unit at the accounted rate, batch sizes binomial, no unit twice."""
    n, steps, rate = 500, 400, 0.1
    mechanism = rig.mechanism(rate=rate, noise=1.0, bound=1.0, batch=rate * n)
    sampler = PoissonSampler(mechanism=mechanism, noise=NoiseSource(key=_KEY, origin=INJECTED))
    units = [list(range(1 + number % 7)) for number in range(n)]
    times, sizes, twice, records = np.zeros(n), [], 0, 0
    for step in range(steps):
        draws = sampler.draw(step, units)
        chosen = [draw.unit for draw in draws]
        twice += len(chosen) - len(set(chosen))
        for draw in draws:
            twice += len(draw.records) - len(set(draw.records))
            records = max(records, len(draw.records))
        sizes.append(len(chosen))
        np.add.at(times, chosen, 1)
    trials = n * steps
    mean = float(times.sum()) / trials
    deviation = abs(mean - rate) / math.sqrt(rate * (1 - rate) / trials)
    dispersion = float(times.var(ddof=1)) / (steps * rate * (1 - rate))
    spread = float(np.var(sizes, ddof=1)) / (n * rate * (1 - rate))
    return [
        Check(
            name="T3 sample rate",
            passed=deviation <= 4.0,
            measured=mean,
            expected=f"{rate} within four standard deviations",
            detail=f"{n} units, {steps} steps",
        ),
        Check(
            name="T3 Poisson dispersion",
            passed=abs(dispersion - 1.0) <= 4.0 * math.sqrt(2.0 / n)
            and abs(spread - 1.0) <= 4.0 * math.sqrt(2.0 / steps),
            measured=spread,
            expected="1: batch sizes and counts per unit vary as binomials do",
            detail=f"dispersion of counts per unit {dispersion:.3f}",
        ),
        Check(
            name="T3 nothing twice",
            passed=twice == 0 and records <= mechanism.max_records_per_unit,
            measured=float(twice),
            expected="0 units or records drawn twice in a step, records within the bound",
        ),
    ]


def check_steps(rig: Rig) -> Check:
    """T3: the trainer executes exactly the steps, units and rate that are accounted."""
    before = [p.detach().clone() for p in trainable(rig.model)]
    units = toy.toy_units(8)
    mechanism = Mechanism(
        sample_rate=0.5,
        noise_multiplier=4.0,
        steps=4,
        expected_batch_size=4.0,
        max_grad_norm=0.1,
        target_delta=1e-3,
        clipping=rig.clipping,
    )
    journal: list[int] = []
    outcome = train(
        rig.model,
        units,
        mechanism,
        TrainSettings(physical_batch_tokens=48),
        noise_key=_KEY,
        noise_source=INJECTED,
        checkpoint_store=_Memory(),
        progress=lambda *_: None,
        on_step=journal.append,
        loss_fn=rig.loss_fn,
    )
    moved = any(not torch.equal(b, p) for b, p in zip(before, trainable(rig.model), strict=True))
    with torch.no_grad():
        for b, p in zip(before, trainable(rig.model), strict=True):
            p.copy_(b)
    same = outcome.steps == mechanism.steps == len(set(journal)) == len(journal)
    # The figures once more: what the mechanism says of itself is what is under test.
    accounted = compose_epsilon([EventSpec(noise_multiplier=4.0, sample_rate=0.5, steps=4)], 1e-3)
    agree = abs(outcome.spent_epsilon - accounted) < 1e-9
    return Check(
        name="T3 executed equals accounted",
        passed=same and agree and moved,
        measured=float(outcome.steps),
        expected=f"{mechanism.steps} steps journalled, executed and accounted; weights moved",
    )


def check_audit(rig: Rig, *, trials: int = 100) -> list[Check]:
    """T4 and T5: tell a step with a canary from one without; bound epsilon from below."""
    noise, delta = 0.4, 1e-3
    canary = toy.toy_units(3)[2:]
    # One direction is watched: a smaller toy shows it as well.
    rig = replace(rig, model=toy.toy_model(layers=1, target_modules=("q_proj", "v_proj")))
    direction = toy.one_at_a_time(rig.model, canary)[0].double()
    bound = float(direction.norm()) / 100
    direction = direction / direction.norm()
    mechanism = rig.mechanism(rate=1.0, noise=noise, bound=bound, batch=1.0)
    absent = rig.mechanism(rate=_NEVER, noise=noise, bound=bound, batch=1.0)
    scores_in = rig.released(canary, mechanism, range(trials)) @ direction
    scores_out = rig.released(canary, absent, range(trials, 2 * trials)) @ direction
    misses = int((scores_in < 0.5).sum())
    alarms = int((scores_out >= 0.5).sum())
    # One-sided at 97.5 % each: the bound holds with 95 % confidence.
    upper = [
        float(stats.beta.ppf(0.975, k + 1, trials - k)) if k < trials else 1.0
        for k in (misses, alarms)
    ]
    found = max(0.0, *(math.log(max(1e-9, 1.0 - delta - a) / b) for a, b in (upper, upper[::-1])))
    claimed = mechanism.spent_epsilon(1)
    return [
        Check(
            name="T4 audit below the claim",
            passed=found <= claimed,
            measured=found,
            expected=f"<= {claimed:.3f}",
            detail=f"{trials} steps with and {trials} without a canary far above the bound",
        ),
        Check(
            name="T5 audit has power",
            passed=found > 1.0,
            measured=found,
            expected="> 1",
            detail="the same experiment",
        ),
    ]


class _Memory:
    """A checkpoint store that lives as long as the check."""

    def __init__(self) -> None:
        self._state: dict[str, bytes] | None = None

    def save(self, state: Mapping[str, bytes]) -> None:
        """Keep the state."""
        self._state = dict(state)

    def load(self) -> dict[str, bytes] | None:
        """Return it."""
        return self._state
