"""Greedy continuations of prompts, in batches, left-padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Prompts continued at a time.
_BATCH = 16


def generate_greedy(
    model: Any,  # noqa: ANN401  transformers and peft are untyped
    tokenizer: Any,  # noqa: ANN401
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
) -> list[str]:
    """Continue, or answer, each prompt by the likeliest token, up to the end of text.

    Args:
        model: a causal or sequence-to-sequence model, adapter on or off as the caller left it.
        tokenizer: its tokenizer.
        prompts: token ids, as `Encoder.prompt` gives them; never text, which could hold control
            words.
        max_new_tokens: longest continuation.

    Returns:
        What was added, without special tokens, in the order of the prompts.
    """
    import torch

    found: list[str] = []
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    try:
        for start in range(0, len(prompts), _BATCH):
            batch = tokenizer.pad(
                {"input_ids": [list(p) for p in prompts[start : start + _BATCH]]},
                return_tensors="pt",
            ).to(device)
            with torch.inference_mode():
                grown = model.generate(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    do_sample=False,
                    use_cache=True,
                    max_new_tokens=max_new_tokens,
                    pad_token_id=tokenizer.pad_token_id,
                )
            # A decoder of its own gives back what it wrote; others what they were given, too.
            given = 1 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
            new = grown[:, given:]
            found.extend(tokenizer.batch_decode(new, skip_special_tokens=True))
    finally:
        tokenizer.padding_side = side
        model.train(was_training)
    return found
