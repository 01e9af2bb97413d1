"""Slots: every way into the workspace, in one authenticated file (`keys/slots.json`).

    passphrase | key file | device key  --KDF-->  slot key  --AES-256-KWP-->  root key

Rules:
- The file is canonical JSON under a MAC keyed by the root key: no byte of it changes unseen.
- KDF parameters are stored and bounded on reading: a slot cannot make a machine compute for days.
- A wrong passphrase and an altered slot look alike: "no slot opens", exit 6.
- While the root key is being replaced the file also holds the previous one, wrapped by the new.

Reference:
    RFC 9106 section 4 (Argon2id, second recommended option), SP 800-132 (PBKDF2), RFC 5649 (KWP).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.keys import KEY_BYTES, RootKey, unwrap_key
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError, MachineError, UsageError
from appliance.files import read_regular, write_atomic

FORMAT = "appliance-slots/1"
MAX_SLOTS = 32
MAX_KEY_FILE_BYTES = 1024 * 1024

SlotKind = Literal["passphrase", "keyfile", "pkcs11"]
Profile = Literal["default", "fips"]

_PURPOSE = b"slots"
_SALT_BYTES = 32
_MAX_FILE_BYTES = 1024 * 1024
_HINT_ALTERED = "restore it from a backup, or appliance doctor"
_KIND_OF = {
    "argon2id": "passphrase",
    "pbkdf2-hmac-sha256": "passphrase",
    "hkdf-sha256": "keyfile",
    "pkcs11": "pkcs11",
}
#: name -> (parameter -> largest value accepted from a file).
_KDF_BOUNDS: Mapping[str, Mapping[str, int]] = {
    "argon2id": {"time_cost": 16, "memory_kib": 1024 * 1024, "lanes": 64},
    "pbkdf2-hmac-sha256": {"iterations": 10_000_000},
    "hkdf-sha256": {},
    "pkcs11": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One way in, as stored; nothing of it is secret.

    Attributes:
        slot_id: 8 hex digits.
        kind: what opens it.
        label: the operator's name for it.
        created: UTC, ISO 8601.
        kdf: name of the derivation.
        parameters: its cost parameters, or where the device key is.
        salt: random bytes.
        wrapped: the root key under the slot's key.
    """

    slot_id: str
    kind: SlotKind
    label: str
    created: str
    kdf: str
    parameters: Mapping[str, int | str]
    salt: bytes
    wrapped: bytes

    @property
    def uri(self) -> str:
        """Where the device key is; empty for other kinds."""
        return str(self.parameters.get("uri", ""))

    def as_json(self) -> dict[str, Any]:
        """Return the slot as the file holds it."""
        return {
            "id": self.slot_id,
            "kind": self.kind,
            "label": self.label,
            "created": self.created,
            "kdf": {"name": self.kdf, **self.parameters},
            "salt": base64.b64encode(self.salt).decode(),
            "wrapped": base64.b64encode(self.wrapped).decode(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A root key and the slot that gave it.

    Attributes:
        root: the root key.
        slot: the slot that opened.
        slots: all slots.
        previous: the root key before it, while vaults may still be wrapped by that one.
        digest: of the slot file.
    """

    root: RootKey
    slot: Slot
    slots: tuple[Slot, ...]
    digest: str
    previous: RootKey | None = None


def create_slots(
    path: Path, root: RootKey, unlock: Unlock, *, profile: Profile = "default", label: str = ""
) -> Slot:
    """Write a new slot file with one slot.

    Raises:
        UsageError: nothing to unlock with.
        MachineError: the key file or the slot file cannot be used.
    """
    slot = make_slot(root, unlock, profile=profile, label=label)
    save_slots(path, root, [slot])
    return slot


def save_slots(
    path: Path, root: RootKey, slots: Sequence[Slot], *, previous: RootKey | None = None
) -> None:
    """Replace the slot file, atomically.

    Raises:
        ValueError: no slot at all, or too many.
        MachineError: it cannot be written.
    """
    write_atomic(path, encode_slots(root, slots, previous=previous))


def encode_slots(root: RootKey, slots: Sequence[Slot], *, previous: RootKey | None = None) -> bytes:
    """Return the slot file's bytes.

    Args:
        root: the root key that the slots wrap.
        slots: all of them.
        previous: the root key that some vaults may still be wrapped by.

    Raises:
        ValueError: no slot at all, or too many.
    """
    if not 1 <= len(slots) <= MAX_SLOTS:
        raise ValueError(f"expected 1 to {MAX_SLOTS} slots, got {len(slots)}")
    body = {"format": FORMAT, "root": root.key_id, "slots": [slot.as_json() for slot in slots]}
    if previous is not None:
        body["previous"] = base64.b64encode(root.wrap(previous.exposed())).decode()
    mac = root.mac(_PURPOSE, canonical_json(body))
    return canonical_json({**body, "mac": base64.b64encode(mac).decode()}) + b"\n"


def load_slots(path: Path) -> tuple[Slot, ...]:
    """Read the slots without opening any. Not authenticated."""
    return _parse(path, _read(path))


def open_slots(path: Path, unlock: Unlock) -> Opened:
    """Open the root key with what the operator brought.

    Raises:
        IntegrityError: no slot opens with it, or the file was altered.
        UsageError: nothing to unlock with, or no slot of that kind.
        MachineError: the key file or the device cannot be read.

    Guarantees:
        The root key is returned only if the whole slot file is as this root key wrote it.
    """
    return open_slot_bytes(path, _read(path), unlock)


def open_slot_bytes(path: Path, data: bytes, unlock: Unlock) -> Opened:
    """Open the root key of slots that lie inside another file; `path` is named in errors.

    Raises:
        IntegrityError: no slot opens with it, or the bytes were altered.
        UsageError: nothing to unlock with, or no slot of that kind.
        MachineError: the key file cannot be read.
    """
    slots = _parse(path, data)
    unlock = unlock.asked()
    kinds = _kinds(unlock)
    candidates = [slot for slot in slots if slot.kind in kinds]
    if not candidates:
        have = ", ".join(sorted({slot.kind for slot in slots}))
        raise UsageError(
            str(path), f"no {kinds[0]} slot; slots are {have}", hint="appliance keys status"
        )
    absent: MachineError | None = None
    for slot in candidates:
        try:
            key = _slot_root(slot, unlock)
        except MachineError as e:
            # Another slot's token may be the one that is plugged in.
            if unlock.device is None:
                raise
            absent = e
            continue
        except ValueError:
            # Parameters inside the bounds that the derivation still refuses.
            raise _altered(path) from None
        if key is not None:
            root = RootKey(key)
            previous = _check(path, root, data)
            return Opened(
                root=root, slot=slot, slots=slots, digest=digest_bytes(data), previous=previous
            )
    if absent is not None:
        raise absent
    raise IntegrityError(
        str(path),
        f"no slot opens with this {kinds[0]}: it is another one, or the file was altered",
        hint="repeat with the right --passphrase-file or --key-file",
    )


def make_slot(
    root: RootKey, unlock: Unlock, *, profile: Profile = "default", label: str = ""
) -> Slot:
    """Wrap the root key for one more way in.

    Raises:
        UsageError: nothing to unlock with.
        MachineError: the key file cannot be read.
    """
    unlock = unlock.asked()
    salt = secrets.token_bytes(_SALT_BYTES)
    parameters: dict[str, int | str]
    if unlock.token is not None:
        kind, kdf, parameters = "pkcs11", "pkcs11", {"uri": unlock.token.uri}
    elif unlock.key_file is not None:
        kind, kdf, parameters = "keyfile", "hkdf-sha256", {}
    elif profile == "fips":
        kind, kdf, parameters = "passphrase", "pbkdf2-hmac-sha256", {"iterations": 600_000}
    else:
        kind, kdf = "passphrase", "argon2id"
        parameters = {"time_cost": 3, "memory_kib": 64 * 1024, "lanes": 4}
    slot = Slot(
        slot_id=secrets.token_hex(4),
        kind=kind,  # type: ignore[arg-type]  # one of the literals above
        label=label,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        kdf=kdf,
        parameters=parameters,
        salt=salt,
        wrapped=b"",
    )
    if unlock.token is not None:
        return replace(slot, wrapped=unlock.token.wrap(root.exposed()))
    return replace(slot, wrapped=root.wrapped_under(_slot_key(slot, unlock)))


def _kinds(unlock: Unlock) -> tuple[SlotKind, ...]:
    """Return the kinds of slot this secret can open."""
    if unlock.token is not None or unlock.device is not None:
        return ("pkcs11",)
    return ("keyfile",) if unlock.key_file is not None else ("passphrase",)


def _slot_root(slot: Slot, unlock: Unlock) -> bytes | None:
    """Return the root key's bytes if this secret opens this slot."""
    if unlock.device is not None:
        return unlock.device(slot.uri).unwrap(slot.wrapped)
    if unlock.token is not None:
        return unlock.token.unwrap(slot.wrapped) if slot.uri == unlock.token.uri else None
    return unwrap_key(_slot_key(slot, unlock), slot.wrapped)


def _slot_key(slot: Slot, unlock: Unlock) -> bytes:
    """Derive the slot's key from the secret."""
    if unlock.key_file is not None:
        secret = _key_file(unlock.key_file)
        return HKDF(hashes.SHA256(), KEY_BYTES, slot.salt, b"appliance/slot/keyfile").derive(secret)
    if unlock.passphrase is None:
        raise ValueError("expected a passphrase or a key file")
    cost = {name: int(value) for name, value in slot.parameters.items()}
    if slot.kdf == "argon2id":
        derive: Callable[[bytes], bytes] = Argon2id(
            salt=slot.salt,
            length=KEY_BYTES,
            iterations=cost["time_cost"],
            lanes=cost["lanes"],
            memory_cost=cost["memory_kib"],
        ).derive
    else:
        derive = PBKDF2HMAC(hashes.SHA256(), KEY_BYTES, slot.salt, cost["iterations"]).derive
    try:
        return derive(bytes(unlock.passphrase))
    except MemoryError:
        raise MachineError(
            "passphrase", "not enough memory to derive the key", hint="free 64 MiB and repeat"
        ) from None


def _key_file(path: Path) -> bytes:
    """Read a key file's bytes."""
    try:
        data = read_regular(path, limit_bytes=MAX_KEY_FILE_BYTES)
    except FileNotFoundError:
        raise MachineError(
            str(path), "no such key file", hint="give the right --key-file"
        ) from None
    if len(data) < KEY_BYTES:
        raise UsageError(
            str(path),
            f"a key file of {len(data)} bytes, expected at least {KEY_BYTES} random ones",
            hint=f"head -c {KEY_BYTES} /dev/urandom > FILE",
        )
    return data


def _read(path: Path) -> bytes:
    """Read the slot file's bytes."""
    try:
        return read_regular(path, limit_bytes=_MAX_FILE_BYTES)
    except FileNotFoundError:
        raise IntegrityError(
            str(path), "the slot file is missing", hint="restore it from a backup"
        ) from None


def _check(path: Path, root: RootKey, data: bytes) -> RootKey | None:
    """Check the file's canonical form and MAC; return the previous root key if it holds one."""
    body = json.loads(data)
    try:
        mac = _unbase64(body.pop("mac", ""))
        whole = canonical_json({**body, "mac": base64.b64encode(mac).decode()}) + b"\n" == data
    except (ValueError, TypeError):  # a number, or half a character, that has no canonical form
        whole = False
    if not whole or not root.holds(_PURPOSE, canonical_json(body), mac):
        raise _altered(path)
    previous = root.unwrap(_unbase64(body["previous"])) if "previous" in body else None
    return RootKey(previous) if previous is not None else None


def _parse(path: Path, data: bytes) -> tuple[Slot, ...]:
    """Read slots out of the file's JSON, checking every value's shape and bounds."""
    try:
        body = json.loads(data)
        if body["format"] != FORMAT or not 1 <= len(body["slots"]) <= MAX_SLOTS:
            raise ValueError("format")
        return tuple(_slot(item) for item in body["slots"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _altered(path) from None


def _slot(item: Mapping[str, Any]) -> Slot:
    """Read one slot."""
    kdf = dict(item["kdf"])
    name = kdf.pop("name")
    bounds = _KDF_BOUNDS[name]
    if _KIND_OF[name] != item["kind"]:
        raise ValueError("kind")
    if name == "pkcs11":
        kdf = {"uri": str(kdf["uri"])}
    elif kdf.keys() != bounds.keys() or not all(
        type(kdf[cost]) is int and 1 <= kdf[cost] <= most for cost, most in bounds.items()
    ):
        raise ValueError("parameters")
    return Slot(
        slot_id=str(item["id"]),
        kind=item["kind"],
        label=str(item["label"]),
        created=str(item["created"]),
        kdf=name,
        parameters=kdf,
        salt=_unbase64(item["salt"]),
        wrapped=_unbase64(item["wrapped"]),
    )


def _unbase64(text: str) -> bytes:
    """Decode strict base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _altered(path: Path) -> IntegrityError:
    """Return the refusal of a slot file."""
    return IntegrityError(str(path), "the slot file was altered", hint=_HINT_ALTERED)
