"""`model.sig`: an OpenSSF Model Signing bundle over every file of a release.

A Sigstore bundle v0.3 in key mode: one DSSE envelope around one in-toto statement that lists each
file's SHA-256. `model_signing verify key` of version 1.1 accepts it. That tool passes over added
`.git*` paths and empty folders, so ours (`verify`) also holds the strict file list.

Reference:
    github.com/sigstore/model-transparency, signature format v1.0: subject digest = SHA-256 over
    the files' digests in the order of their paths' parts. Deviation: no path is ever ignored but
    the signature itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from appliance.crypto.canonical import DIGEST_PREFIX
from appliance.crypto.signing import Signer, VerifyingKey, dsse_sign, dsse_verify
from appliance.errors import IntegrityError

SIGNATURE_NAME = "model.sig"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"

_SERIALIZATION = {
    "method": "files",
    "hash_type": "sha256",
    "allow_symlinks": False,
    "ignore_paths": [SIGNATURE_NAME],
}
_HINT = "ask whoever gave you the bundle for a fresh copy; do not use this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFiles:
    """What a verified `model.sig` covers.

    Attributes:
        name: the release's name; informative only.
        digests: relative POSIX path -> "sha256:<hex>".
    """

    name: str
    digests: Mapping[str, str]


def sign_files(digests: Mapping[str, str], *, name: str, key: Signer) -> bytes:
    """Return `model.sig` over the given files.

    Args:
        digests: relative POSIX path -> "sha256:<hex>"; without the signature itself.
        name: the release's name, for readers.
        key: the release key.
    """
    names = sorted(digests, key=_order)
    hexes = [digests[n].removeprefix(DIGEST_PREFIX) for n in names]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _root(hexes)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": _SERIALIZATION,
            "resources": [
                {"name": n, "algorithm": "sha256", "digest": h}
                for n, h in zip(names, hexes, strict=True)
            ],
        },
    }
    payload = json.dumps(statement, indent=2).encode()
    return _written(dsse_sign(payload, PAYLOAD_TYPE, [key]), key.public)


def open_signature(raw: bytes, *, key: VerifyingKey, where: str) -> SignedFiles:
    """Return what `model.sig` covers, once its signature and its root digest hold.

    Raises:
        IntegrityError: malformed, another key, an altered list, or a path that leaves the folder.

    Guarantees:
        Any flipped bit raises, in parts the signature does not cover too: the bundle must be
        written byte for byte as `sign_files` writes it.
        NOTE: ECDSA itself has two forms, s and n - s, of one signature; both say the same.
    """
    try:
        bundle = json.loads(raw)
        media_type = bundle["mediaType"]
        hint = bundle["verificationMaterial"]["publicKey"]["hint"]
        envelope = bundle["dsseEnvelope"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityError(where, "is not a model signature bundle", hint=_HINT) from None
    if media_type != MEDIA_TYPE:
        raise IntegrityError(where, "is a bundle of another kind", hint=_HINT)
    if hint != _hint(key):
        what = "was signed by another key than the one given"
        raise IntegrityError(where, what, hint="check --key: it must be the release key's public")
    payload = dsse_verify(envelope, [key], payload_type=PAYLOAD_TYPE, where=where)
    if raw != _as_signed(payload, envelope, key):
        raise IntegrityError(where, "is not written as a release's signature is", hint=_HINT)
    return _parse(payload, where)


def _written(envelope: Mapping[str, Any], key: VerifyingKey) -> bytes:
    """Return the Sigstore bundle around an envelope."""
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": _hint(key)}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }
    return json.dumps(bundle).encode()


def _as_signed(payload: bytes, envelope: Mapping[str, Any], key: VerifyingKey) -> bytes:
    """Write a verified bundle again from its decoded parts: base64 has spare bits, JSON spaces."""
    signatures = [base64.b64decode(s["sig"]) for s in envelope["signatures"]]
    again = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": key.key_id, "sig": base64.b64encode(signature).decode()}
            for signature in signatures[:1]
        ],
    }
    return _written(again, key)


def _parse(payload: bytes, where: str) -> SignedFiles:
    try:
        statement = json.loads(payload)
        kinds = (statement["_type"], statement["predicateType"])
        (subject,) = statement["subject"]
        name, root = subject["name"], subject["digest"]["sha256"]
        predicate = statement["predicate"]
        serialization = predicate["serialization"]
        rows = [(r["name"], r["algorithm"], r["digest"]) for r in predicate["resources"]]
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(where, "its statement is malformed", hint=_HINT) from None
    _check(kinds, serialization, rows, where)
    if root != _root([digest for _, _, digest in rows]):
        raise IntegrityError(where, "its root digest does not match its files", hint=_HINT)
    return SignedFiles(
        name=name, digests={path: DIGEST_PREFIX + digest for path, _, digest in rows}
    )


def _check(
    kinds: tuple[Any, Any], serialization: object, rows: list[tuple[Any, Any, Any]], where: str
) -> None:
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE) or serialization != _SERIALIZATION:
        raise IntegrityError(where, "its statement is of another kind", hint=_HINT)
    names = [name for name, _, _ in rows]
    if len(set(names)) != len(names):
        raise IntegrityError(where, "lists a file twice", hint=_HINT)
    for name, algorithm, digest in rows:
        parts = PurePosixPath(name).parts if isinstance(name, str) else ()
        if not parts or name.startswith("/") or ".." in parts or str(PurePosixPath(name)) != name:
            raise IntegrityError(where, "lists a path outside the bundle", hint=_HINT)
        if algorithm != "sha256" or not _is_hex(digest):
            raise IntegrityError(where, "lists a digest that is not SHA-256", hint=_HINT)


def _is_hex(digest: object) -> bool:
    return (
        isinstance(digest, str)
        and len(digest) == 64
        and all(c in "0123456789abcdef" for c in digest)
    )


def _order(name: str) -> tuple[str, ...]:
    """Sort as the reference tool does: by the path's parts, not by its characters."""
    return PurePosixPath(name).parts


def _root(hexes: list[str]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(h) for h in hexes)).hexdigest()


def _hint(key: VerifyingKey) -> str:
    return hashlib.sha256(key.pem()).hexdigest()
