"""What was measured, typed: the sections of `report.json`, before any decision.

Each stage returns one section; `gate.decide` reads them all; `report` renders them. A section
holds counts, measurements and public settings only: never content. Absent is `None` together
with a line in `reasons`, never 0 by default. Fields follow the interface page's `report.json`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Interval = tuple[float, float]


class Section(BaseModel):
    """A frozen group of measurements."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",
    )

    reasons: dict[str, str] = Field(
        default_factory=dict, description="Why a value is absent: field name -> plain words."
    )


class Splits(Section):
    """Records on each side of the split."""

    train: int
    validation: int
    test: int
    audit_holdout: int


class DataSection(Section):
    """What was read, refused and kept."""

    records_read: int = Field(description="Rows read, quarantined ones included.")
    records_quarantined: int = Field(description="Rows set aside because they could not be read.")
    quarantine: dict[str, int] = Field(
        default_factory=dict, description="Quarantined rows by cause."
    )
    duplicates_removed: int = Field(description="Exact and near duplicates left out.")
    exact_duplicates: int = Field(default=0, description="Exact duplicates found.")
    near_duplicates: int = Field(default=0, description="Near duplicates found (MinHash).")
    records_used: int = Field(description="Records that went on to de-identification.")
    units: int = Field(description="Privacy units among the records used.")
    max_records_of_a_unit: int | None = Field(
        default=None, description="Most records one unit has, before the policy's bound."
    )
    kinds: dict[str, int] = Field(default_factory=dict, description="Records by shape.")
    columns: list[str] = Field(default_factory=list, description="Column names found.")
    bytes_read: int = Field(default=0, description="Decoded bytes read.")
    splits: Splits | None = Field(default=None, description="Records per side, by unit.")
    split_units: Splits | None = Field(default=None, description="Units per side.")


class Residual(Section):
    """What a second, independent scan found in the de-identified text."""

    records_scanned: int
    records_with_findings: int
    findings: dict[str, int] = Field(default_factory=dict, description="Type -> hits.")
    direct_identifier_rate: float | None = Field(
        default=None,
        description="Share of scanned records with a direct identifier left (SSN, e-mail, ...).",
    )


class Recall(Section):
    """Detection measured against a gold sample."""

    documents: int
    recall: Probability
    recall_interval: Interval
    precision: Probability
    precision_interval: Interval
    by_type: dict[str, float]


class ColumnDecision(Section):
    """How one column was treated."""

    entity_type: str | None
    free_text: bool
    action: str
    evidence: str = Field(default="", description="Why, in plain words, without values.")


class DeidentificationSection(Section):
    """What was found and replaced."""

    entities: dict[str, int] = Field(description="Replaced spans and cells by type.")
    operators: dict[str, str] = Field(default_factory=dict, description="Type -> operator.")
    columns: dict[str, ColumnDecision] = Field(default_factory=dict)
    records_changed: int
    records_scanned: int
    measured_recall: Recall | None
    residual: Residual
    detectors: list[str] = Field(default_factory=list, description="Detectors and models used.")
    reviewed_recall: Recall | None = Field(
        default=None, description="Recall estimated from a steward's answers to the review queue."
    )
    quasi_identifiers: dict[str, int] = Field(
        default_factory=dict,
        description="Kept column, or combination of columns -> people who share their value with "
        "fewer than five.",
    )


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


class UtilitySection(Section):
    """Use of the adapter, on people it never saw."""

    records: int
    units: int
    metrics: dict[str, Metric]
    forgetting: dict[str, float] | None = None
    bias: dict[str, float] | None = None
    factuality: dict[str, float] | None = None


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
        description="Real units against the audit holdout."
    )
    empirical_epsilon: float | None = Field(description="One-run lower bound.")
    empirical_epsilon_bug: float | None = Field(
        default=None, description="The bound at 99 % confidence: above the claim means a bug."
    )
    empirical_epsilon_gaussian: float | None = Field(
        default=None,
        description="The bound if the trade-off curve is Gaussian: tighter, not judged.",
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


class EnvironmentSection(Section):
    """Locks in force, packages, hardware."""

    locks: dict[str, str | bool | int | float]
    packages: dict[str, str]
    hardware: dict[str, str | int | float]
    log_checkpoint: str | None = None


class ModelIdentity(Section):
    """A base model by name and digest."""

    name: str
    digest: str


class PolicyIdentity(Section):
    """A policy by name, version and digest."""

    name: str
    version: str
    digest: str
    regulation: str


class RunSection(Section):
    """Which run this is."""

    id: str
    started: str
    finished: str | None
    appliance_version: str
    policy: PolicyIdentity
    base_model: ModelIdentity


class Evidence(Section):
    """Everything the gate may look at. A missing section is `None`, and refuses."""

    run: RunSection
    data: DataSection | None = None
    deidentification: DeidentificationSection | None = None
    privacy: PrivacySection | None = None
    training: TrainingSection | None = None
    utility: UtilitySection | None = None
    audit: AuditSection | None = None
    environment: EnvironmentSection | None = None


class Finding(Section):
    """One rule of the policy, held against the evidence."""

    rule: str
    passed: bool
    outcome: Literal["pass", "refuse", "inconclusive"]
    measured: float | int | str | bool | None
    threshold: float | int | str | bool | None
    detail: str


class Artifact(Section):
    """A file of the release."""

    path: str
    digest: str
    bytes: int


class Report(Section):
    """`report.json`: the evidence, the decision and the files it covers."""

    schema_version: Literal["1"] = "1"
    verdict: Literal["released", "refused"]
    findings: list[Finding]
    run: RunSection
    data: DataSection | None
    deidentification: DeidentificationSection | None
    privacy: PrivacySection | None
    training: TrainingSection | None
    utility: UtilitySection | None
    audit: AuditSection | None
    environment: EnvironmentSection | None
    artifacts: list[Artifact]
    not_tested: list[str]
