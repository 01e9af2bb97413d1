"""The policy model: the single source of configuration.

Every knob is explained once, by its own `Field(description=...)`; `policy explain`, the JSON
Schema and the report read it from there. Frozen, strict, no unknown keys, no NaN. Flags choose
*what* to act on; the policy chooses *how safe*. Rules between fields live here; rules about the
machine live in `doctor`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.policy.audit import Audit as Audit
from appliance.policy.audit import CanaryCounts as CanaryCounts
from appliance.policy.audit import Rules as Rules
from appliance.policy.deidentify import ColumnRule as ColumnRule
from appliance.policy.deidentify import Deidentify as Deidentify
from appliance.policy.deidentify import OperatorName as OperatorName
from appliance.policy.knobs import Count, Fraction, Knobs, Positive, PositiveCount
from appliance.policy.privacy import Privacy as Privacy
from appliance.policy.training import Training as Training


class FieldMap(Knobs):
    """Which of the customer's columns are the record's own fields."""

    text: str | None = Field(default=None, description="Column that holds the free text.")
    prompt: str | None = Field(default=None, description="Column that holds the prompt.")
    response: str | None = Field(default=None, description="Column that holds the response.")
    messages: str | None = Field(
        default=None, description="Column that holds the chat: a list of {role, content}."
    )
    label: str | None = Field(default=None, description="Column that holds the class label.")
    chosen: str | None = Field(default=None, description="Column with the preferred answer.")
    rejected: str | None = Field(default=None, description="Column with the answer not preferred.")


class Limits(Knobs):
    """Bounds on hostile or damaged input, counted on decoded bytes."""

    max_record_bytes: PositiveCount = Field(
        default=64 * 1024 * 1024, description="Largest record, in decoded bytes."
    )
    max_decoded_bytes: PositiveCount = Field(
        default=1024 * 1024 * 1024 * 1024,
        description="Most decoded bytes of one source; stops decompression bombs.",
    )
    max_ratio: Positive = Field(
        default=200.0,
        description="Largest ratio of decoded to stored bytes of a compressed source.",
    )
    max_json_depth: PositiveCount = Field(default=64, description="Deepest nesting of JSON.")
    max_columns: PositiveCount = Field(default=4096, description="Most columns of a table.")
    max_records: PositiveCount = Field(default=1_000_000_000, description="Most records read.")


class Duplicates(Knobs):
    """What happens to copies, which memorise faster than anything else."""

    exact: Literal["remove", "keep"] = Field(
        default="remove", description="Exact copies (after white space): remove, or keep."
    )
    near: Literal["remove", "keep"] = Field(
        default="remove", description="Near copies by MinHash: remove, or keep and only count."
    )
    threshold: Annotated[float, Field(ge=0.5, le=1.0)] = Field(
        default=0.85, description="Jaccard similarity of word shingles that makes a near copy."
    )


class SplitShares(Knobs):
    """Shares of privacy units on each side; no unit is ever on two sides."""

    train: Fraction = Field(default=0.72, description="Share trained on.")
    validation: Fraction = Field(
        default=0.04, description="Share for the loss curve; never trained on."
    )
    test: Fraction = Field(default=0.12, description="Share for utility, against the base model.")
    audit_holdout: Fraction = Field(
        default=0.12, description="Share kept as non-members for the membership attack."
    )

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test + self.audit_holdout
        if abs(total - 1.0) > 1e-9:
            msg = "shares of train, validation, test and audit_holdout should sum to 1"
            raise ValueError(msg)
        if self.train <= 0.0:
            msg = "the train share should be greater than 0"
            raise ValueError(msg)
        return self


class Retention(Knobs):
    """How long sealed intermediate data lives."""

    destroy_after_decision: bool = Field(
        default=True,
        description="Crypto-erase the run's sealed data when the decision is final.",
    )


LockName = Literal[
    "umask",
    "core_dumps",
    "not_dumpable",
    "no_new_privileges",
    "landlock",
    "seccomp",
    "no_swap",
    "private_temp",
]


class Data(Knobs):
    """What the records look like and how they are read."""

    fields: FieldMap = Field(
        default=FieldMap(),
        description="Maps the customer's column names onto a record's fields; absent ones are "
        "looked for under their own names.",
    )
    unit: str | None = Field(
        default=None,
        description="Column that names the privacy unit (patient, customer, account). "
        "'$record': each record alone; '$source': the file; '$folder': the file's folder.",
    )
    languages: tuple[str, ...] = Field(
        default=("en",),
        min_length=1,
        description="Languages of the text (ISO 639-1); one without a detector refuses.",
    )
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = Field(
        default="utf-8", description="Encoding of text files; a wrong one is refused, not guessed."
    )
    quarantine_limit: Fraction = Field(
        default=0.01, description="Largest share of rows that may be quarantined."
    )
    limits: Limits = Field(default=Limits(), description="Bounds on hostile or damaged input.")
    duplicates: Duplicates = Field(default=Duplicates(), description="What happens to copies.")
    split: SplitShares = Field(default=SplitShares(), description="Shares of units on each side.")
    retention: Retention = Field(default=Retention(), description="Life of sealed data.")
    required_locks: tuple[LockName, ...] = Field(
        default=(
            "umask",
            "core_dumps",
            "not_dumpable",
            "no_new_privileges",
            "landlock",
            "seccomp",
        ),
        description="Locks on the process without which no data is opened (exit 4); the report "
        "names every lock, in force or not.",
    )


class Evaluate(Knobs):
    """How use is measured."""

    max_records: PositiveCount = Field(
        default=500, description="Most test records scored, drawn at random by unit."
    )
    generations: Count = Field(
        default=0, description="Generations for ROUGE-L and exact match (prompt/response only)."
    )
    max_new_tokens: PositiveCount = Field(default=64, description="Longest generation, in tokens.")


#: Rules outside `release.rules` that a policy may let a privacy officer waive.
_WAIVABLE = frozenset({"data.quarantine_limit", "deidentify.recall_floor"})
#: What no signature can replace: the guarantee itself, and an attack's plain success.
_NEVER_WAIVED = frozenset(
    {
        "release.rules.require_dp",
        "release.rules.max_epsilon",
        "release.rules.max_extracted",
        "release.rules.inconclusive",
    }
)


class Release(Knobs):
    """When and how an adapter may leave."""

    rules: Rules = Field(default=Rules(), description="Thresholds of the gate.")
    approvals: Annotated[int, Field(ge=0, le=2)] = Field(
        default=0,
        description="Signatures needed beyond the gate, of different people in different roles, "
        "none of them the run's operator (`appliance approve`, then `appliance release`).",
    )
    waivable: tuple[str, ...] = Field(
        default=(),
        description="Rules of the gate that a privacy officer may waive by a signed statement with "
        "an expiry; rules about privacy itself and missing evidence never.",
    )
    merged: bool = Field(
        default=False,
        description="Add the base model with the adapter merged into it, for servers without peft.",
    )
    intended_use: str = Field(
        default="Text generation inside the organisation that holds the records.",
        description="Intended use, printed in the model card.",
    )
    licence: str = Field(default="other", description="Licence of the adapter, for the card.")

    @model_validator(mode="after")
    def _waivable(self) -> Self:
        known = {f"release.rules.{name}" for name in Rules.model_fields} | _WAIVABLE
        if not set(self.waivable) <= known - _NEVER_WAIVED:
            msg = "release.waivable names a rule that no one may waive, or none of the gate's"
            raise ValueError(msg)
        return self


class ReportKnobs(Knobs):
    """How the evidence is rendered."""

    language: Literal["en", "pt-BR"] = Field(default="en", description="Language of the report.")
    organisation: str = Field(default="", description="Name printed on the report.")


class Policy(Knobs):
    """One regulation's way of working, from raw file to released adapter."""

    name: str = Field(min_length=1, description="Name of the policy.")
    version: str = Field(min_length=1, description="Version of the policy's text.")
    regulation: str = Field(min_length=1, description="Regulation it serves, with edition.")
    description: str = Field(default="", description="What it is for, in plain words.")
    data: Data = Field(default=Data(), description="What the records look like.")
    deidentify: Deidentify = Field(description="What is found and what replaces it.")
    privacy: Privacy = Field(default=Privacy(), description="The privacy guarantee.")
    training: Training = Field(default=Training(), description="How the adapter is trained.")
    evaluate: Evaluate = Field(default=Evaluate(), description="How use is measured.")
    audit: Audit = Field(default=Audit(), description="How the adapter is attacked.")
    release: Release = Field(default=Release(), description="When an adapter may leave.")
    report: ReportKnobs = Field(default=ReportKnobs(), description="How evidence is rendered.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.release.merged and self.training.method not in ("lora", "dora", "ia3"):
            msg = f"release.merged is not offered with training.method {self.training.method}; "
            raise ValueError(msg + "nearest: lora")
        if self.privacy.target_epsilon > self.privacy.lifetime_epsilon:
            msg = "privacy.target_epsilon should be at most privacy.lifetime_epsilon"
            raise ValueError(msg)
        if self.privacy.unit == "person" and self.data.unit in (None, "$record"):
            msg = "privacy.unit 'person' needs data.unit to name the person's column"
            raise ValueError(msg)
        if self.training.debias_second_moment and self.privacy.adaptive_clipping is not None:
            msg = "training.debias_second_moment needs a fixed bound: no privacy.adaptive_clipping"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _strict(self) -> Self:
        if self.audit.level != "strict":
            return self
        rules = self.release.rules
        if rules.inconclusive != "refuse":
            msg = "audit.level 'strict' refuses what is inconclusive: release.rules.inconclusive"
            raise ValueError(msg)
        if not (self.audit.positive_control and rules.require_positive_control):
            msg = (
                "audit.level 'strict' needs the control: audit.positive_control and "
                "release.rules.require_positive_control"
            )
            raise ValueError(msg)
        return self
