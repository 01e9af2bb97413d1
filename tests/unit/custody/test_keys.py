"""Keys that can be burned and replaced: full re-encryption, crypto-erase with proof."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import appliance.workspace.destruction as destruction
import appliance.workspace.resealing as resealing
from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.keys import make_key_file
from appliance.crypto.signing import SigningKey, VerifyingKey
from appliance.errors import ApplianceError, IntegrityError, MachineError, UsageError
from appliance.log import AuditLog
from appliance.manifest import Manifest
from appliance.vault import Vault
from appliance.vault.stage_keys import StageKeys
from appliance.workspace import (
    Home,
    Unlock,
    add_slot,
    destroy,
    finish_destroying,
    profile_of,
    reseal_all,
    rotate,
)
from appliance.workspace.destruction import read_receipt
from appliance.workspace.resealing import unfinished


def manifest_of(home: Home, run: str = "r1") -> Manifest:
    return Manifest(home.path / "runs" / run / "manifest.jsonl", home.run_vault(run))


@pytest.fixture
def with_receipts(home_path: Path, unlock: Unlock) -> Path:
    """The workspace with two receipts, the second of which reads what the first wrote."""
    with Home.open(home_path, unlock, exclusive=True) as home:
        vault = home.run_vault("r1")
        outputs = {"ingest/corpus.bin": vault.digest("ingest/corpus.bin")}
        manifest_of(home).append({"stage": "ingest", "inputs": {}, "outputs": outputs})
        inputs = {"ingest": digest_bytes(canonical_json(outputs))}
        spans = {"redact/spans.json": vault.digest("redact/spans.json")}
        manifest_of(home).append({"stage": "redact", "inputs": inputs, "outputs": spans})
    return home_path


# Full re-encryption.


def test_full_re_encryption_changes_every_sealed_byte_and_no_content(with_receipts, unlock):
    before = {p.name: p.read_bytes() for p in with_receipts.rglob("0*.sealed")}
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        keyed, public = home.run_vault("r1").keyed("pseudonyms"), home.signing_key().key_id
        report = reseal_all(home)
        assert (report.vaults, report.files > 4, report.plain_bytes > 51_200) == (2, True, True)
        assert home.run_vault("r1").read_json("redact/spans.json") == {"n": 1}
        assert not unfinished(home.log)
    chunks = {data[i : i + 64] for data in before.values() for i in range(56, len(data) - 64, 64)}
    for path in with_receipts.rglob("*.sealed"):
        data = path.read_bytes()
        assert not any(data[i : i + 64] in chunks for i in range(56, len(data) - 64, 8)), path
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        assert home.run_vault("r1").read_bytes("ingest/corpus.bin") == bytes(range(256)) * 200
        assert home.run_vault("r1").keyed("pseudonyms") == keyed
        assert home.signing_key().key_id == public
        home.verify()
    assert not list(with_receipts.rglob(".tmp-*"))


def test_the_old_data_keys_open_nothing_after_full_re_encryption(with_receipts, unlock):
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        old = {s: home.run_vault("r1")._keys.get(s, create=False) for s in ("ingest", "redact")}
        reseal_all(home)
        new = home.run_vault("r1")._keys
        assert all(new.get(stage, create=False) != key for stage, key in old.items())


def test_receipts_name_the_files_by_their_new_digests(with_receipts, unlock):
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        reseal_all(home)
        one, two = manifest_of(home).receipts()
        vault = home.run_vault("r1")
        assert one["outputs"] == {"ingest/corpus.bin": vault.digest("ingest/corpus.bin")}
        assert two["inputs"] == {"ingest": digest_bytes(canonical_json(one["outputs"]))}
        assert two["outputs"] == {"redact/spans.json": vault.digest("redact/spans.json")}


def test_a_vault_put_back_to_before_the_re_encryption_is_refused(with_receipts, unlock, tmp_path):
    shutil.copytree(with_receipts / "runs" / "r1", tmp_path / "old")
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        reseal_all(home)
    shutil.rmtree(with_receipts / "runs" / "r1")
    shutil.copytree(tmp_path / "old", with_receipts / "runs" / "r1")
    with (
        pytest.raises(IntegrityError, match="older state"),
        Home.open(with_receipts, unlock, exclusive=False) as home,
    ):
        home.run_vault("r1")


@pytest.mark.parametrize("step", ["reseal", "exchange", "_burn"])
@pytest.mark.parametrize("after", [1, 2])
def test_an_interrupted_re_encryption_leaves_everything_readable(
    with_receipts, unlock, monkeypatch, step, after
):
    real, left = getattr(resealing, step), [after]

    def killed(*arguments):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(resealing, step, killed)
    home = Home.open(with_receipts, unlock, exclusive=True)
    with pytest.raises(KeyboardInterrupt):
        reseal_all(home)
    home._wipe()  # as after kill -9: nothing is closed
    monkeypatch.undo()
    with Home.open(with_receipts, unlock, exclusive=False) as reader:
        assert reader.run_vault("r1").read_json("redact/spans.json") == {"n": 1}
        assert unfinished(reader.log)
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        assert not list(with_receipts.rglob(".tmp-*"))
        home.verify()
        reseal_all(home)
        assert not unfinished(home.log)
        home.verify()


def test_altered_bytes_are_not_sealed_anew(with_receipts, unlock):
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        path = home.run_vault("r1").file_of("ingest/corpus.bin")
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
        with pytest.raises(IntegrityError) as caught:
            reseal_all(home)
        assert caught.value.where == str(path)
    assert not list(with_receipts.rglob(".tmp-*"))


def test_a_file_system_that_cannot_exchange_is_exit_4_and_nothing_changes(
    with_receipts, unlock, monkeypatch
):
    def cannot(*_):
        raise MachineError("x", "invalid argument", hint="appliance doctor")

    monkeypatch.setattr(resealing, "exchange", cannot)
    with Home.open(with_receipts, unlock, exclusive=True) as home:
        with pytest.raises(MachineError):
            reseal_all(home)
        home.verify()


# Rotation takes the time of its key files, not of its data.


def test_rotation_writes_key_files_only_however_much_is_sealed(home_path, unlock, monkeypatch):
    with Home.open(home_path, unlock, exclusive=True) as home:
        home.run_vault("r1").write_bytes("ingest/large.bin", bytes(4_000_000))
        sealed = {p: p.stat() for p in home_path.rglob("*.sealed")}

        def refuse(*_, **__):
            raise AssertionError("rotation read sealed data")

        monkeypatch.setattr(Vault, "reader", refuse)
        rotate(home, unlock)
        monkeypatch.undo()
        after = {p: p.stat() for p in sealed}
    assert {p: (s.st_ino, s.st_mtime_ns) for p, s in sealed.items()} == {
        p: (s.st_ino, s.st_mtime_ns) for p, s in after.items()
    }


def test_new_slots_follow_the_profile_of_the_workspace(tmp_path):
    secret = Unlock(passphrase=bytearray(b"correct horse battery"))
    with Home.init(tmp_path / "home", secret, profile="fips") as home:
        assert profile_of(home) == "fips"
        other = Unlock(passphrase=bytearray(b"another horse battery"))
        assert add_slot(home, other).kdf == "pbkdf2-hmac-sha256"
        rotate(home, secret)
        assert {slot.kdf for slot in home.slots} == {"pbkdf2-hmac-sha256"}
    text = (tmp_path / "home" / "keys" / "slots.json").read_text()
    assert json.loads(text)["slots"][0]["kdf"]["iterations"] >= 600_000


def test_the_33rd_slot_is_refused(home_path, unlock, monkeypatch):
    monkeypatch.setattr("appliance.workspace.custody.MAX_SLOTS", 1)
    with (
        Home.open(home_path, unlock, exclusive=True) as home,
        pytest.raises(UsageError, match="the most"),
    ):
        add_slot(home, unlock)


# Crypto-erase.


def test_destruction_tries_to_open_every_vault_and_signs_what_it_saw(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True) as home:
        public, report = home.signing_key().public, destroy(home)
        assert home.closed
    assert set(report.attempts) == {"home", "run/r1"}
    assert all("keys are gone" in attempt for attempt in report.attempts.values())
    assert report.receipt is not None
    body = read_receipt(report.receipt, public)
    assert body["attempts"] == report.attempts
    assert any("backups" in line for line in body["also_destroy"])
    with pytest.raises(IntegrityError):
        read_receipt(report.receipt, SigningKey.generate().public)


def test_a_destroyed_workspace_says_so_and_its_log_still_verifies(home_path, unlock):
    with Home.open(home_path, unlock, exclusive=True) as home:
        destroy(home)
    with pytest.raises(IntegrityError, match="were destroyed on") as caught:
        Home.open(home_path, unlock, exclusive=False)
    assert "log verify" in caught.value.hint
    key = VerifyingKey.from_file(home_path / "keys" / "release.pub.pem")
    log = AuditLog(home_path / "log", key=key)
    log.verify()
    assert [e["event"] for e in log.events()][-1] == "workspace.destroyed"


def test_a_vault_that_still_opens_after_burning_is_a_failure_not_a_proof(
    home_path, unlock, monkeypatch
):
    monkeypatch.setattr(destruction, "burn_keys", lambda _: None)
    with (
        Home.open(home_path, unlock, exclusive=True) as home,
        pytest.raises(MachineError, match="still opens"),
    ):
        destroy(home)


def test_the_wrapped_keys_are_overwritten_before_they_are_removed(home_path, unlock, monkeypatch):
    seen: dict[str, bytes] = {}
    import os

    real = os.unlink

    def watch(path, **options):
        if str(path).endswith(".json"):
            seen[str(path)] = Path(path).read_bytes()
        return real(path, **options)

    with Home.open(home_path, unlock, exclusive=True) as home:
        wrapped = StageKeys.load(
            home_path / "runs" / "r1" / "vault" / "keys.json", "run/r1", home._root
        ).wrapped()
        monkeypatch.setattr(os, "unlink", watch)
        destroy(home)
    assert len(seen) == 3
    assert not any(b"format" in data for data in seen.values())
    assert not any(key in data for key in wrapped for data in seen.values())


@pytest.mark.parametrize("at", ["overwrite_and_remove", "burn_keys", "destroy_vault"])
def test_an_interrupted_destruction_is_finished_without_a_passphrase(
    home_path, unlock, monkeypatch, at
):
    def killed(*_):
        raise KeyboardInterrupt

    home = Home.open(home_path, unlock, exclusive=True)
    monkeypatch.setattr(destruction, at, killed)
    with pytest.raises(KeyboardInterrupt):
        destroy(home)
    home._wipe()
    monkeypatch.undo()
    report = finish_destroying(home_path)
    assert report is not None
    assert report.sealed_files_left == 0
    assert not list(home_path.rglob("keys.json")) + list(home_path.rglob("slots.json"))
    with pytest.raises(ApplianceError):
        Home.open(home_path, unlock, exclusive=False)


def test_nothing_is_finished_where_no_destruction_began(home_path, unlock, tmp_path):
    assert finish_destroying(home_path) is None
    assert finish_destroying(tmp_path) is None
    Home.open(home_path, unlock, exclusive=False).close()


def test_an_interrupted_purge_is_finished_by_the_next_command(home_path, unlock, monkeypatch):
    import appliance.workspace.home as home_module

    def killed(*_):
        raise KeyboardInterrupt

    home = Home.open(home_path, unlock, exclusive=True)
    with monkeypatch.context() as patch:
        patch.setattr(home_module.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            home.purge_run("r1")
    home._wipe()
    Home.open(home_path, unlock, exclusive=False).close()  # signs what was left
    with Home.open(home_path, unlock, exclusive=False) as reader:
        assert reader.verify()["vaults"] == 1
    with Home.open(home_path, unlock, exclusive=True) as home:
        assert not (home_path / "runs" / "r1").exists()
        home.verify()


# Ways in.


def test_a_secret_that_opens_nothing_is_in_the_log_and_no_fault_of_it(home_path, unlock, tmp_path):
    make_key_file(tmp_path / "wrong")
    with pytest.raises(IntegrityError):
        Home.open(home_path, Unlock(key_file=tmp_path / "wrong"), exclusive=False)
    with Home.open(home_path, unlock, exclusive=False) as home:
        last = list(home.log.events())[-1]
        assert (last["event"], last["outcome"]) == ("unlock.refused", "refused")
        home.log.verify()
