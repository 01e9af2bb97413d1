"""The knobs of `training`: which method, which task, how it is tuned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from appliance.policy.knobs import Count, Knobs, Positive, PositiveCount


class Training(Knobs):
    """How the adapter is trained."""

    method: Literal["lora"] = Field(default="lora", description="Tuning method.")
    task: Literal["causal-lm"] = Field(default="causal-lm", description="What is learned.")
    base_model: str = Field(
        default="smollm2-135m", description="Registered base model, unless --base-model names one."
    )
    rank: PositiveCount = Field(default=8, description="Rank of the LoRA factors.")
    alpha: Positive = Field(default=16.0, description="LoRA scaling: alpha / rank.")
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.0, description="Dropout on LoRA's input."
    )
    rslora: bool = Field(default=False, description="Scale by alpha / sqrt(rank) instead.")
    target_modules: Literal["all-linear"] | tuple[str, ...] = Field(
        default="all-linear", description="Linear layers that get factors: names, or all."
    )
    last_layers: PositiveCount | None = Field(
        default=None,
        description="Only the last so many blocks get factors; absent: all. Blocks below need no "
        "backward pass, which saves time, and fewer parameters carry noise.",
    )
    freeze_a: bool = Field(
        default=False,
        description="Train the B factors alone, behind random A factors (FFA-LoRA): better on "
        "small data, where noise on A outweighs its gradient.",
    )
    optimizer: Literal["adam", "sgd"] = Field(default="adam", description="DP-Adam or DP-SGD.")
    learning_rate: Positive = Field(default=1e-3, description="Step size.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="How the step size falls."
    )
    warmup_steps: Count = Field(default=0, description="Steps over which the step size rises.")
    steps: PositiveCount | None = Field(
        default=None, description="Noisy updates; absent: epochs / sample rate."
    )
    epochs: Positive = Field(default=2.0, description="Expected passes over the units.")
    expected_batch_size: PositiveCount | None = Field(
        default=None,
        description="Expected units per update; absent: the square root rule of `plan`.",
    )
    physical_batch_tokens: PositiveCount = Field(
        default=2048, description="Tokens held in memory at a time; no effect on the result."
    )
    max_length: PositiveCount = Field(
        default=512, description="Longest sequence in tokens; longer records are cut."
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="Arithmetic of the frozen base: bf16 on GPUs, fp32 on CPUs."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Trade time for memory; the gradients stay exact."
    )
    checkpoint_seconds: Positive = Field(
        default=60.0, description="Seconds between sealed checkpoints; most that a crash can lose."
    )
