"""Slots and the key hierarchy."""

from __future__ import annotations

import base64
import json
import os

import pytest

from appliance.crypto.canonical import canonical_json
from appliance.crypto.keys import RootKey, derive_key, make_key_file
from appliance.crypto.slots import create_slots, load_slots, make_slot, open_slots, save_slots
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError, MachineError, UsageError


def passphrase(text: str) -> Unlock:
    return Unlock(passphrase=bytearray(text.encode()))


@pytest.fixture
def key_file(tmp_path):
    make_key_file(tmp_path / "key")
    return Unlock(key_file=tmp_path / "key")


@pytest.mark.parametrize("profile", ["default", "fips"])
def test_the_passphrase_opens_its_slot_and_another_does_not(tmp_path, profile):
    path, root = tmp_path / "slots.json", RootKey.generate()
    create_slots(path, root, passphrase("correct horse"), profile=profile)
    opened = open_slots(path, passphrase("correct horse"))
    assert opened.root.key_id == root.key_id
    names = {"default": "argon2id", "fips": "pbkdf2-hmac-sha256"}
    assert opened.slot.kdf == names[profile]
    with pytest.raises(IntegrityError, match="no slot opens") as caught:
        open_slots(path, passphrase("wrong"))
    assert caught.value.exit_code == 6
    assert "wrong" not in caught.value.message


def test_the_kdf_costs_are_the_ones_promised(tmp_path, key_file):
    root = RootKey.generate()
    argon = make_slot(root, passphrase("x")).parameters
    assert argon == {"time_cost": 3, "memory_kib": 65536, "lanes": 4}
    assert make_slot(root, passphrase("x"), profile="fips").parameters == {"iterations": 600_000}


def test_either_of_two_slots_opens(tmp_path, key_file):
    path, root = tmp_path / "slots.json", RootKey.generate()
    slots = [make_slot(root, passphrase("pass")), make_slot(root, key_file, label="recovery")]
    save_slots(path, root, slots)
    for unlock in (passphrase("pass"), key_file):
        assert open_slots(path, unlock).root.key_id == root.key_id
    assert [slot.label for slot in load_slots(path)] == ["", "recovery"]


def test_a_missing_kind_of_slot_says_which_there_are(tmp_path, key_file):
    path = tmp_path / "slots.json"
    create_slots(path, RootKey.generate(), key_file)
    with pytest.raises(UsageError, match="no passphrase slot; slots are keyfile"):
        open_slots(path, passphrase("x"))


def test_every_flipped_bit_of_the_slot_file_is_refused(tmp_path, key_file):
    path, root = tmp_path / "slots.json", RootKey.generate()
    create_slots(path, root, key_file, label="first")
    data = path.read_bytes()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 7)
        path.write_bytes(bytes(changed))
        with pytest.raises(IntegrityError):
            open_slots(path, key_file)


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": {"name": "argon2id", "time_cost": 10**9, "memory_kib": 64, "lanes": 1}},
        {"kdf": {"name": "argon2id", "time_cost": 1, "memory_kib": 2**40, "lanes": 1}},
        {"kdf": {"name": "pbkdf2-hmac-sha256", "iterations": 10**12}},
        {"kdf": {"name": "argon2id", "time_cost": 1, "memory_kib": 1, "lanes": 64}},
        {"kdf": {"name": "none"}},
        {"kdf": {"name": "argon2id", "time_cost": True, "memory_kib": 64, "lanes": 1}},
        {"kind": "keyfile"},
        {"salt": "!"},
        {"wrapped": ""},
    ],
)
def test_a_slot_file_cannot_make_the_machine_compute_for_days(tmp_path, change):
    path = tmp_path / "slots.json"
    create_slots(path, RootKey.generate(), passphrase("x"))
    body = json.loads(path.read_bytes())
    body["slots"][0].update(change)
    path.write_bytes(canonical_json(body) + b"\n")
    with pytest.raises(IntegrityError):
        open_slots(path, passphrase("x"))


def test_a_slot_file_of_another_root_key_is_refused(tmp_path, key_file):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    create_slots(one, RootKey.generate(), key_file)
    create_slots(other, RootKey.generate(), key_file)
    mixed = json.loads(one.read_bytes())
    mixed["slots"] = json.loads(other.read_bytes())["slots"]
    one.write_bytes(canonical_json(mixed) + b"\n")
    with pytest.raises(IntegrityError):
        open_slots(one, key_file)


def test_the_root_key_is_nowhere_in_the_file(tmp_path, key_file):
    path, root = tmp_path / "slots.json", RootKey.generate()
    create_slots(path, root, key_file)
    for form in (root.exposed(), root.exposed().hex().encode(), base64.b64encode(root.exposed())):
        assert form not in path.read_bytes()


def test_a_bad_key_file_is_explained(tmp_path):
    (tmp_path / "short").write_bytes(b"x" * 31)
    root = RootKey.generate()
    with pytest.raises(UsageError, match="31 bytes"):
        make_slot(root, Unlock(key_file=tmp_path / "short"))
    with pytest.raises(MachineError, match="no such key file"):
        make_slot(root, Unlock(key_file=tmp_path / "none"))


def test_nothing_to_unlock_with_is_wrong_usage(tmp_path):
    for unlock in (Unlock(), passphrase(""), Unlock(prompt=lambda: bytearray())):
        with pytest.raises(UsageError):
            make_slot(RootKey.generate(), unlock)


def test_the_prompt_is_asked_only_when_nothing_else_is_there(key_file):
    asked = []
    unlock = Unlock(key_file=key_file.key_file, prompt=lambda: asked.append(1) or bytearray(b"x"))
    assert unlock.asked() is unlock
    assert asked == []
    assert Unlock(prompt=lambda: bytearray(b"typed")).asked().passphrase == b"typed"


def test_options_read_files_descriptors_and_credentials(tmp_path):
    (tmp_path / "pass").write_bytes(b"secret words\r\n")
    assert Unlock.from_options(passphrase_file=tmp_path / "pass").passphrase == b"secret words"
    read, write = os.pipe()
    os.write(write, b"from a pipe\n")
    os.close(write)
    assert Unlock.from_options(passphrase_fd=read).passphrase == b"from a pipe"
    os.close(read)
    (tmp_path / "appliance-passphrase").write_bytes(b"credential")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert Unlock.from_options(environ=environ).passphrase == b"credential"
    with pytest.raises(MachineError):
        Unlock.from_options(passphrase_file=tmp_path / "none")


def test_secrets_are_hidden_in_repr(tmp_path):
    root = RootKey.generate()
    assert "hidden words" not in repr(passphrase("hidden words"))
    assert root.exposed().hex() not in repr(root)


def test_a_wiped_root_key_no_longer_unwraps():
    root = RootKey.generate()
    wrapped = root.wrap(bytes(32))
    assert root.unwrap(wrapped) == bytes(32)
    root.wipe()
    assert root.unwrap(wrapped) is None


def test_derived_keys_differ_by_context():
    key = os.urandom(32)
    assert derive_key(key, b"a") != derive_key(key, b"b") != derive_key(os.urandom(32), b"b")


def test_a_key_file_is_private_and_never_replaced(tmp_path):
    make_key_file(tmp_path / "k")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "k").read_bytes()) == 32
    with pytest.raises(UsageError, match="exists"):
        make_key_file(tmp_path / "k")
