"""Random damage to a workspace at rest: none accepted, each named, no other error.

A sample runs here; APPLIANCE_MUTATIONS=10000 runs the long one. A false alarm cannot happen by
chance: every mutation changes at least one byte of one file or the set of files.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from appliance.crypto.keys import make_key_file
from appliance.crypto.signing import SigningKey
from appliance.errors import IntegrityError
from appliance.manifest import Manifest
from appliance.people.release_key import set_apart
from appliance.workspace import Home, Unlock

COUNT = int(os.environ.get("APPLIANCE_MUTATIONS", "400"))
#: Another seed, another sample.
SEED = int(os.environ.get("APPLIANCE_MUTATION_SEED", "20260901"))


@pytest.fixture(autouse=True)
def no_writer_beside_us(monkeypatch):
    """A reader looks again and again before it believes damage: no writer is at work here."""
    monkeypatch.setattr("appliance.vault.store._PAUSE_S", 0)


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
        for name in (
            "reports/r0/report.json",
            "releases/r0/adapter.safetensors",
            "models/m/c.json",
        ):
            home.expect_public((home.path / name).parent)
            (home.path / name).parent.mkdir(parents=True)
            (home.path / name).write_bytes(bytes(range(200)))
            home.record_public((home.path / name).parent)
        set_apart(home, SigningKey.generate().public)
    return folder


def check(folder: Path) -> None:
    """Open everything and check everything."""
    with Home.open(folder / "home", Unlock(key_file=folder / "key"), exclusive=False) as home:
        assert home.verify()["receipts"] == 3


KINDS = {
    "flip": 8, "cut": 1, "grow": 1, "remove": 1, "rename": 1, "copy": 1, "swap": 1, "older": 1,
    "reorder": 2, "splice": 2,
}  # fmt: skip


class Damage:
    """Damages one thing in a workspace, and puts it right again."""

    def __init__(self, home: Path, older: Path, rng: np.random.Generator) -> None:
        self.home = home
        self.older = older
        self.rng = rng
        self.files = sorted(p for p in home.rglob("*") if p.is_file() and p.name != "lock")
        self.sound = {path: path.read_bytes() for path in self.files}
        self.kinds = [kind for kind, weight in KINDS.items() for _ in range(weight)]

    def do(self) -> str:
        """Damage one thing; return what was done."""
        path = self.files[self.rng.integers(len(self.files))]
        data = self.sound[path]
        kind = str(self.rng.choice(self.kinds))
        at = int(self.rng.integers(len(data)))
        new = self._bytes(kind, path, data, at)
        if kind == "remove" or (kind == "older" and new is None):
            path.unlink()
        elif kind == "rename":
            path.rename(path.with_name("renamed" + path.suffix))
        elif kind == "copy":
            path.with_name("copied" + path.suffix).write_bytes(data)
        else:
            if new is None or new == data:  # nothing to reorder: flip a bit instead
                kind, new = "flip", self._bytes("flip", path, data, at)
            path.write_bytes(new or b"")
        return f"{kind} {path.relative_to(self.home)} at {at}"

    def _bytes(self, kind: str, path: Path, data: bytes, at: int) -> bytes | None:
        if kind == "flip":
            changed = bytearray(data)
            changed[at] ^= 1 << int(self.rng.integers(8))
            return bytes(changed)
        if kind == "cut":
            return data[:at]
        if kind == "grow":
            return data + self.rng.bytes(int(self.rng.integers(1, 40)))
        if kind == "swap":
            return next(b for p, b in self.sound.items() if p != path and b != data)
        if kind == "older":
            older = self.older / path.relative_to(self.home)
            known = older.read_bytes() if older.exists() else data
            return known if known != data else None
        if kind == "reorder":
            return self._reordered(path, data)
        if kind == "splice":
            other = self.sound[self.files[self.rng.integers(len(self.files))]]
            return data[:at] + other[at : at + 64] + data[at + 64 :]
        return None

    def _reordered(self, path: Path, data: bytes) -> bytes | None:
        """Swap two lines, or two of a container's chunks."""
        cuts = (
            [i + 1 for i, byte in enumerate(data) if byte == 10]
            if path.suffix == ".jsonl"
            else list(range(56 + 16_400, len(data), 16_400))
        )
        starts = [0 if path.suffix == ".jsonl" else 56, *cuts]
        parts = [data[a:b] for a, b in zip(starts, [*cuts, len(data)], strict=True)]
        if len(parts) < 3:
            return None
        one, other = self.rng.choice(len(parts) - 1, 2, replace=False)
        parts[one], parts[other] = parts[other], parts[one]
        return data[: starts[0]] + b"".join(parts)

    def undo(self) -> None:
        """Put every file back that is not as it was, and remove what was added."""
        for path in [p for p in self.home.rglob("*") if p.is_file() and p.name != "lock"]:
            if path not in self.sound:
                path.unlink()
        for path, data in self.sound.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)


def test_the_untouched_workspace_is_accepted(base):
    check(base)
    Damage(base / "home", base / "older", np.random.default_rng(1)).undo()
    check(base)


def test_every_kind_of_damage_is_done(base):
    rng = np.random.default_rng(5)
    damage = Damage(base / "home", base / "older", rng)
    seen = set()
    for _ in range(150):
        seen.add(damage.do().partition(" ")[0])
        damage.undo()
    assert seen == set(KINDS)


@pytest.mark.timeout(7200)
def test_no_random_mutation_is_accepted(base):
    rng = np.random.default_rng(SEED)
    damage = Damage(base / "home", base / "older", rng)
    for number in range(COUNT):
        what = damage.do()
        try:
            with pytest.raises(IntegrityError) as caught:
                check(base)
            assert caught.value.exit_code == 6
            assert str(base / "home") in caught.value.where
        except BaseException:
            print("mutation", number, what)
            raise
        finally:
            damage.undo()
    check(base)


def test_damage_met_by_a_command_is_two_lines_and_exit_6(base, capsys, monkeypatch):
    """The same through the command line: the file is named, and nothing is a traceback."""
    from appliance.cli.__main__ import main

    monkeypatch.setattr(logging, "disable", lambda _: None)  # it silences the whole process
    damage = Damage(base / "home", base / "older", np.random.default_rng(SEED + 1))
    for _ in range(min(COUNT // 8, 200)):
        what = damage.do()
        with pytest.raises(SystemExit) as ended:
            main(["check", "--home", str(base / "home"), "--key-file", str(base / "key")])
        out, err = capsys.readouterr()
        damage.undo()
        assert ended.value.code == 6, (what, out, err)
        assert err.startswith(f"appliance: error: {base / 'home'}"), (what, err)
        assert len(err.splitlines()) == 2, (what, err)
