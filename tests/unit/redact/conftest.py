from __future__ import annotations

from pathlib import Path

import pytest

from appliance.crypto.keys import RootKey
from appliance.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault", scope="run/test", root=RootKey(b"r" * 32))
