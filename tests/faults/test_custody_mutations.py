"""Random damage to a workspace at rest: none accepted, each named, no other error.

A sample runs here; APPLIANCE_MUTATIONS=10000 runs the long one. A false alarm cannot happen by
chance: every mutation changes at least one byte of one file or the set of files.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from appliance.crypto.keys import make_key_file
from appliance.errors import IntegrityError
from appliance.manifest import Manifest
from appliance.workspace import Home, Unlock

COUNT = int(os.environ.get("APPLIANCE_MUTATIONS", "200"))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mutations")
    make_key_file(folder / "key")
    unlock = Unlock(key_file=folder / "key")
    with Home.init(folder / "home", unlock) as home:
        vault = home.run_vault("r1")
        for i in range(3):
            vault.write_bytes(f"ingest/{i}", bytes(20_000 + i))
        manifest = Manifest(home.path / "runs" / "r1" / "manifest.jsonl", vault)
        for stage in ("one", "two"):
            manifest.append({"stage": stage})
    shutil.copytree(folder / "home", folder / "older")
    with Home.open(folder / "home", unlock, exclusive=True) as home:
        vault = home.run_vault("r1")
        vault.write_bytes("ingest/1", bytes(20_001))
        Manifest(home.path / "runs" / "r1" / "manifest.jsonl", vault).append({"stage": "three"})
        home.vault.write_json("ledger/entries.json", [1, 2, 3])
    return folder


def check(folder: Path) -> None:
    """Open everything and check everything."""
    with Home.open(folder / "home", Unlock(key_file=folder / "key"), exclusive=False) as home:
        home.verify()
        vault = home.run_vault("r1")
        assert Manifest(home.path / "runs" / "r1" / "manifest.jsonl", vault).verify() == 3


def mutate(rng: np.random.Generator, folder: Path) -> str:
    """Damage one thing; return what was done."""
    home = folder / "home"
    files = sorted(p for p in home.rglob("*") if p.is_file() and p.name != "lock")
    path = files[rng.integers(len(files))]
    data = bytearray(path.read_bytes())
    kind = rng.choice(
        ["flip", "flip", "flip", "flip", "cut", "grow", "remove", "rename", "copy", "swap", "older"]
    )
    at = int(rng.integers(len(data)))
    if kind == "flip":
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
    elif kind == "cut":
        path.write_bytes(data[:at])
    elif kind == "grow":
        path.write_bytes(data + rng.bytes(int(rng.integers(1, 40))))
    elif kind == "remove":
        path.unlink()
    elif kind == "rename":
        path.rename(path.with_name("renamed" + path.suffix))
    elif kind == "copy":
        shutil.copy(path, path.with_name("copied" + path.suffix))
    elif kind == "swap":
        other = next(p for p in files if p != path and p.read_bytes() != data)
        path.write_bytes(other.read_bytes())
    else:
        older = folder / "older" / path.relative_to(home)
        if not older.exists() or older.read_bytes() == data:
            path.unlink()
        else:
            path.write_bytes(older.read_bytes())
    return f"{kind} {path.relative_to(home)} at {at}"


def test_the_untouched_workspace_is_accepted(base):
    check(base)


def test_no_random_mutation_is_accepted(base, tmp_path):
    rng = np.random.default_rng(20260901)
    clean = tmp_path / "clean"
    shutil.copytree(base / "home", clean)
    for number in range(COUNT):
        what = mutate(rng, base)
        try:
            with pytest.raises(IntegrityError) as caught:
                check(base)
            assert caught.value.exit_code == 6, (number, what)
            assert str(base / "home") in caught.value.where, (number, what, caught.value.where)
        except BaseException:
            print("mutation", number, what)
            raise
        finally:
            shutil.rmtree(base / "home")
            shutil.copytree(clean, base / "home")
    check(base)
