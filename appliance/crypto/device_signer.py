"""PKCS#11: a P-384 signing key that never leaves its device.

Rules:
- The key is made on the device: sensitive, not extractable, for signing only.
- What is kept elsewhere is where the key is and its public half; never the PIN.
- The module (the vendor's library) is named by the operator, never by a file.
- Each signature is checked with the public half before it is returned: a device that holds another
  key under the same label is found at once.

Reference:
    PKCS#11 v3.0 CKM_ECDSA over a SHA-384 digest; FIPS 186-5.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from appliance.crypto.signing import VerifyingKey
from appliance.crypto.token import KeyOnDevice
from appliance.errors import IntegrityError, MachineError

_CURVE = "secp384r1"
_HALF = 48
_HINT = "appliance doctor, and the device's own tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(KeyOnDevice):
    """One signing key on one token."""

    object_class: ClassVar[str] = "PRIVATE_KEY"
    key_type: ClassVar[str] = "EC"
    uri_type: ClassVar[str] = "private"
    maker: ClassVar[str] = "appliance roles keygen"

    def create(self) -> VerifyingKey:
        """Make the key pair on the device, once.

        Raises:
            UsageError: the token holds a key of that label.
            MachineError: the library or the token is missing or refuses.
            IntegrityError: the PIN is wrong.
        """
        with self._session(write=True) as (p, session):
            from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

            self._require_free(p, session)
            curve = session.create_domain_parameters(
                p.KeyType.EC,
                {p.Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVE)},
                local=True,
            )
            public, _ = curve.generate_keypair(
                store=True,
                label=self.key_label,
                capabilities=p.MechanismFlag.SIGN | p.MechanismFlag.VERIFY,
                private_template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
            )
            return _verifying(encode_ec_public_key(public), self.uri)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a SHA-384 digest on the device; return the signature as ASN.1 DER.

        Raises:
            MachineError: the library, the token or the key is missing or refuses.
            IntegrityError: the PIN is wrong.
        """
        with self._session() as (p, session):
            raw = bytes(self._key(p, session).sign(digest, mechanism=p.Mechanism.ECDSA))
        if len(raw) != 2 * _HALF:
            raise MachineError(self.uri, "the device's signature is not P-384", hint=_HINT)
        r, s = (int.from_bytes(part, "big") for part in (raw[:_HALF], raw[_HALF:]))
        return encode_dss_signature(r, s)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSigner:
    """Signs on the device, for a public half that is known.

    Attributes:
        device: where the key is.
        public: its public half.
    """

    device: Device
    public: VerifyingKey

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the public half's SubjectPublicKeyInfo."""
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        """Return the ASN.1 DER signature over SHA-384 of `data`.

        Raises:
            MachineError: the device cannot be used.
            IntegrityError: the PIN is wrong, or the device signed with another key.
        """
        signature = self.device.sign_digest(hashlib.sha384(data).digest())
        try:
            self.public.verify(data, signature)
        except IntegrityError:
            raise IntegrityError(
                self.device.uri,
                "the device holds another key than the one known under this label",
                hint="check the token and the key's label",
            ) from None
        return signature


def _verifying(spki: bytes, where: str) -> VerifyingKey:
    """Return a public key from DER."""
    try:
        key = serialization.load_der_public_key(spki)
    except ValueError:
        raise MachineError(where, "the device made no P-384 key", hint=_HINT) from None
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return VerifyingKey.from_pem(pem, where=where)
