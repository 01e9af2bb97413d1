"""Signatures: what verifies, and what must not."""

from __future__ import annotations

import base64
import copy

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from appliance.crypto.signing import (
    SigningKey,
    VerifyingKey,
    dsse_sign,
    dsse_signers,
    dsse_verify,
    pae,
    sign_note,
    verify_note,
)
from appliance.errors import IntegrityError

ONE, TWO = SigningKey.generate(), SigningKey.generate()
KIND = "application/vnd.in-toto+json"


def test_signature_verifies_under_its_key_and_plain_p384_sha384():
    signature = ONE.sign(b"data")
    ONE.public.verify(b"data", signature)
    key = serialization.load_pem_public_key(ONE.public.pem())
    key.verify(signature, b"data", ec.ECDSA(hashes.SHA384()))


@pytest.mark.parametrize("data", [b"Data", b"", b"data "])
def test_signature_of_other_bytes_is_refused(data):
    with pytest.raises(IntegrityError):
        ONE.public.verify(data, ONE.sign(b"data"))


def test_signature_of_another_key_is_refused():
    with pytest.raises(IntegrityError):
        TWO.public.verify(b"data", ONE.sign(b"data"))
    with pytest.raises(IntegrityError):
        ONE.public.verify(b"data", b"not a signature")


def test_keys_survive_pem():
    assert SigningKey.from_pem(ONE.pem()).key_id == ONE.key_id
    assert VerifyingKey.from_pem(ONE.public.pem()).key_id == ONE.key_id


def test_a_private_key_is_hidden_in_repr():
    assert "PRIVATE" not in repr(ONE)
    assert "EllipticCurve" not in repr(ONE)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_keys_of_another_kind_are_refused(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    with pytest.raises(IntegrityError, match="P-384"):
        VerifyingKey.from_pem(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(IntegrityError, match="P-384"):
        SigningKey.from_pem(private)


@pytest.mark.parametrize("pem", [b"", b"junk", ONE.pem()[:-40]])
def test_junk_is_not_a_key(pem):
    with pytest.raises(IntegrityError):
        SigningKey.from_pem(pem)
    with pytest.raises(IntegrityError):
        VerifyingKey.from_pem(pem)


def test_pae_is_the_specification_example():
    # DSSE protocol.md, "Test vectors".
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_envelope_gives_its_payload_back():
    envelope = dsse_sign(b"{}", KIND, [ONE])
    assert dsse_verify(envelope, [ONE.public]) == b"{}"
    assert dsse_verify(envelope, [TWO.public, ONE.public], payload_type=KIND) == b"{}"
    assert dsse_signers(envelope, [ONE.public, TWO.public]) == (ONE.key_id,)


def test_two_signatures_are_needed_for_a_threshold_of_two():
    keys = [ONE.public, TWO.public]
    assert dsse_verify(dsse_sign(b"x", KIND, [ONE, TWO]), keys, threshold=2) == b"x"
    with pytest.raises(IntegrityError, match="1 of the trusted keys, expected at least 2"):
        dsse_verify(dsse_sign(b"x", KIND, [ONE]), keys, threshold=2)


def test_one_key_signing_twice_counts_once():
    with pytest.raises(IntegrityError):
        dsse_verify(dsse_sign(b"x", KIND, [ONE, ONE]), [ONE.public, ONE.public], threshold=2)
    relabelled = dsse_sign(b"x", KIND, [ONE, ONE])
    relabelled["signatures"][1]["keyid"] = TWO.key_id
    with pytest.raises(IntegrityError):
        dsse_verify(relabelled, [ONE.public, TWO.public], threshold=2)


def test_an_empty_key_id_is_only_a_missing_hint():
    envelope = dsse_sign(b"x", KIND, [ONE])
    envelope["signatures"][0]["keyid"] = ""
    assert dsse_verify(envelope, [TWO.public, ONE.public]) == b"x"


def test_changed_envelopes_are_refused():
    good = dsse_sign(b"payload", KIND, [ONE])
    for field, value in {
        "payload": base64.b64encode(b"Payload").decode(),
        "payloadType": "text/plain",
        "signatures": [],
    }.items():
        with pytest.raises(IntegrityError):
            dsse_verify({**good, field: value}, [ONE.public])
    with pytest.raises(IntegrityError):
        dsse_verify(good, [])
    with pytest.raises(IntegrityError):
        dsse_verify(good, [ONE.public], payload_type="text/plain")


@pytest.mark.parametrize(
    "broken", [{}, {"payload": 1}, [], {"payload": "!", "payloadType": "x", "signatures": []}]
)
def test_what_is_no_envelope_is_refused(broken):
    with pytest.raises(IntegrityError):
        dsse_verify(broken, [ONE.public])


def test_too_many_signatures_are_refused_unread():
    envelope = copy.deepcopy(dsse_sign(b"x", KIND, [ONE]))
    envelope["signatures"] *= 17
    with pytest.raises(IntegrityError):
        dsse_verify(envelope, [ONE.public])


@pytest.mark.parametrize("threshold", [0, -1])
def test_a_threshold_below_one_is_a_bug(threshold):
    with pytest.raises(ValueError, match="threshold"):
        dsse_verify(dsse_sign(b"x", KIND, [ONE]), [ONE.public], threshold=threshold)


def test_note_gives_its_text_back():
    note = sign_note("origin\n5\n\nline\n", name="log/x", key=ONE)
    assert verify_note(note, name="log/x", key=ONE.public) == "origin\n5\n\nline\n"


def test_note_by_another_name_or_key_or_text_is_refused():
    note = sign_note("origin\n5\n", name="log/x", key=ONE)
    for changed, name, key in (
        (note, "log/y", ONE),
        (note, "log/x", TWO),
        (note.replace("5", "6"), "log/x", ONE),
        (note[:-1], "log/x", ONE),
        ("origin\n5\n", "log/x", ONE),
        ("", "log/x", ONE),
    ):
        with pytest.raises(IntegrityError):
            verify_note(changed, name=name, key=key.public)


def test_note_signature_is_ecdsa_over_sha256_under_the_spki_key_id():
    note = sign_note("t\n", name="n", key=ONE)
    stamp = base64.b64decode(note.split(" ")[-1])
    assert stamp[:4] == bytes.fromhex(ONE.key_id)[:4]
    key = serialization.load_pem_public_key(ONE.public.pem())
    key.verify(stamp[4:], b"t\n", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("text", ["no end", "tab\t\n", "nul\x00\n"])
def test_a_text_that_is_no_note_is_not_signed(text):
    with pytest.raises(ValueError, match="expected a text"):
        sign_note(text, name="n", key=ONE)
