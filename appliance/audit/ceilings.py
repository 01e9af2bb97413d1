"""What the DP guarantee leaves an attacker: ceilings printed beside the measured attacks.

Owns one object, `DpCurve`: the run's privacy profile delta(epsilon), from the accountant's PLD of
the executed mechanism, from a bare (epsilon, delta), or from a Gaussian. It bounds every attack on
one unit, so a measured value above it means that the mechanism did not run as stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appliance.audit.bounds import gaussian_delta

Floats = NDArray[np.float64]

#: Where the profile is sampled. Any subset of epsilons gives a valid, slightly looser ceiling.
_EPSILONS = np.concatenate([np.arange(0.0, 4.0, 0.02), np.arange(4.0, 24.0, 0.1)])
#: Discretisation of the privacy loss; rounded so that the profile stays an upper bound.
_LOSS_INTERVAL = 1e-3
#: Points of the drawn ceiling.
_DRAWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DpCurve:
    """A privacy profile, and the attacks it permits.

    Attributes:
        epsilons: float64 [k], >= 0, rising.
        deltas: float64 [k], in [0, 1]: the run is (epsilons[i], deltas[i])-DP for every i.
    """

    epsilons: Floats = field(repr=False)
    deltas: Floats = field(repr=False)

    @classmethod
    def of_mechanism(cls, *, noise_multiplier: float, sample_rate: float, steps: int) -> DpCurve:
        """Return the profile of a Poisson-sampled Gaussian run, adding or removing one unit.

        Args:
            noise_multiplier: noise std / clipping bound, > 0.
            sample_rate: Poisson inclusion probability, in (0, 1].
            steps: noisy updates, >= 1.

        Reference:
            dp-accounting's PLD (arXiv:2207.04380), pessimistic: an upper bound on delta.
        """
        from dp_accounting.pld import privacy_loss_distribution as pld

        loss = pld.from_gaussian_mechanism(
            noise_multiplier,
            sampling_prob=sample_rate,
            value_discretization_interval=_LOSS_INTERVAL,
        ).self_compose(steps)
        deltas = np.asarray(loss.get_delta_for_epsilon(_EPSILONS), dtype=np.float64)
        return cls(epsilons=_EPSILONS, deltas=np.clip(deltas, 0.0, 1.0))

    @classmethod
    def of_guarantee(cls, *, epsilon: float, delta: float) -> DpCurve:
        """Return the profile of a bare guarantee: nothing is known but one point."""
        return cls(epsilons=np.array([epsilon]), deltas=np.array([delta]))

    @classmethod
    def of_gaussian(cls, *, mu: float) -> DpCurve:
        """Return the profile of a mu-GDP mechanism."""
        deltas = np.array([gaussian_delta(mu, epsilon) for epsilon in _EPSILONS])
        return cls(epsilons=_EPSILONS, deltas=deltas)

    def tpr_ceiling(self, fpr: float) -> float:
        """Return the largest true-positive rate of any attack at this false-positive rate.

        Args:
            fpr: in [0, 1].

        Reference:
            Kairouz, Oh and Viswanath 2015, arXiv:1311.0776, theorem 2.1: both regions, for every
            (epsilon, delta) of the profile.
        """
        factor = np.exp(self.epsilons)
        forward = factor * fpr + self.deltas
        backward = 1.0 - (1.0 - fpr - self.deltas) / factor
        return float(np.clip(np.minimum(forward, backward).min(), 0.0, 1.0))

    def fpr_floor(self, tpr: float) -> float:
        """Return the least false-positive rate of any attack with this true-positive rate.

        Args:
            tpr: in [0, 1].
        """
        factor = np.exp(self.epsilons)
        forward = (tpr - self.deltas) / factor
        backward = 1.0 - self.deltas - factor * (1.0 - tpr)
        return float(np.clip(np.maximum(forward, backward).max(), 0.0, 1.0))

    def roc_ceiling(self) -> list[tuple[float, float]]:
        """Return (fpr, largest tpr) from a false-positive rate of 1e-4 to 1, for drawing."""
        rates = np.geomspace(1e-4, 1.0, _DRAWN)
        return [(float(rate), self.tpr_ceiling(float(rate))) for rate in rates]

    def auc_ceiling(self) -> float:
        """Return the largest AUC of any attack: the area under `tpr_ceiling`.

        The ceiling is concave, so the trapezoids lie below it; their shortfall at this grid is
        under 1e-4.
        """
        rates = np.concatenate([[0.0], np.geomspace(1e-7, 1e-2, 200), np.linspace(0.0101, 1, 800)])
        return float(np.trapezoid([self.tpr_ceiling(rate) for rate in rates], rates))
