"""The mechanism: one frozen object that sampler, clipping, noise and accountant all come from.

Nothing else in this room holds a sample rate, a noise multiplier or a clipping bound, so the
figures that are accounted are the figures that run.

Needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from appliance.errors import PolicyError, UsageError
from appliance.finetune import accounting
from appliance.finetune.accounting import EventSpec

if TYPE_CHECKING:
    import dp_accounting

MechanismKind = Literal["dp-sgd", "none"]
Clipping = Literal["abadi", "automatic"]

_DEFAULT_SLACK: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveClipping:
    """Tracks a quantile of gradient norms with its own noisy count.

    Attributes:
        quantile: share of units that should not be clipped, (0, 1).
        learning_rate: of the geometric update.
        count_noise_multiplier: noise std of the count of unclipped units / its sensitivity (1/2).

    Reference:
        Andrew et al. 2021, arXiv:1905.03871, Algorithm 1 and Theorem 1.
    """

    quantile: float = 0.5
    learning_rate: float = 0.2
    count_noise_multiplier: float = 10.0

    def __post_init__(self) -> None:
        if not (0.0 < self.quantile < 1.0 and self.learning_rate > 0.0):
            msg = "expected 0 < quantile < 1 and learning_rate > 0"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """DP-SGD over privacy units, as it runs and as it is accounted.

    Attributes:
        kind: "dp-sgd", or "none" for training without privacy, which is never released.
        sample_rate: Poisson inclusion probability of each unit at each step, (0, 1].
        noise_multiplier: noise std / clipping bound, of the whole step (gradient and, where
            clipping is adaptive, count together).
        steps: noisy updates.
        expected_batch_size: units expected per step, the divisor of every noisy sum.
        max_grad_norm: L2 bound on one unit's gradient (the first one, where it adapts).
        clipping: "abadi" min(1, C/norm), or "automatic" C/(norm + 0.01).
        max_records_per_unit: most records of one unit used in one step.
        target_epsilon: what the policy asked, nats; None where noise was given instead.
        target_delta: probability left outside epsilon.
        adaptive: settings of adaptive clipping; None for a fixed bound.
        sensitivity_slack: share of the bound added to the noise beyond what is accounted; it
            covers float32 summation and the rounding of the sum to a grid.
        neighboring_relation: data sets that differ by one unit, present or absent.

    Guarantees:
        `spent_epsilon(k)` at `target_delta` bounds what k executed steps reveal about the
        presence of any one unit, to whoever sees every iterate, given that the sampler, clipping
        and noise are those this object describes.

    Reference:
        Abadi et al. 2016, arXiv:1607.00133, Algorithm 1, with Poisson sampling and a row per
        unit instead of per example; McMahan et al. 2018, arXiv:1710.06963 for units.
    """

    kind: MechanismKind = "dp-sgd"
    sample_rate: float
    noise_multiplier: float
    steps: int
    expected_batch_size: float
    max_grad_norm: float
    target_delta: float
    target_epsilon: float | None = None
    clipping: Clipping = "abadi"
    max_records_per_unit: int = 4
    adaptive: AdaptiveClipping | None = None
    sensitivity_slack: float = _DEFAULT_SLACK
    neighboring_relation: Literal["add_or_remove_one"] = "add_or_remove_one"

    def __post_init__(self) -> None:
        # The event checks noise, rate and steps.
        self.event(self.steps)
        for name in ("expected_batch_size", "max_grad_norm"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                msg = f"expected finite {name}={value} > 0"
                raise ValueError(msg)
        if self.steps < 1 or self.max_records_per_unit < 1 or not 0.0 < self.target_delta < 1.0:
            msg = "expected steps >= 1, max_records_per_unit >= 1 and 0 < target_delta < 1"
            raise ValueError(msg)
        if self.sensitivity_slack < 0.0:
            msg = f"expected sensitivity_slack={self.sensitivity_slack} >= 0"
            raise ValueError(msg)
        if self.adaptive is not None:
            self._check_adaptive(self.adaptive)

    def _check_adaptive(self, adaptive: AdaptiveClipping) -> None:
        """Refuse a count that would eat the whole budget, and automatic clipping of it."""
        if self.clipping == "automatic":
            msg = "expected clipping 'abadi': automatic clipping has no bound to adapt"
            raise ValueError(msg)
        if self.noise_multiplier > 0.0 and adaptive.count_noise_multiplier <= self.noise_multiplier:
            msg = (
                f"expected count_noise_multiplier={adaptive.count_noise_multiplier} > "
                f"noise_multiplier={self.noise_multiplier}"
            )
            raise ValueError(msg)

    @classmethod
    def calibrate(
        cls,
        *,
        target_epsilon: float,
        target_delta: float,
        n_units: int,
        expected_batch_size: float,
        steps: int,
        max_grad_norm: float,
        clipping: Clipping = "abadi",
        max_records_per_unit: int = 4,
        noise_multiplier: float | None = None,
    ) -> Self:
        """Find the least noise that keeps all steps within the target, or check a given one.

        Args:
            target_epsilon: nats, positive.
            target_delta: probability, (0, 1).
            n_units: privacy units trained on, canaries included.
            expected_batch_size: units expected per step; at most `n_units`.
            steps: noisy updates.
            max_grad_norm: L2 bound on one unit's gradient.
            clipping: how the bound is applied.
            max_records_per_unit: most records of one unit used in one step.
            noise_multiplier: noise std / clipping bound; absent: the least that will do.

        Returns:
            A mechanism whose `spent_epsilon(steps)` is at most `target_epsilon`.

        Raises:
            UsageError: the batch is larger than the data, or a figure is out of range.
            PolicyError: the given noise costs more than the target.
        """
        if n_units < 1 or not 0.0 < expected_batch_size <= n_units:
            raise UsageError(
                "training.expected_batch_size",
                f"expected between 1 and the {n_units} units trained on",
                hint="appliance policy explain training.expected_batch_size",
            )
        sample_rate = expected_batch_size / n_units
        try:
            noise = noise_multiplier or accounting.calibrate_noise(
                target_epsilon=target_epsilon,
                target_delta=target_delta,
                sample_rate=sample_rate,
                steps=steps,
            )
            made = cls(
                sample_rate=sample_rate,
                noise_multiplier=noise,
                steps=steps,
                expected_batch_size=expected_batch_size,
                max_grad_norm=max_grad_norm,
                target_delta=target_delta,
                target_epsilon=target_epsilon,
                clipping=clipping,
                max_records_per_unit=max_records_per_unit,
            )
        except ValueError as e:
            raise UsageError(
                "privacy", str(e), hint="appliance policy explain privacy.target_epsilon"
            ) from e
        if noise_multiplier is not None and not made.spent_epsilon(steps) <= target_epsilon:
            raise PolicyError(
                "privacy.noise_multiplier",
                f"this noise costs epsilon {made.spent_epsilon(steps):.3f} over {steps} steps at "
                f"sample rate {sample_rate:.3f}, expected at most privacy.target_epsilon",
                hint="appliance policy explain privacy.noise_multiplier",
            )
        return made

    def with_adaptive_bound(
        self, *, quantile: float, learning_rate: float, budget_share: float
    ) -> Self:
        """Return the same mechanism, as noisy and as costly, with a bound that follows the norms.

        Args:
            quantile: share of units that should not be clipped, (0, 1).
            learning_rate: of the geometric update.
            budget_share: share of each step's privacy that the count takes, (0, 1).

        Reference:
            Andrew et al. 2021, arXiv:1905.03871, Theorem 1: 1/z^2 = 1/z_gradient^2 + 1/z_count^2;
            the share is that of 1/z_count^2.
        """
        count = self.noise_multiplier / math.sqrt(budget_share)
        return replace(
            self,
            adaptive=AdaptiveClipping(
                quantile=quantile, learning_rate=learning_rate, count_noise_multiplier=count
            ),
        )

    @classmethod
    def without_privacy(
        cls,
        *,
        n_units: int,
        expected_batch_size: float,
        steps: int,
        target_delta: float,
        max_records_per_unit: int = 4,
    ) -> Self:
        """Describe training with neither clipping nor noise: epsilon is infinite.

        Args:
            n_units: privacy units trained on.
            expected_batch_size: units expected per step.
            steps: updates.
            target_delta: recorded, bounds nothing.
            max_records_per_unit: most records of one unit used in one step.
        """
        return cls(
            kind="none",
            sample_rate=min(1.0, expected_batch_size / n_units),
            noise_multiplier=0.0,
            steps=steps,
            expected_batch_size=expected_batch_size,
            max_grad_norm=1.0,
            target_delta=target_delta,
            max_records_per_unit=max_records_per_unit,
        )

    def event(self, steps: int) -> EventSpec:
        """Describe `steps` updates for an accountant or a ledger.

        Args:
            steps: executed updates.
        """
        return EventSpec(
            noise_multiplier=0.0 if self.kind == "none" else self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=steps,
        )

    def dp_event(self, steps: int) -> dp_accounting.DpEvent:
        """Describe `steps` updates in dp-accounting's language.

        Args:
            steps: executed updates.
        """
        return self.event(steps).dp_event()

    def spent_epsilon(self, steps_done: int) -> float:
        """Bound what the executed steps have spent, at `target_delta`.

        Args:
            steps_done: executed updates.

        Returns:
            Nats; infinite without noise.
        """
        return accounting.compose_epsilon([self.event(steps_done)], self.target_delta)

    @property
    def gradient_noise_multiplier(self) -> float:
        """Noise multiplier of the gradient alone.

        Where clipping adapts, the count takes part of the budget: the two Gaussian queries
        together are one of `noise_multiplier` when 1/z^2 = 1/z_gradient^2 + 1/z_count^2.

        Reference:
            Andrew et al. 2021, arXiv:1905.03871, Theorem 1, with z_count = 2 sigma_b.
        """
        if self.adaptive is None or self.noise_multiplier == 0.0:
            return self.noise_multiplier
        ours, count = self.noise_multiplier**-2, self.adaptive.count_noise_multiplier**-2
        return float((ours - count) ** -0.5)

    def noise_std(self, max_grad_norm: float) -> float:
        """Give the noise's standard deviation on the sum of clipped gradients.

        Args:
            max_grad_norm: the bound in force at this step.
        """
        return self.gradient_noise_multiplier * max_grad_norm * (1.0 + self.sensitivity_slack)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Read the fields back.

        Args:
            fields: what `as_dict` returned.
        """
        adaptive = fields.get("adaptive")
        known = dict(fields, adaptive=AdaptiveClipping(**adaptive) if adaptive else None)
        return cls(**known)

    @property
    def digest(self) -> str:
        """Name this mechanism by its content: "sha256:<hex>"."""
        canonical = json.dumps(self.as_dict(), sort_keys=True).encode()
        return f"sha256:{hashlib.sha256(canonical).hexdigest()}"
