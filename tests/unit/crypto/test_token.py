"""PKCS#11 slots against a real SoftHSM2, in a token folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.device_signer import Device
from appliance.crypto.keys import RootKey
from appliance.crypto.signer_file import make_device_signer, read_signer
from appliance.crypto.signing import dsse_sign, dsse_verify
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


# --- signing keys ----------------------------------------------------------------------------


def signing_device(module: Path, label: str, pin: bytes = PIN) -> Device:
    return Device(module=module, token_label="site", key_label=f"sign-{label}", pin=bytearray(pin))


def test_a_device_signs_and_anyone_verifies(module: Path, tmp_path: Path) -> None:
    public = make_device_signer(tmp_path / "s", signing_device(module, "ana"))
    found = read_signer(tmp_path / "s")
    assert PIN not in (tmp_path / "s").read_bytes()
    signer = found.open(Unlock(), lambda token, key: signing_device(module, "ana"))
    assert signer.key_id == public.key_id
    assert dsse_verify(dsse_sign(b"x", "t", [signer]), [public]) == b"x"
    with pytest.raises(UsageError, match="lies on a device"):
        found.open(Unlock())


def test_the_devices_key_cannot_leave_and_one_that_could_is_refused(module: Path) -> None:
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    from appliance.crypto.token import device_session

    stays = signing_device(module, "stays")
    stays.create()
    with device_session(module, "site", bytearray(PIN), where="t", write=True) as (p, session):
        key = stays._key(p, session)
        assert not key[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            key[pkcs11.Attribute.VALUE]
        curve = session.create_domain_parameters(
            p.KeyType.EC,
            {p.Attribute.EC_PARAMS: encode_named_curve_parameters("secp384r1")},
            local=True,
        )
        loose: Any = {p.Attribute.SENSITIVE: False, p.Attribute.EXTRACTABLE: True}
        curve.generate_keypair(store=True, label="sign-loose", private_template=loose)
    with pytest.raises(MachineError, match="can leave"):
        signing_device(module, "loose").sign_digest(bytes(48))


def test_another_key_under_the_same_label_is_found_at_once(module: Path, tmp_path: Path) -> None:
    make_device_signer(tmp_path / "s", signing_device(module, "one"))
    signing_device(module, "two").create()
    signer = read_signer(tmp_path / "s").open(Unlock(), lambda *_: signing_device(module, "two"))
    with pytest.raises(IntegrityError, match="another key"):
        signer.sign(b"x")


def test_a_wrong_pin_is_exit_6_and_a_label_is_used_once(module: Path) -> None:
    signing_device(module, "once").create()
    with pytest.raises(UsageError, match="holds a key"):
        signing_device(module, "once").create()
    with pytest.raises(IntegrityError, match="PIN") as caught:
        signing_device(module, "once", pin=b"00000000").sign_digest(bytes(48))
    assert "00000000" not in caught.value.message
    with pytest.raises(MachineError):
        signing_device(module, "absent").sign_digest(bytes(48))
