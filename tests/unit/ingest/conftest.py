from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from appliance.crypto.keys import RootKey
from appliance.vault import Vault

#: A machine that does other work too must not fail a test for being slow.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault", scope="run/test", root=RootKey(b"r" * 32))
