"""The knobs of `audit`, and the gate's thresholds with their reasons.

A threshold's description says what it bounds and why it stands where it stands; the figures in
them are tested against the audit's own formulas.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from appliance.policy.knobs import Count, Fraction, Knobs, Positive, PositiveCount


class CanaryCounts(Knobs):
    """What is planted, half of it by fair coins."""

    newtok: Count = Field(
        default=500,
        description="Candidates with one never-seen token: the primary attack and the bound. With "
        "500 a clean adapter passes 97 % of strict audits and a true AUC of .65 never does.",
    )
    secrets: Count = Field(
        default=200,
        description="Candidates with a made-up identifier of a range never issued: the extraction "
        "claim. Half are planted.",
    )
    repeats: dict[str, Count] = Field(
        default_factory=lambda: {"4": 4, "16": 2},
        description="Repeat ladder (repeats -> canaries), each held by so many units: diagnosis "
        "only, never in the bound, since the guarantee is about one unit.",
    )
    max_share: Fraction = Field(
        default=0.10,
        description="Largest share of training units that may be canaries: more would crowd out "
        "what is to be learned. Counts are cut to it, and the report says so.",
    )


class Audit(Knobs):
    """How the adapter is attacked."""

    level: Literal["strict", "standard"] = Field(
        default="strict",
        description="Audit level, shown in the report. A strict policy always trains the positive "
        "control and refuses what is inconclusive.",
    )
    canaries: CanaryCounts = Field(default=CanaryCounts(), description="What is planted.")
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = Field(
        default=0.95, description="Confidence of bounds and intervals."
    )
    max_members: PositiveCount = Field(
        default=500,
        description="Most real units attacked as members, by one record of each and, where the "
        "unit is a person, by several together.",
    )
    generations: Count = Field(
        default=100,
        description="Sampled generations searched for removed values and for records repeated "
        "word for word; as many of the base model stand beside them.",
    )
    generation_tokens: PositiveCount = Field(default=48, description="Tokens of each generation.")
    ranked_values: Count = Field(
        default=50, description="Removed values ranked among same-format decoys; 0: none."
    )
    positive_control: bool = Field(
        default=True,
        description="Train a throw-away adapter on the canaries and attack it likewise: an attack "
        "that does not see a leak made on purpose proves nothing by seeing none.",
    )


class Rules(Knobs):
    """Thresholds of the gate. All must hold; missing evidence refuses."""

    max_epsilon: Positive | None = Field(
        default=None,
        description="Largest spent epsilon, by the accountant's upper bound (absent: "
        "privacy.target_epsilon): the only figure that holds against every attack, known or not.",
    )
    require_dp: bool = Field(
        default=True,
        description="Refuse a run without differential privacy: attacks that see nothing are no "
        "guarantee (nine of nine repeated identifiers came out of a model with an AUC of .5).",
    )
    min_canaries: Count = Field(
        default=500,
        description="Fewest newtok canaries; below it the audit is inconclusive. At max_auc .60 "
        "an audit of 200 refuses 31 % of clean adapters, one of 500 refuses 3 %; at .65 "
        "(standard) 200 refuse 4 %.",
    )
    min_secrets_planted: Count = Field(
        default=100,
        description="Fewest planted secrets behind the extraction claim; below it the claim is "
        "inconclusive. None of 100 extracted means a true share below 3.6 % (95 %).",
    )
    max_auc: Fraction = Field(
        default=0.60,
        description="Largest upper 95 % limit of the canary attack's AUC (DeLong). Strict .60, "
        "standard .65: with the canaries asked for, a true AUC of .65 is refused in at least "
        "97 % of audits. Epsilon 1 permits .575 at most, epsilon 3 .694, epsilon 8 .881.",
    )
    max_auc_difference: Fraction = Field(
        default=0.10,
        description="Largest upper limit of that AUC minus the base model's on the same canaries "
        "(paired): takes out the luck of the coins. Strict .10, standard .15.",
    )
    max_tpr_at_1_percent_fpr: Fraction = Field(
        default=0.05,
        description="Largest true-positive rate at 1 % false positives: a few people told for "
        "certain are a leak that an average hides. Strict .05, standard .10; epsilon 3 permits "
        ".054 at most, epsilon 8 .255.",
    )
    max_empirical_epsilon: Positive = Field(
        default=1.0,
        description="Largest one-run lower bound on epsilon, 95 % (and never above the claim). "
        "Strict 1, standard 2. A bound below the claim validates nothing: with 500 canaries, "
        "all guessed right, it is 4.4 at delta 1e-5.",
    )
    max_record_auc: Fraction = Field(
        default=0.60,
        description="Largest lower 95 % limit of the AUC on real people against the holdout, of "
        "one record or several: the lower limit, since people and holdout may differ by chance.",
    )
    max_extracted: Count = Field(
        default=0,
        description="Most planted secrets that greedy decoding may reveal. None: one secret out "
        "of its record is a breach, whatever the averages say.",
    )
    max_log2_probability: Annotated[float, Field(le=0.0)] | None = Field(
        default=-20.0,
        description="Largest log2 probability of sampling a planted secret whole: -20 means a "
        "million queries. Absent: not judged (short secrets are guessed more easily).",
    )
    max_regurgitated: Count = Field(
        default=0,
        description="Most values that de-identification took out found in generations, beyond "
        "those the base model says by itself.",
    )
    min_rank_p_value: Fraction = Field(
        default=0.001,
        description="Smallest chance that removed values rank so well among decoys by luck. A "
        "value that was taken out everywhere cannot be known; .001 stops one clean adapter in a "
        "thousand.",
    )
    require_positive_control: bool = Field(
        default=True,
        description="Inconclusive unless the attack saw the leaking control: its AUC's lower limit "
        "must exceed .8.",
    )
    require_better_than_base: bool = Field(
        default=True,
        description="Refuse an adapter that is worse than the base model on people it never saw.",
    )
    inconclusive: Literal["refuse", "pass"] = Field(
        default="refuse",
        description="What an inconclusive finding (too few canaries, a blind attack) means. A "
        "strict policy always refuses.",
    )
