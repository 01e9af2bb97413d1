"""The knobs of `privacy`: the guarantee that training must give."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.policy.knobs import Knobs, Positive, PositiveCount

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class AdaptiveClippingKnobs(Knobs):
    """A bound that follows a quantile of the gradient norms, by a noisy count of its own."""

    quantile: Share = Field(
        default=0.5, description="Share of units whose gradient should stay unclipped."
    )
    learning_rate: Positive = Field(
        default=0.2, description="How fast the bound moves: the exponent of its geometric update."
    )
    budget_share: Annotated[float, Field(gt=0.0, le=0.5)] = Field(
        default=0.02,
        description="Share of each step's privacy that the noisy count takes; the gradient's "
        "noise grows by 1 / sqrt(1 - share), so that both together cost what is accounted.",
    )


class Privacy(Knobs):
    """The differential-privacy guarantee."""

    mechanism: Literal["dp-sgd", "none"] = Field(
        default="dp-sgd", description="How training is made private; 'none' is never released."
    )
    unit: Literal["record", "person"] = Field(
        default="person",
        description="Whose presence is hidden: one record, or all records of one person.",
    )
    neighboring_relation: Literal["add_or_remove_one"] = Field(
        default="add_or_remove_one", description="Which data sets must look alike."
    )
    target_epsilon: Positive = Field(
        default=8.0, description="Largest epsilon of this run, in nats; noise is calibrated to it."
    )
    target_delta: Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        default=None, description="Probability left outside epsilon; absent: 1 / units^1.1."
    )
    noise_multiplier: Positive | None = Field(
        default=None,
        description="Noise over clipping bound, given instead of calibrated: epsilon is then what "
        "it comes to, and a run whose epsilon would exceed target_epsilon is refused.",
    )
    lifetime_epsilon: Positive = Field(
        default=16.0, description="Largest epsilon one data set's people may ever spend."
    )
    max_records_per_unit: PositiveCount = Field(
        default=4, description="Most records of one unit drawn at a time, chosen at random."
    )
    max_grad_norm: Positive = Field(
        default=1.0,
        description="L2 bound on one unit's gradient (clipping); the first one, where it adapts.",
    )
    clipping: Literal["abadi", "automatic"] = Field(
        default="abadi", description="Clip to the bound (Abadi), or always scale to it (automatic)."
    )
    adaptive_clipping: AdaptiveClippingKnobs | None = Field(
        default=None,
        description="Let the bound follow a quantile of the norms; absent: it is fixed.",
    )

    @model_validator(mode="after")
    def _one_rule_of_clipping(self) -> Self:
        if self.adaptive_clipping is not None and self.clipping == "automatic":
            msg = "adaptive_clipping needs clipping 'abadi': automatic clipping has no bound"
            raise ValueError(msg)
        return self
