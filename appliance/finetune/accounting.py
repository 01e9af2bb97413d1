"""Privacy accounting: what a history of noisy updates has spent, by three accountants.

The figure of record is dp-accounting's PLD accountant (pessimistic discretisation). Opacus's PRV
and RDP accountants check it: two implementations by other people, from other mathematics.
Disagreement is a bug in one of them, and stops the run. The GDP accountant is not offered: it
under-reports.

Needs no torch unless `cross_check` is called.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import dp_accounting
from dp_accounting import pld
from scipy import optimize

if TYPE_CHECKING:
    from appliance.finetune.mechanism import Mechanism

ACCOUNTANT: Final = "dp-accounting-pld"

_FINE_INTERVAL: Final = 1e-4
_COARSE_INTERVAL: Final = 1e-3
# Below this noise the privacy loss of one step is hundreds of nats: reported as no privacy.
_SMALLEST_NOISE: Final = 0.05
# Beyond, noise in steps of the grid would leave the whole numbers of float64 (`grid_noise`).
_LARGEST_NOISE: Final = 1e5


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """A stretch of identical noisy updates: what an accountant needs to know of it.

    Attributes:
        noise_multiplier: noise std / clipping bound, >= 0; 0 means no privacy.
        sample_rate: Poisson inclusion probability of a unit, (0, 1].
        steps: noisy updates, >= 0.
    """

    noise_multiplier: float
    sample_rate: float
    steps: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.noise_multiplier <= _LARGEST_NOISE:
            msg = f"expected 0 <= noise_multiplier={self.noise_multiplier} <= {_LARGEST_NOISE:g}"
            raise ValueError(msg)
        if not 0.0 < self.sample_rate <= 1.0:
            msg = f"expected 0 < sample_rate={self.sample_rate} <= 1"
            raise ValueError(msg)
        if self.steps < 0:
            msg = f"expected steps={self.steps} >= 0"
            raise ValueError(msg)

    def as_dict(self) -> dict[str, float | int]:
        """Return the fields as JSON values."""
        return {
            "noise_multiplier": self.noise_multiplier,
            "sample_rate": self.sample_rate,
            "steps": self.steps,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, float | int]) -> Self:
        """Read the fields back.

        Args:
            fields: what `as_dict` returned.

        Raises:
            ValueError: a field is missing, unknown or out of range.
        """
        if set(fields) != {"noise_multiplier", "sample_rate", "steps"}:
            msg = "expected the fields noise_multiplier, sample_rate and steps"
            raise ValueError(msg)
        return cls(
            noise_multiplier=float(fields["noise_multiplier"]),
            sample_rate=float(fields["sample_rate"]),
            steps=int(fields["steps"]),
        )

    def dp_event(self) -> dp_accounting.DpEvent:
        """Return the event in dp-accounting's language."""
        gaussian = dp_accounting.GaussianDpEvent(self.noise_multiplier)
        step = (
            gaussian
            if self.sample_rate == 1.0
            else dp_accounting.PoissonSampledDpEvent(self.sample_rate, gaussian)
        )
        return dp_accounting.SelfComposedDpEvent(step, self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountantCheck:
    """One history under three accountants.

    Attributes:
        pld: the figure of record (dp-accounting).
        prv: Opacus PRV, upper estimate; None where it cannot be computed.
        rdp: Opacus RDP, a looser upper bound.
        agree: whether the three are compatible.
    """

    pld: float
    prv: float | None
    rdp: float
    agree: bool


def compose_epsilon(events: Sequence[EventSpec], delta: float) -> float:
    """Bound the epsilon of a whole history of updates over the same units.

    Args:
        events: every stretch of updates ever run, in any order.
        delta: probability left outside, (0, 1).

    Returns:
        Epsilon at `delta` under add-or-remove-one; 0 for no steps, infinity for a step without
        noise.

    Raises:
        ValueError: delta outside (0, 1).

    Guarantees:
        An upper bound on the epsilon of the adaptive composition of Poisson-sampled Gaussian
        mechanisms, whatever the order: discretisation rounds the loss up. Grows with steps and
        sample rate, falls with noise.

    Reference:
        Doroshenko et al. 2022, arXiv:2207.04380 (Connect the Dots), as implemented by
        dp-accounting 0.6.0; one privacy-loss distribution, composed, not epsilons added.
    """
    if not 0.0 < delta < 1.0:
        msg = f"expected 0 < delta={delta} < 1"
        raise ValueError(msg)
    steps: Counter[tuple[float, float]] = Counter()
    for event in events:
        steps[event.noise_multiplier, event.sample_rate] += event.steps
    history = tuple(sorted((*key, n) for key, n in steps.items() if n > 0))
    return _pld_epsilon(history, delta, _FINE_INTERVAL)


def calibrate_noise(
    *, target_epsilon: float, target_delta: float, sample_rate: float, steps: int
) -> float:
    """Find the least noise multiplier whose epsilon does not exceed the target.

    Args:
        target_epsilon: nats, positive.
        target_delta: probability, (0, 1).
        sample_rate: Poisson inclusion probability, (0, 1].
        steps: noisy updates, positive.

    Returns:
        Noise multiplier, a multiple of 1e-4 (above 1: four to five digits).

    Raises:
        ValueError: an argument is out of range, or no noise below 10^5 is enough.

    Guarantees:
        `compose_epsilon` of the result is at most `target_epsilon`; it is above 99 % of it, or
        the result is the smallest noise considered.
    """
    if not target_epsilon > 0.0 or steps < 1:
        msg = f"expected target_epsilon={target_epsilon} > 0 and steps={steps} >= 1"
        raise ValueError(msg)

    def excess(log_noise: float, interval: float) -> float:
        """Positive where the noise is too little; nearly straight, so that few figures suffice."""
        history = ((math.exp(log_noise), sample_rate, steps),)
        spent = _pld_epsilon(history, target_delta, interval)
        return math.log(min(1e9, max(1e-9, spent / target_epsilon)))

    def root(low: float, high: float, interval: float) -> float:
        found = optimize.brentq(excess, low, high, args=(interval,), xtol=2e-5, rtol=1e-9)
        return float(found) + 2e-5

    interval, smallest = _COARSE_INTERVAL, math.log(_SMALLEST_NOISE)
    low, high = math.log(0.5), 0.0
    while excess(high, interval) >= 0.0:
        low, high = high, high + math.log(2.0)
        if high > math.log(_LARGEST_NOISE):
            msg = f"no noise reaches target_epsilon={target_epsilon} at delta={target_delta}"
            raise ValueError(msg)
    while low > smallest and excess(low, interval) < 0.0:
        low, high = max(smallest, low - math.log(2.0)), low
    found = root(low, high, interval) if excess(low, interval) > 0.0 else smallest
    if target_epsilon <= 1.0:
        # Discretisation costs about interval * sqrt(steps): a tiny target needs a finer one. It
        # only takes off, so the coarse answer is the upper end.
        interval, high, low = _FINE_INTERVAL, found, found - 0.01
        while excess(low, interval) <= 0.0 and low > smallest:
            low, high = max(smallest, low - 4.0 * (found - low)), low
        found = root(low, high, interval) if excess(high, interval) < 0.0 else high
    noise = math.ceil(math.exp(found) * 1e4) / 1e4
    while excess(math.log(noise), _FINE_INTERVAL) > 0.0:
        noise = math.ceil(noise * 1.0005 * 1e4) / 1e4
    return noise


def cross_check(mechanism: Mechanism) -> AccountantCheck:
    """Compare the figure of record with two other accountants.

    Args:
        mechanism: what will run, all its steps.

    Returns:
        The three figures, and whether they are compatible: PRV within 2 % (or 0.02) of PLD, RDP
        not below PLD by more than 1 % and at most 1.6 times it plus 0.5.

    Reference:
        PRV: Gopi, Lee and Wutschitz 2021, arXiv:2106.02848. RDP: Mironov, Talwar and Zhang 2019,
        arXiv:1908.10530, converted by Balle et al. 2020, arXiv:1905.09982. RDP's looseness was
        measured over the grid of the test; it is an upper bound, so only "below" means a bug.
    """
    delta = mechanism.target_delta
    figure = mechanism.spent_epsilon(mechanism.steps)
    # From what runs, not from what the mechanism says of itself: a wrong event shows.
    event = EventSpec(
        noise_multiplier=mechanism.noise_multiplier,
        sample_rate=mechanism.sample_rate,
        steps=mechanism.steps,
    )
    if not math.isfinite(figure):
        return AccountantCheck(pld=math.inf, prv=None, rdp=math.inf, agree=False)
    prv, rdp = _opacus_prv(event, delta), _opacus_rdp(event, delta)
    agree = (
        prv is not None
        and abs(prv - figure) <= max(0.02 * figure, 0.02)
        and 0.99 * figure - 0.01 <= rdp <= 1.6 * figure + 0.5
    )
    return AccountantCheck(pld=figure, prv=prv, rdp=rdp, agree=agree)


@functools.lru_cache(maxsize=512)
def _pld_epsilon(
    history: tuple[tuple[float, float, int], ...], delta: float, interval: float
) -> float:
    """Compose (noise_multiplier, sample_rate, steps) triples with one accountant."""
    if not history:
        return 0.0
    smallest = min(noise for noise, _, _ in history)
    if smallest < _SMALLEST_NOISE:
        return math.inf
    # The loss spans about 1 / noise^2 nats: a coarser (still pessimistic) grid keeps it small.
    accountant = pld.PLDAccountant(value_discretization_interval=interval / min(1.0, smallest) ** 2)
    for noise, rate, steps in history:
        accountant.compose(
            EventSpec(noise_multiplier=noise, sample_rate=rate, steps=steps).dp_event()
        )
    return max(0.0, float(accountant.get_epsilon(delta)))


def _opacus_prv(event: EventSpec, delta: float) -> float | None:
    """Ask Opacus's PRV accountant; None where its numerics give up."""
    from opacus.accountants import PRVAccountant

    accountant: Any = PRVAccountant()
    accountant.history = [(event.noise_multiplier, event.sample_rate, event.steps)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure = float(accountant.get_epsilon(delta=delta, eps_error=0.005))
    except (RuntimeError, ValueError, ArithmeticError, MemoryError):
        return None
    return figure if math.isfinite(figure) else None


def _opacus_rdp(event: EventSpec, delta: float) -> float:
    """Ask Opacus's RDP accountant."""
    from opacus.accountants import RDPAccountant

    accountant: Any = RDPAccountant()
    accountant.history = [(event.noise_multiplier, event.sample_rate, event.steps)]
    orders = [1.0 + x / 10.0 for x in range(1, 100)] + [*range(12, 64), 72, 96, 128, 192, 256, 512]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(accountant.get_epsilon(delta=delta, alphas=orders))
