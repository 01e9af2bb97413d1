"""Which epsilon is feasible for so many units, and how noise trades against what is learned.

One figure stands for use: the signal over the noise of a whole run, B sqrt(T) / z. If every unit's
clipped gradient pointed the same way, the run's summed signal along that way would be B T C, and
the noise there z C sqrt(T). Learning that needs more agreement than the data has is drowned first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from appliance.finetune.accounting import EventSpec, calibrate_noise, compose_epsilon
from appliance.finetune.mechanism import Mechanism

#: Targets shown beside the policy's own.
EPSILONS: Final = (1.0, 3.0, 8.0)
#: Signal over noise below which an adapter hardly moves: a rule of thumb of this project, neither a
#: guarantee nor a measurement of the data at hand.
ENOUGH: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One point between privacy and use, at the plan's batch and steps.

    Attributes:
        epsilon: nats, at the plan's delta.
        noise_multiplier: least noise that keeps to it.
        signal_to_noise: of the whole run.
    """

    epsilon: float
    noise_multiplier: float
    signal_to_noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasibility:
    """What these units can carry.

    Attributes:
        trades: one for each of `EPSILONS`.
        epsilon: the least at which the run's signal stands `ENOUGH` above its noise.
        units: units it would take at the policy's own epsilon, with the batch grown alike.
    """

    trades: tuple[Trade, ...]
    epsilon: float
    units: int


def feasibility(mechanism: Mechanism, *, n_units: int) -> Feasibility | None:
    """Work out what is feasible; None without differential privacy.

    Args:
        mechanism: the planned one.
        n_units: units trained on.
    """
    if mechanism.kind != "dp-sgd":
        return None
    strength = mechanism.expected_batch_size * math.sqrt(mechanism.steps)

    def noise_at(epsilon: float) -> float:
        return calibrate_noise(
            target_epsilon=epsilon,
            target_delta=mechanism.target_delta,
            sample_rate=mechanism.sample_rate,
            steps=mechanism.steps,
        )

    trades = []
    for epsilon in EPSILONS:
        noise = noise_at(epsilon)
        trades.append(
            Trade(epsilon=epsilon, noise_multiplier=noise, signal_to_noise=strength / noise)
        )
    event = EventSpec(
        noise_multiplier=strength / ENOUGH,
        sample_rate=mechanism.sample_rate,
        steps=mechanism.steps,
    )
    # At one sample rate the batch grows with the units, and the noise stays (but for delta).
    short = ENOUGH * mechanism.noise_multiplier / strength
    return Feasibility(
        trades=tuple(trades),
        epsilon=compose_epsilon([event], mechanism.target_delta),
        units=math.ceil(n_units * max(1.0, short)),
    )
