"""PKCS#11 slots against a real SoftHSM2, in a token folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.crypto.keys import RootKey
from appliance.crypto.slots import create_slots, load_slots, open_slots
from appliance.crypto.token import DeviceKey
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError, MachineError, UsageError

MODULES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
]
PIN = b"4711-0815"


@pytest.fixture(scope="module")
def module(tmp_path_factory) -> Path:
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    module = next((path for path in MODULES if path.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(config)
    command = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "site",
        "--so-pin",
        "12345678",
        "--pin",
    ]
    subprocess.run([*command, PIN.decode()], check=True, capture_output=True)
    return module


def device(module: Path, label: str, pin: bytes = PIN, token: str = "site") -> DeviceKey:
    return DeviceKey(module=module, token_label=token, key_label=label, pin=bytearray(pin))


def test_a_device_key_opens_its_slot_and_another_does_not(module, tmp_path):
    one, other = device(module, "one"), device(module, "other")
    one.create()
    other.create()
    path, root = tmp_path / "slots.json", RootKey.generate()
    create_slots(path, root, Unlock(token=one))
    assert open_slots(path, Unlock(token=one)).root.key_id == root.key_id
    assert [slot.kind for slot in load_slots(path)] == ["pkcs11"]
    assert PIN not in path.read_bytes()
    with pytest.raises(IntegrityError):
        open_slots(path, Unlock(token=other))
    with pytest.raises(UsageError, match="no passphrase slot"):
        open_slots(path, Unlock(passphrase=bytearray(b"x")))


def test_the_device_key_cannot_leave_the_device(module):
    import pkcs11

    key = device(module, "stays")
    key.create()
    with key._session() as (p, session):
        found = key._key(p, session)
        assert not found[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            found[pkcs11.Attribute.VALUE]


def test_a_device_key_that_could_leave_is_refused(module):
    key = device(module, "loose")
    with key._session(write=True) as (p, session):
        session.generate_key(
            p.KeyType.AES, 256, label="loose", store=True,
            template={p.Attribute.SENSITIVE: False, p.Attribute.EXTRACTABLE: True},
        )  # fmt: skip
    with pytest.raises(MachineError, match="can leave"):
        key.wrap(bytes(32))


def test_altered_wrapped_bytes_do_not_unwrap(module):
    key = device(module, "altered")
    key.create()
    wrapped = bytearray(key.wrap(bytes(range(32))))
    assert key.unwrap(bytes(wrapped)) == bytes(range(32))
    wrapped[3] ^= 1
    assert key.unwrap(bytes(wrapped)) is None


def test_a_wrong_pin_is_exit_6_and_never_shown(module):
    with pytest.raises(IntegrityError, match="PIN") as caught:
        device(module, "one", pin=b"00000000").wrap(bytes(32))
    assert "00000000" not in caught.value.message
    assert "4711" not in repr(device(module, "one"))


def test_what_is_missing_is_exit_4(module):
    for missing in (
        device(module, "absent"),
        device(module, "one", token="nowhere"),
        device(Path("/nonexistent.so"), "one"),
    ):
        with pytest.raises(MachineError):
            missing.wrap(bytes(32))


def test_a_label_is_used_once(module):
    key = device(module, "twice")
    key.create()
    with pytest.raises(UsageError, match="holds a key"):
        key.create()
