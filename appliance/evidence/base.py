"""The frozen group of measurements that every section is."""

from __future__ import annotations

from typing import Annotated

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
