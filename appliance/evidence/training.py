"""The mechanism that ran, what it spent, and what the adapter is good for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.evidence.base import Interval, Section


class LedgerFigures(Section):
    """The data set's lifetime budget, this run included."""

    previous_epsilon: float
    total_epsilon: float
    lifetime_epsilon: float


class AccountantFigures(Section):
    """The same run under three accountants."""

    pld: float = Field(description="dp-accounting PLD: the figure of record.")
    prv: float | None = Field(description="Opacus PRV, upper bound.")
    rdp: float = Field(description="Renyi DP: a looser upper bound.")
    agree: bool


class Check(Section):
    """One named check of a self-test."""

    name: str
    passed: bool
    measured: float | None
    expected: str
    detail: str = ""


class SelfTest(Section):
    """The DP self-test that ran before training."""

    passed: bool
    checks: list[Check]
    seconds: float


class PrivacySection(Section):
    """The mechanism that ran and what it spent."""

    mechanism: Literal["dp-sgd", "none"]
    unit: str
    neighboring_relation: str
    target_epsilon: float
    target_delta: float
    spent_epsilon: float | None
    noise_multiplier: float
    sample_rate: float
    steps: int
    expected_batch_size: float
    max_grad_norm: float
    clipping: str
    max_records_per_unit: int
    n_units: int
    accountant: str
    accountants: AccountantFigures | None
    sampling: Literal["poisson", "none"]
    noise_source: str
    self_test: SelfTest | None
    ledger: LedgerFigures | None
    epsilon_by_step: list[tuple[int, float]] = Field(
        default_factory=list, description="(step, epsilon spent so far), for drawing."
    )


class TrainingSection(Section):
    """The training run's public facts. Losses on private batches are not among them."""

    method: str
    task: str
    trainable_parameters: int
    seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    resumed_times: int
    losses: list[tuple[int, float]] = Field(
        description="(step, loss) on the validation side, which is never trained on."
    )
    hyperparameters: dict[str, float | int | str | bool] = Field(default_factory=dict)


class Metric(Section):
    """One measure on the test side, before and after."""

    base: float | None
    adapter: float | None
    adapter_interval: Interval | None = None
    difference_interval: Interval | None = Field(
        default=None, description="95 % interval of adapter minus base, paired by unit."
    )
    higher_is_better: bool = False


class Confusion(Section):
    """Records by true class (rows) and called class (columns), on the test side."""

    labels: list[str]
    base: list[list[int]]
    adapter: list[list[int]]


class UtilitySection(Section):
    """Use of the adapter, on people it never saw."""

    records: int
    units: int
    metrics: dict[str, Metric] = Field(
        description="Measure -> before and after; with several tasks 'task.measure' for each."
    )
    confusion: Confusion | None = Field(
        default=None, description="Of a classification with one class a record."
    )
    forgetting: dict[str, float] | None = None
    bias: dict[str, float] | None = None
    factuality: dict[str, float] | None = None
