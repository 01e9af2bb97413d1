"""Signatures: ECDSA P-384 keys, DSSE envelopes, signed notes.

Rules:
- One curve. P-384 with SHA-384 is what OpenSSF Model Signing verifies and what FIPS 186-5 allows.
- A key is known by the SHA-256 of its SubjectPublicKeyInfo; `keyid` is a hint.
- `verify` raises. Nothing is returned that has not been verified.

Reference:
    DSSE v1.0.2 (github.com/secure-systems-lab/dsse): PAE, envelope, threshold.
    c2sp.org/signed-note, signature type 0x02: ECDSA over SHA-256, key id of the SPKI.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.errors import IntegrityError
from appliance.files import machine_errors

#: Envelopes with more signatures than this are refused before any is checked.
MAX_SIGNATURES = 16

_HINT = "check that the public key belongs to the signer"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a P-384 key."""

    _key: ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def from_pem(cls, pem: bytes, *, where: str = "public key") -> Self:
        """Read a PEM public key.

        Raises:
            IntegrityError: not a P-384 public key.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise IntegrityError(where, "not a PEM public key", hint=_HINT) from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
            raise IntegrityError(where, "expected an ECDSA P-384 public key", hint=_HINT)
        return cls(key)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a PEM public key from a file.

        Raises:
            IntegrityError: not a P-384 public key.
            MachineError: the file cannot be read.
        """
        with machine_errors(str(path)):
            pem = path.read_bytes()
        return cls.from_pem(pem, where=str(path))

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the SubjectPublicKeyInfo (DER)."""
        return hashlib.sha256(self.spki()).hexdigest()

    def spki(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER."""
        return self._key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def pem(self) -> bytes:
        """Return the key as PEM."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, data: bytes, signature: bytes, *, where: str = "signature") -> None:
        """Check an ASN.1 DER signature over SHA-384 of `data`.

        Raises:
            IntegrityError: not this key's signature of these bytes.
        """
        if not self._holds(data, signature, hashes.SHA384()):
            raise IntegrityError(where, "the signature does not verify", hint=_HINT)

    def _holds(self, data: bytes, signature: bytes, algorithm: hashes.HashAlgorithm) -> bool:
        """Say whether the signature verifies."""
        try:
            self._key.verify(signature, data, ec.ECDSA(algorithm))
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Whatever signs with a P-384 key: one in memory, or one that never leaves its device."""

    @property
    def public(self) -> VerifyingKey:
        """The public half."""

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the public half's SubjectPublicKeyInfo."""

    def sign(self, data: bytes) -> bytes:
        """Return the ASN.1 DER signature over SHA-384 of `data`."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-384 private key; lives sealed in the workspace, in clear only in memory."""

    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(ec.generate_private_key(ec.SECP384R1()))

    @classmethod
    def from_pem(cls, pem: bytes, *, where: str = "signing key") -> Self:
        """Read an unencrypted PEM private key.

        Raises:
            IntegrityError: not a P-384 private key.
        """
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # The library's error may quote the PEM.
            raise IntegrityError(where, "not a PEM private key", hint=_HINT) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp384r1":
            raise IntegrityError(where, "expected an ECDSA P-384 private key", hint=_HINT)
        return cls(key)

    def pem(self) -> bytes:
        """Return the private key as PKCS#8 PEM: for sealing, never for a file in clear."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public(self) -> VerifyingKey:
        """The public half."""
        return VerifyingKey(self._key.public_key())

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the public half's SubjectPublicKeyInfo."""
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        """Return the ASN.1 DER signature over SHA-384 of `data`."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA384()))

    def sign_note_text(self, text: bytes) -> bytes:
        """Return the ASN.1 DER signature over SHA-256 of a note's text (note type 0x02)."""
        return self._key.sign(text, ec.ECDSA(hashes.SHA256()))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def dsse_sign(payload: bytes, payload_type: str, signers: Sequence[Signer]) -> dict[str, Any]:
    """Sign a payload into a DSSE envelope, one signature per signer.

    Args:
        payload: the exact bytes to sign.
        payload_type: media type, e.g. "application/vnd.in-toto+json".
        signers: at least one.

    Returns:
        The envelope as a JSON object.
    """
    if not signers:
        raise ValueError("expected at least one signer")
    message = pae(payload_type, payload)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": signer.key_id, "sig": base64.b64encode(signer.sign(message)).decode()}
            for signer in signers
        ],
    }


def dsse_verify(
    envelope: Mapping[str, Any],
    keys: Sequence[VerifyingKey],
    threshold: int = 1,
    *,
    payload_type: str | None = None,
    where: str = "envelope",
) -> bytes:
    """Return the payload of an envelope that enough different keys have signed.

    Args:
        envelope: the parsed JSON object.
        keys: whom to trust; a key given twice counts once.
        threshold: how many different keys must have signed; at least 1.
        payload_type: the type to expect, None for any.
        where: named in the error.

    Raises:
        IntegrityError: malformed, another type, or fewer than `threshold` keys signed.

    Guarantees:
        Two signatures by one key count once. An envelope without signatures verifies nothing.
    """
    if threshold < 1:
        raise ValueError(f"expected threshold={threshold} >= 1")
    kind, payload, signatures = _parse_envelope(envelope, where)
    if payload_type is not None and kind != payload_type:
        raise IntegrityError(where, f"expected payload type {payload_type}", hint=_HINT)
    message = pae(kind, payload)
    trusted = {key.key_id: key for key in keys}
    signed_by = {
        key_id
        for key_id, key in trusted.items()
        for hint, signature in signatures
        if hint in ("", key_id) and key._holds(message, signature, hashes.SHA384())
    }
    if len(signed_by) < threshold:
        what = f"signed by {len(signed_by)} of the trusted keys, expected at least {threshold}"
        raise IntegrityError(where, what, hint=_HINT)
    return payload


def dsse_signers(envelope: Mapping[str, Any], keys: Sequence[VerifyingKey]) -> tuple[str, ...]:
    """Return the ids of those of `keys` that signed the envelope, sorted.

    Raises:
        IntegrityError: the envelope is malformed.
    """
    kind, payload, signatures = _parse_envelope(envelope, "envelope")
    message = pae(kind, payload)
    return tuple(
        sorted(
            {
                key.key_id
                for key in keys
                for hint, signature in signatures
                if hint in ("", key.key_id) and key._holds(message, signature, hashes.SHA384())
            }
        )
    )


def _parse_envelope(
    envelope: Mapping[str, Any], where: str
) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    """Return type, payload and (keyid, signature) pairs of a well-formed envelope."""
    try:
        kind, payload = envelope["payloadType"], _b64(envelope["payload"])
        pairs = [(str(s.get("keyid") or ""), _b64(s["sig"])) for s in envelope["signatures"]]
        kind.encode()
    except (KeyError, TypeError, AttributeError, ValueError):
        raise IntegrityError(where, "not a DSSE envelope", hint=_HINT) from None
    if not isinstance(kind, str) or len(pairs) > MAX_SIGNATURES:
        raise IntegrityError(where, "not a DSSE envelope", hint=_HINT)
    return kind, payload, pairs


def _b64(text: str) -> bytes:
    """Decode strict standard base64, the one spelling of its bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(data).decode() != text:  # spare bits in the last figure
        raise ValueError("not base64")
    return data


def sign_note(text: str, *, name: str, key: SigningKey) -> str:
    """Return `text` as a signed note.

    Args:
        text: ends in a newline; no control character but newlines.
        name: the signer's name, without spaces or "+".
        key: the signer.
    """
    if not text.endswith("\n") or any(ord(c) < 0x20 and c != "\n" for c in text):
        raise ValueError("expected a text that ends in a newline and holds no control character")
    if not name or "+" in name or any(c.isspace() for c in name):
        raise ValueError("expected a name without spaces and plus signs")
    stamp = bytes.fromhex(key.key_id)[:4] + key.sign_note_text(text.encode())
    return f"{text}\n— {name} {base64.b64encode(stamp).decode()}\n"


def verify_note(note: str, *, name: str, key: VerifyingKey, where: str = "note") -> str:
    """Return the text of a note that `key` signed under `name`.

    Raises:
        IntegrityError: malformed, or not signed by this key under this name.
    """
    text, blank, lines = note.rpartition("\n\n")
    expected = bytes.fromhex(key.key_id)[:4]
    if blank and lines.endswith("\n") and lines.count("\n") <= MAX_SIGNATURES:
        text += "\n"
        for line in lines[:-1].split("\n"):
            stamp = _note_stamp(line, name)
            if stamp[:4] == expected and key._holds(text.encode(), stamp[4:], hashes.SHA256()):
                return text
    raise IntegrityError(where, "the note's signature does not verify", hint=_HINT)


def _note_stamp(line: str, name: str) -> bytes:
    """Return key id and signature of a note's signature line by `name`, or nothing."""
    prefix = f"— {name} "
    if not line.startswith(prefix):
        return b""
    try:
        return _b64(line.removeprefix(prefix))
    except ValueError:
        return b""
