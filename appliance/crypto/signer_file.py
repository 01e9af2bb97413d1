"""A person's signing key: sealed in a file of their own, or on a device that the file points at.

    {"format":"appliance-signer/1","public":PEM,"slots":base64,"sealed":base64}     in the file
    {"format":"appliance-signer/1","public":PEM,"device":{"token","key"}}           on a device

Rules:
- The private half is sealed (Cobblestone-256) under a key that a passphrase or key file opens, by
  the same slots as a workspace's.
- The public half stands in clear and is bound to what is sealed: an altered one does not open.
- The file is the person's: it never needs a workspace, and a workspace never needs it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.crypto.canonical import canonical_json
from appliance.crypto.container import open_, seal
from appliance.crypto.device_signer import Device, DeviceSigner
from appliance.crypto.keys import RootKey, derive_key
from appliance.crypto.signing import Signer, SigningKey, VerifyingKey
from appliance.crypto.slots import Profile, encode_slots, make_slot, open_slot_bytes
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError, MachineError, UsageError
from appliance.files import create_private, machine_errors, read_regular, write_all

FORMAT = "appliance-signer/1"
_MAX_BYTES = 1024 * 1024
_PURPOSE = b"appliance/signer/1\x00"
_HINT = "restore the key from a copy, or make one: appliance roles keygen FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerFile:
    """A signer's file as read; nothing of it is opened yet.

    Attributes:
        path: where it lies.
        public: the public half.
        device: token label and key label, or None when the key is in the file.
    """

    path: Path
    public: VerifyingKey
    device: tuple[str, str] | None
    _slots: bytes = b""
    _sealed: bytes = b""

    def open(self, unlock: Unlock, reach: Callable[[str, str], Device] | None = None) -> Signer:
        """Open the key, or reach for its device.

        Args:
            unlock: the secret of a key in the file.
            reach: makes the device of a token and key label; asks for the PIN.

        Raises:
            IntegrityError: a wrong secret, or the file was altered.
            UsageError: nothing to unlock with, or no way to the device.
            MachineError: a key file cannot be read.
        """
        if self.device is not None:
            if reach is None:
                raise UsageError(
                    str(self.path),
                    "the key lies on a device, and no library was named to reach it",
                    hint="repeat with --pkcs11-module LIBRARY",
                )
            return DeviceSigner(device=reach(*self.device), public=self.public)
        opened = open_slot_bytes(self.path, self._slots, unlock)
        pem = open_(
            derive_key(opened.root.exposed(), _PURPOSE),
            _PURPOSE + self.public.spki(),
            self._sealed,
            where=str(self.path),
        )
        key = SigningKey.from_pem(pem, where=str(self.path))
        if key.key_id != self.public.key_id:
            raise _altered(self.path)
        return key


def make_signer(path: Path, unlock: Unlock, *, profile: Profile = "default") -> VerifyingKey:
    """Make a key and write it sealed to a file that does not exist.

    Raises:
        UsageError: the file exists, or nothing to unlock with.
        MachineError: it cannot be written.
    """
    key, root = SigningKey.generate(), RootKey.generate()
    slots = encode_slots(root, [make_slot(root, unlock, profile=profile)])
    sealed = seal(derive_key(root.exposed(), _PURPOSE), _PURPOSE + key.public.spki(), key.pem())
    root.wipe()
    _write(
        path,
        {
            "format": FORMAT,
            "public": key.public.pem().decode(),
            "slots": base64.b64encode(slots).decode(),
            "sealed": base64.b64encode(sealed).decode(),
        },
    )
    return key.public


def make_device_signer(path: Path, device: Device) -> VerifyingKey:
    """Make a key on a device and write where it is to a file that does not exist.

    Raises:
        UsageError: the file or the key exists.
        MachineError: the file or the device cannot be written.
        IntegrityError: the PIN is wrong.
    """
    if path.exists():
        raise _exists(path)
    public = device.create()
    where = {"token": device.token_label, "key": device.key_label}
    _write(path, {"format": FORMAT, "public": public.pem().decode(), "device": where})
    return public


def read_signer(path: Path) -> SignerFile:
    """Read a signer's file.

    Raises:
        IntegrityError: it is not one, or was altered.
        MachineError: it cannot be read.
    """
    try:
        raw = read_regular(path, limit_bytes=_MAX_BYTES)
    except FileNotFoundError:
        raise MachineError(
            str(path), "no such file", hint="make one: appliance roles keygen FILE"
        ) from None
    try:
        body = json.loads(raw)
        if body["format"] != FORMAT or canonical_json(body) + b"\n" != raw:
            raise _altered(path)
        public = VerifyingKey.from_pem(body["public"].encode(), where=str(path))
        if public.pem().decode() != body["public"]:  # PEM has many spellings of one key
            raise _altered(path)
        if "device" in body:
            place = body["device"]
            device = (str(place["token"]), str(place["key"]))
            return SignerFile(path=path, public=public, device=device)
        return SignerFile(
            path=path,
            public=public,
            device=None,
            _slots=_unbase64(body["slots"]),
            _sealed=_unbase64(body["sealed"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise _altered(path) from None


def _unbase64(text: str) -> bytes:
    """Decode strict base64, the one spelling of its bytes."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not base64")
    return data


def _write(path: Path, body: dict[str, Any]) -> None:
    with machine_errors(str(path)):
        try:
            fd = create_private(path)
        except FileExistsError:
            raise _exists(path) from None
        with open(fd, "wb", buffering=0) as sink:  # noqa: PTH123 - a descriptor, not a path
            write_all(sink.fileno(), canonical_json(body) + b"\n")


def _exists(path: Path) -> UsageError:
    return UsageError(str(path), "the file exists already", hint="give a path that does not exist")


def _altered(path: Path) -> IntegrityError:
    return IntegrityError(str(path), "is not a signer's key file, or was altered", hint=_HINT)
