"""A tiny GLiNER model with random weights, its encoder's configuration in its own file."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.classifier import build_tiny_classifier


def build_tiny_gliner(out: Path, *, seed: int = 3) -> Path:
    """Write a GLiNER over a one-layer BERT; it was never trained."""
    import torch
    from gliner import GLiNER
    from gliner.config import GLiNERConfig

    encoder = build_tiny_classifier(out.with_name(f"{out.name}-encoder"))
    torch.manual_seed(seed)
    config = GLiNERConfig(
        model_name=str(encoder), hidden_size=32, max_width=3, max_len=40, dropout=0.0
    )
    GLiNER.from_config(config).save_pretrained(out, safe_serialization=True)
    shutil.rmtree(encoder)
    return out
