"""What a method is told, out of the policy's knobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from appliance.policy.training import Method, Training


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """How a base model becomes a trainable one. Every field is public.

    Attributes:
        method: what is trained.
        rank, alpha, dropout, rslora, freeze_a: of lora and dora.
        target_modules: linear layers that get factors (lora, dora).
        last_layers: only the last so many blocks; None for all. No meaning for prompt and prefix.
        virtual_tokens: of prompt and prefix.
        prompt_text: starts a prompt or a prefix; None: random words.
        bottleneck_size, placement: of bottleneck.
        seed: of the start; it depends on no data, so it need not be secret.
    """

    method: Method = "lora"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    rslora: bool = False
    freeze_a: bool = False
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    last_layers: int | None = None
    virtual_tokens: int = 20
    prompt_text: str | None = field(default=None, repr=False)
    bottleneck_size: int = 32
    placement: Literal["houlsby", "pfeiffer"] = "pfeiffer"
    seed: int = 0

    @classmethod
    def of(cls, training: Training) -> MethodSettings:
        """Take the policy's knobs."""
        return cls(
            method=training.method,
            rank=training.rank,
            alpha=training.alpha,
            dropout=training.dropout,
            rslora=training.rslora,
            freeze_a=training.freeze_a,
            target_modules=training.target_modules,
            last_layers=training.last_layers,
            virtual_tokens=training.virtual_tokens,
            prompt_text=training.prompt_text,
            bottleneck_size=training.bottleneck_size,
            placement=training.placement,
        )

    def layers(self, model: Any) -> range | None:  # noqa: ANN401  transformers is untyped
        """Return the indices of the blocks that are trained; None for all."""
        total = int(model.config.get_text_config().num_hidden_layers)
        count = self.last_layers
        return None if count is None or count >= total else range(total - count, total)

    def shown(self) -> dict[str, str | int | float | bool]:
        """Return the knobs this method reads, for the report."""
        every: dict[str, str | int | float | bool] = {
            "rank": self.rank,
            "alpha": self.alpha,
            "dropout": self.dropout,
            "rslora": self.rslora,
            "freeze_a": self.freeze_a,
            "target_modules": self.target_modules
            if isinstance(self.target_modules, str)
            else ", ".join(self.target_modules),
            "last_layers": self.last_layers or "all",
            "virtual_tokens": self.virtual_tokens,
            "prompt_text": "random words" if self.prompt_text is None else "the policy's",
            "bottleneck_size": self.bottleneck_size,
            "placement": self.placement,
        }
        return {name: every[name] for name in _READ[self.method]}


_LOW_RANK: Final = (
    "rank",
    "alpha",
    "dropout",
    "rslora",
    "freeze_a",
    "target_modules",
    "last_layers",
)
_READ: Final[dict[Method, tuple[str, ...]]] = {
    "lora": _LOW_RANK,
    "dora": _LOW_RANK,
    "full": ("last_layers",),
    "bitfit": ("last_layers",),
    "ia3": ("last_layers",),
    "bottleneck": ("bottleneck_size", "placement", "last_layers"),
    "prompt": ("virtual_tokens", "prompt_text"),
    "prefix": ("virtual_tokens", "prompt_text"),
}
