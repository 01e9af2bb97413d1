"""Signed checkpoints: one statement of how many events there are and what they hash to.

    appliance/log/<key id>
    <number of events>
    <base64 of the RFC 9162 root>

    — appliance/log/<key id> <base64 of key id and signature>

Reference:
    c2sp.org/tlog-checkpoint over c2sp.org/signed-note (signature type 0x02, ECDSA P-384, SHA-256).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.crypto.signing import SigningKey, VerifyingKey, sign_note, verify_note
from appliance.errors import IntegrityError
from appliance.log.merkle import tree_root

_ROOT_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a signed checkpoint says.

    Attributes:
        origin: names the log: "appliance/log/" and the release key's id.
        size: number of events covered.
        root: RFC 9162 root over them, 32 bytes.
        note: the signed note itself, to be kept elsewhere.
    """

    origin: str
    size: int
    root: bytes
    note: str = field(repr=False)

    @classmethod
    def sign(cls, lines: Sequence[bytes], key: SigningKey) -> Checkpoint:
        """Sign the root over all lines."""
        root, name = tree_root(lines), origin(key.public)
        text = f"{name}\n{len(lines)}\n{base64.b64encode(root).decode()}\n"
        note = sign_note(text, name=name, key=key)
        return cls(origin=name, size=len(lines), root=root, note=note)

    @classmethod
    def parse(cls, note: str, key: VerifyingKey, *, where: str) -> Checkpoint:
        """Read a note, its signature first.

        Raises:
            IntegrityError: not signed by `key`, or not a checkpoint of its log.
        """
        name = origin(key)
        lines = verify_note(note, name=name, key=key, where=where).split("\n")
        try:
            first, size, root64, *_ = lines
            root = base64.b64decode(root64, validate=True)
            if first != name or len(root) != _ROOT_BYTES or str(int(size)) != size:
                raise ValueError("checkpoint")
        except (ValueError, binascii.Error):
            raise IntegrityError(
                where, "not a checkpoint of this log", hint="appliance log verify"
            ) from None
        return cls(origin=name, size=int(size), root=root, note=note)


def origin(key: VerifyingKey) -> str:
    """Return the name of the log that `key` signs."""
    return f"appliance/log/{key.key_id[:16]}"
