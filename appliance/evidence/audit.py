"""What the attacks saw."""

from __future__ import annotations

from pydantic import Field

from appliance.evidence.base import Interval, Section


class TprAtFpr(Section):
    """True-positive rate at a fixed false-positive rate."""

    value: float
    interval: Interval
    dp_ceiling: float | None = Field(
        default=None, description="Largest value the run's DP guarantee permits."
    )


class Membership(Section):
    """A membership attack's result."""

    auc: float
    auc_interval: Interval
    tpr_at_fpr: dict[str, TprAtFpr]
    n_members: int
    n_non_members: int
    base_auc: float | None = Field(
        default=None, description="Same attack on the base model: chance imbalance of the coins."
    )
    difference_interval: Interval | None = Field(
        default=None, description="95 % interval of the AUC minus the base model's (paired)."
    )
    roc: list[tuple[float, float]] = Field(default_factory=list, description="(fpr, tpr) points.")


class CanaryFamily(Section):
    """One family of canaries."""

    planted: int
    held_out: int
    mean_exposure: float | None
    max_exposure: float | None
    extracted: int
    by_repeats: dict[str, float] = Field(
        default_factory=dict, description="Repeats -> mean exposure (diagnosis only)."
    )


class Canaries(Section):
    """What was planted and what came out."""

    planted: int
    held_out: int
    coins_digest: str = Field(description="Digest of canaries and coins, fixed before training.")
    families: dict[str, CanaryFamily]


class Extraction(Section):
    """Greedy and probabilistic extraction of planted secrets, and of real values."""

    attempted: int
    extracted_greedy: int
    extracted_base: int
    max_log2_probability: float | None = Field(
        description="log2 of the largest probability of sampling a planted secret whole."
    )


class Regurgitation(Section):
    """Generations with and without the adapter, searched for what was removed."""

    generations: int
    matches: int
    matches_base: int
    verbatim_overlaps: int
    overlap_tokens: int | None = Field(
        default=None, description="Tokens a generation must share with a record to be an overlap."
    )
    real_values_ranked: int | None = None
    rank_p_value: float | None = Field(
        default=None,
        description="Chance that removed values rank this well among decoys by luck.",
    )


class PositiveControl(Section):
    """A throw-away adapter that was made to leak: can the attack see it?"""

    auc: float
    auc_interval: Interval
    seen: bool


class Attack(Section):
    """A secondary attack: printed beside the primary one, never judged by the gate."""

    auc: float
    auc_interval: Interval


class AuditSection(Section):
    """The attacks and what they saw."""

    seconds: float
    canaries: Canaries
    membership: Membership | None = Field(description="Canaries: the primary attack.")
    record_membership: Membership | None = Field(
        description="Real units against the audit holdout, one record of each."
    )
    user_membership: Membership | None = Field(
        default=None,
        description="Real people against the audit holdout, several records of each taken "
        "together; absent where the privacy unit is a record.",
    )
    empirical_epsilon: float | None = Field(description="One-run lower bound.")
    empirical_epsilon_bug: float | None = Field(
        default=None, description="The bound at 99 % confidence: above the claim means a bug."
    )
    empirical_epsilon_gaussian: float | None = Field(
        default=None,
        description="The bound if the trade-off curve is Gaussian: tighter, not judged.",
    )
    curve_p_value: float | None = Field(
        default=None,
        description="Largest chance of so many right guesses under the accountant's own trade-off "
        "curve (f-DP, one run): below 1 % means a bug.",
    )
    guesses: int | None = Field(
        default=None, description="Guesses behind the bound, fixed before training."
    )
    correct_guesses: int | None = Field(default=None, description="How many were right.")
    confidence: float
    largest_detectable_epsilon: float | None
    dp_auc_ceiling: float | None = Field(
        default=None, description="Largest AUC of any attack that the DP guarantee permits."
    )
    dp_roc: list[tuple[float, float]] = Field(
        default_factory=list,
        description="(fpr, largest tpr) that the accountant's curve permits, for drawing.",
    )
    permutation_p_value: float | None = Field(
        default=None, description="Chance of such an AUC with the coins exchanged."
    )
    secondary: dict[str, Attack] = Field(
        default_factory=dict, description="Other attacks on the same canaries and people."
    )
    power: dict[str, float] = Field(
        default_factory=dict, description="True AUC -> probability that this audit refuses it."
    )
    extraction: Extraction | None
    regurgitation: Regurgitation | None
    positive_control: PositiveControl | None
    scores: dict[str, list[float]] = Field(
        default_factory=dict,
        description="Primary scores of canaries: member, non_member, base_member, base_non_member.",
    )
