"""What was read, split, found and replaced."""

from __future__ import annotations

from pydantic import Field

from appliance.evidence.base import Interval, Probability, Section


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
    records_erased: int = Field(
        default=0, description="Rows dropped because their person was erased before."
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
    by_type_interval: dict[str, Interval] = Field(
        default_factory=dict, description="Type -> 95 % interval of its recall."
    )


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
