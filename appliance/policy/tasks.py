"""The knobs of what is learned: the task, its classes, its parts, the order of the records."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from appliance.policy.knobs import Fraction, Knobs, Positive

OneTask = Literal["causal-lm", "self-supervised", "classification", "seq2seq"]
TaskName = Literal["causal-lm", "self-supervised", "classification", "seq2seq", "multi-task"]


class Classes(Knobs):
    """The classes of a classification. They are public: never taken from the records."""

    labels: tuple[str, ...] = Field(
        default=(),
        description="The classes, in the order of the model's outputs. A record with another label "
        "is left out and counted.",
    )
    multi_label: bool = Field(
        default=False, description="A record may have several classes, or none ('-')."
    )
    separator: str = Field(
        default=";", min_length=1, description="Between the classes of one record (multi-label)."
    )
    weights: dict[str, Positive] = Field(
        default_factory=dict,
        description="Class -> weight of its loss; absent: 1. Set here, never counted in a batch, "
        "which would tie one record's gradient to another's class.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            msg = "labels should differ from each other"
            raise ValueError(msg)
        if any(not label.strip() or label != label.strip() for label in self.labels):
            msg = "labels should be words without white space around them"
            raise ValueError(msg)
        if self.multi_label and any(self.separator in label for label in self.labels):
            msg = "no label should hold the separator"
            raise ValueError(msg)
        if not set(self.weights) <= set(self.labels):
            msg = "weights should name labels only"
            raise ValueError(msg)
        return self


class Part(Knobs):
    """One task of several that are learned together."""

    task: OneTask = Field(description="What is learned from the records of its shape.")
    weight: Positive = Field(
        default=1.0,
        description="How often its records are kept when their unit is drawn, beside the largest "
        "weight.",
    )


class Curriculum(Knobs):
    """Which records may be drawn at which steps, by limits fixed before the data is seen."""

    by: Literal["length", "unit-size", "base-loss"] = Field(
        description="A record's own measure: its tokens, the records of its unit, or the mean "
        "loss of the base model on it (nats per token)."
    )
    limits: tuple[Positive, ...] = Field(
        min_length=1,
        description="Largest measure of each stage, rising; the last stage has no limit. Public.",
    )
    share: Fraction = Field(
        default=0.5,
        description="Share of the steps before every record may be drawn, even over the limits.",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if list(self.limits) != sorted(set(self.limits)):
            msg = "limits should rise"
            raise ValueError(msg)
        return self
