from __future__ import annotations

from pathlib import Path

import pytest

from appliance.crypto.keys import RootKey, make_key_file
from appliance.vault import Vault
from appliance.workspace import Home, Unlock


@pytest.fixture
def root() -> RootKey:
    return RootKey.generate()


@pytest.fixture
def vault(tmp_path: Path, root: RootKey) -> Vault:
    return Vault.create(tmp_path / "vault", scope="test", root=root)


@pytest.fixture
def unlock(tmp_path: Path) -> Unlock:
    make_key_file(tmp_path / "key")
    return Unlock(key_file=tmp_path / "key")


@pytest.fixture
def home_path(tmp_path: Path, unlock: Unlock) -> Path:
    """A closed workspace with one run of two files and a receipt."""
    path = tmp_path / "home"
    with Home.init(path, unlock) as home:
        run = home.run_vault("r1")
        run.write_bytes("ingest/corpus.bin", bytes(range(256)) * 200)
        run.write_json("redact/spans.json", {"n": 1})
        home.vault.write_json("ledger/entries.json", [])
        home.log.append("run.started", run="r1")
    return path
