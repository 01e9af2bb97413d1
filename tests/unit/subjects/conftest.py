"""A workspace of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.crypto.unlock import Unlock
from appliance.workspace import Home
from tests.unit.subjects.world import (
    opened,
    rows,
)


@pytest.fixture(scope="module")
def vacant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(bytes(range(32)))
    Home.init(key.parent / "home", Unlock(key_file=key)).close()
    return key.parent


@pytest.fixture
def home(vacant: Path, tmp_path: Path) -> Iterator[Home]:
    shutil.copytree(vacant, tmp_path / "w")
    rows(tmp_path / "notes.jsonl")
    with opened(tmp_path / "w") as found:
        yield found
