from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.model.load import load_tokenizer
from tests.support.tiny import build_tiny_model

TEXTS = ["the patient said the knee hurts", "user asks, assistant answers: seen today"] * 20


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("m") / "tiny", TEXTS, vocabulary=700)


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> Any:
    return load_tokenizer(tiny)
