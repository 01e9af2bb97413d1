"""A base model is loaded frozen, offline, on one device, in the arithmetic the policy asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from appliance.model.generate import generate_greedy
from appliance.model.load import load_base, load_tokenizer, pick_dtype


def test_the_model_is_frozen_and_in_evaluation_mode(tiny: Path) -> None:
    loaded = load_base(tiny, device="cpu")
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert (loaded.device, loaded.dtype) == ("cpu", "float32")


def test_the_tokenizer_can_pad(tiny: Path) -> None:
    assert load_tokenizer(tiny).pad_token_id is not None


@pytest.mark.parametrize(
    ("precision", "device", "dtype"),
    [
        ("auto", "cpu", torch.float32),
        ("auto", "cuda", torch.bfloat16),
        ("fp32", "cuda", torch.float32),
        ("bf16", "cpu", torch.bfloat16),
    ],
)
def test_the_policys_precision_is_resolved_once(
    precision: str, device: str, dtype: torch.dtype
) -> None:
    assert pick_dtype(precision, device) == dtype


def test_prompts_of_unequal_length_do_not_disturb_each_other(tiny: Path) -> None:
    loaded = load_base(tiny, device="cpu")
    prompts = [[1, 67, 85], [1, 67, 85, 85, 75, 85, 86, 67, 80, 86, 70]]
    together = generate_greedy(loaded.model, loaded.tokenizer, prompts, max_new_tokens=5)
    alone = [
        generate_greedy(loaded.model, loaded.tokenizer, [p], max_new_tokens=5)[0] for p in prompts
    ]
    assert together == alone
    assert loaded.tokenizer.padding_side == load_tokenizer(tiny).padding_side
