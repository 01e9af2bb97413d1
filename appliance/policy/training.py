"""The knobs of `training`: which method, which task, how it is tuned."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from appliance.policy.knobs import Count, Knobs, Positive, PositiveCount
from appliance.policy.tasks import Classes, Curriculum, Part, TaskName

Method = Literal["lora", "dora", "full", "prefix", "prompt", "ia3", "bitfit", "bottleneck"]

#: Step sizes to start from, by method; `python bench/methods.py --part sweep` compares them.
STEP_SIZES: Final[dict[Method, float]] = {
    "lora": 1e-3,
    "dora": 1e-3,
    "full": 5e-5,
    "prefix": 1e-2,
    "prompt": 1e-2,
    "ia3": 5e-3,
    "bitfit": 1e-3,
    "bottleneck": 1e-3,
}


class Training(Knobs):
    """How the adapter is trained."""

    method: Method = Field(
        default="lora",
        description="What is trained: lora (low-rank factors), dora (factors and a magnitude), "
        "full (every weight), prefix (keys and values before each layer), prompt (embeddings "
        "before the text), ia3 (scales of keys, values and feed-forward), bitfit (the base's own "
        "biases), bottleneck (small layers between the base's).",
    )
    task: TaskName = Field(
        default="causal-lm",
        description="What is learned: causal-lm (text, prompt and response, chat); self-supervised "
        "(raw text in windows); classification (text and label); seq2seq (prompt and response, "
        "T5); multi-task (several, see parts).",
    )
    classes: Classes = Field(
        default=Classes(), description="The classes of a classification; public."
    )
    parts: tuple[Part, ...] = Field(
        default=(), description="The tasks of 'multi-task', mixed by weight under one accountant."
    )
    curriculum: Curriculum | None = Field(
        default=None,
        description="Which records may be drawn at which steps. No record is ever drawn more often "
        "than is accounted.",
    )
    continue_from: str | None = Field(
        default=None,
        description="A released run of this workspace whose adapter is trained on. People who are "
        "in both runs pay for both: the ledger composes them.",
    )
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
    virtual_tokens: PositiveCount = Field(
        default=20, description="Trained tokens before the text (prefix, prompt)."
    )
    prompt_text: str | None = Field(
        default=None,
        min_length=1,
        description="Public text whose words' embeddings start the prompt; absent: random words.",
    )
    bottleneck_size: PositiveCount = Field(
        default=32, description="Width of the small layers of 'bottleneck'."
    )
    placement: Literal["houlsby", "pfeiffer"] = Field(
        default="pfeiffer",
        description="Where 'bottleneck' puts them: after attention and feed-forward (houlsby), or "
        "after feed-forward alone (pfeiffer).",
    )
    quantize: Literal["none", "8bit", "4bit"] = Field(
        default="none",
        description="Hold the frozen base in fewer bits (QLoRA with 4bit); needs bitsandbytes, and "
        "lora or dora.",
    )
    optimizer: Literal["adam", "sgd"] = Field(default="adam", description="DP-Adam or DP-SGD.")
    debias_second_moment: bool = Field(
        default=False,
        description="Take the noise's known variance off Adam's second moment (DP-AdamBC); needs a "
        "fixed clipping bound.",
    )
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.9, description="Momentum of DP-SGD."
    )
    learning_rate: Positive | None = Field(
        default=None, description="Step size; absent: the method's own, see docs/methods.md."
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="How the step size falls."
    )
    warmup_steps: Count = Field(default=0, description="Steps over which the step size rises.")
    averaging: Literal["none", "tail"] = Field(
        default="none",
        description="Release the last iterate, or the mean of the last ones: free of privacy cost.",
    )
    average_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.3, description="Share of the steps that 'tail' averages over."
    )
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
    shard_base: bool = Field(
        default=False,
        description="Split the frozen base over the run's processes (`train --processes`), for "
        "models too large for one; no effect on the result.",
    )
    checkpoint_seconds: Positive = Field(
        default=60.0, description="Seconds between sealed checkpoints; most that a crash can lose."
    )

    @property
    def step_size(self) -> float:
        """The step size: the policy's, or the method's own."""
        return self.learning_rate or STEP_SIZES[self.method]

    @model_validator(mode="after")
    def _method(self) -> Self:
        if self.method == "prefix" and self.gradient_checkpointing:
            msg = (
                "prefix cannot recompute activations; nearest: prompt, or "
                "gradient_checkpointing: false"
            )
            raise ValueError(msg)
        if self.method == "prefix" and self.task == "classification":
            msg = "prefix is not offered for classification; nearest: prompt"
            raise ValueError(msg)
        if self.quantize != "none" and self.method not in ("lora", "dora"):
            msg = f"quantize is not offered with {self.method}; nearest: lora"
            raise ValueError(msg)
        if self.quantize == "8bit" and self.method == "dora":
            msg = "quantize: 8bit is not offered with dora; nearest: 4bit"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _task(self) -> Self:
        named = {part.task for part in self.parts} | {self.task}
        if "classification" in named and len(self.classes.labels) < 2 - self.classes.multi_label:
            msg = "classification needs its classes: training.classes.labels"
            raise ValueError(msg)
        if (self.task == "multi-task") != bool(self.parts):
            msg = "'multi-task' and training.parts go together"
            raise ValueError(msg)
        if len({part.task for part in self.parts}) != len(self.parts):
            msg = "training.parts should name each task once"
            raise ValueError(msg)
        return self
