"""What a training run is told and what it returns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from appliance.finetune.noise import NoiseOrigin
from appliance.finetune.optimizer import OptimizerName

Schedule = Literal["constant", "linear", "cosine"]
Averaging = Literal["none", "tail"]

#: Most memory for per-unit gradients.
UNIT_GRADIENT_BYTES: Final = 2**29


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How to update; everything about privacy is in the mechanism.

    Attributes:
        learning_rate: largest step size.
        optimizer: DP-Adam or DP-SGD.
        schedule: how the step size falls after the warm-up.
        warmup_steps: steps over which it rises.
        betas: decay of Adam's moments.
        momentum: of SGD.
        debias_second_moment: take the noise's variance off Adam's second moment.
        averaging: "tail" returns the mean of the iterates over the last `average_share`.
        average_share: share of steps averaged, (0, 1].
        physical_batch_tokens: most tokens of one pass; memory only.
        unit_gradient_bytes: most memory for per-unit gradients; where too few fit, large weights'
            are kept as factors. Memory only.
        gradient_checkpointing: recompute activations instead of keeping them.
        shard_base: split the frozen base over the processes of the run; memory only.
        precision: "bf16" runs the forward pass under autocast; norms and noise stay float32.
        checkpoint_every_steps: steps between checkpoints.
        checkpoint_every_s: seconds between checkpoints, whichever comes first.
    """

    learning_rate: float = 2e-3
    optimizer: OptimizerName = "adam"
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    debias_second_moment: bool = False
    averaging: Averaging = "none"
    average_share: float = 0.3
    physical_batch_tokens: int = 1024
    unit_gradient_bytes: int = UNIT_GRADIENT_BYTES
    gradient_checkpointing: bool = False
    shard_base: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    checkpoint_every_steps: int = 10
    checkpoint_every_s: float = 60.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0.0):
            msg = f"expected finite learning_rate={self.learning_rate} > 0"
            raise ValueError(msg)
        counts = (self.physical_batch_tokens, self.unit_gradient_bytes, self.checkpoint_every_steps)
        if min(counts) < 1 or self.warmup_steps < 0 or not 0.0 < self.average_share <= 1.0:
            msg = "expected positive counts, warmup_steps >= 0 and 0 < average_share <= 1"
            raise ValueError(msg)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Give the step size of a step.

        Args:
            step: from 0.
            steps: of the whole run.
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, steps - self.warmup_steps)
        match self.schedule:
            case "constant":
                return self.learning_rate
            case "linear":
                return self.learning_rate * (1.0 - done)
            case "cosine":
                return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**asdict(self), "betas": list(self.betas)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOutcome:
    """What a training run did. Fields hidden from repr depend on private batches: never export.

    Attributes:
        steps: executed updates, earlier sessions of a resumed run included.
        finished: False when `stop` ended it early.
        spent_epsilon: of the executed steps, at the mechanism's delta.
        engine: which per-unit gradient engine ran.
        noise_source: where the noise key came from.
        trainable_parameters: how many.
        resumed_times: checkpoints this run continued from.
        seconds: spent in steps, all sessions.
        tokens_per_second: tokens that are not padding, through forward and backward.
        peak_memory_bytes: of the process (resident), or of the device.
        max_grad_norm: the bound at the end; another than at the start only where it adapts.
        losses: (step, mean loss of the drawn units); private, not accounted.
        batch_sizes: units drawn at each step; private.
        empty_batches: steps without a unit; private.
    """

    steps: int
    finished: bool
    spent_epsilon: float
    engine: str
    noise_source: NoiseOrigin
    trainable_parameters: int
    resumed_times: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    max_grad_norm: float
    losses: list[tuple[int, float]] = field(repr=False)
    batch_sizes: list[int] = field(repr=False)
    empty_batches: int = field(repr=False)
