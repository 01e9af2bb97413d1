"""The container: the standard's vectors, a slow twin, and every way to damage it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.crypto.container import (
    CHUNK_BYTES,
    HEADER_BYTES,
    OpeningReader,
    SealingWriter,
    open_,
    seal,
    sealed_bytes,
)
from appliance.crypto.schedule import Schedule
from appliance.errors import IntegrityError

VECTORS = Path(__file__).parents[2] / "vectors" / "container" / "cobblestone_256.json"
TESTS = json.loads(VECTORS.read_text())["tests"]
KEY = bytes(range(32))
SIZES = [0, 1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 300_001]


def ciphertext(test: dict) -> bytes:
    if "ct" in test:
        return zlib.decompress(bytes.fromhex(test["ct"]))
    # All chunks' ciphertext bytes are zero: so the message is the key stream.
    aead, base = AESGCM(bytes.fromhex(test["aeadKey"])), int(test["baseNonce"], 16)
    parts = [bytes.fromhex(test["header"])]
    for chunk in range(test["msgLength"] // CHUNK_BYTES + 1):
        size = min(CHUNK_BYTES, test["msgLength"] - chunk * CHUNK_BYTES)
        nonce = (base ^ chunk).to_bytes(12, "big")
        stream = aead.encrypt(nonce, bytes(size), None)[:size]
        parts.append(aead.encrypt(nonce, stream, None))
    whole = b"".join(parts)
    assert zlib.adler32(whole) == int(test["adler32"], 16)
    return whole


def test_all_35_vectors_are_there():
    assert [test["tcId"] for test in TESTS] == list(range(1, 36))


@pytest.mark.parametrize("test", TESTS, ids=lambda t: f"{t['tcId']}")
def test_wycheproof_vector_is_decided_as_stated(test):
    key, context = bytes.fromhex(test["key"]), bytes.fromhex(test["ctx"])
    if test["result"] == "valid":
        message = open_(key, context, ciphertext(test))
        assert len(message) == test["msgLength"]
        assert hashlib.sha512(message).hexdigest() == test["msgSha512"]
        with OpeningReader(io.BytesIO(ciphertext(test)), key, context) as reader:
            assert reader.seek(0, io.SEEK_END) == test["msgLength"]
    else:
        with pytest.raises((IntegrityError, ValueError)) as caught:
            open_(key, context, ciphertext(test))
        wrong_size = "InvalidKeySize" in test["flags"]
        assert isinstance(caught.value, ValueError) == wrong_size


@pytest.mark.parametrize(
    "test", [t for t in TESTS if t["result"] == "invalid"], ids=lambda t: f"{t['tcId']}"
)
def test_streaming_releases_no_byte_beyond_the_valid_prefix(test):
    key, context = bytes.fromhex(test["key"]), bytes.fromhex(test["ctx"])
    released = bytearray()
    try:
        reader = OpeningReader(io.BytesIO(ciphertext(test)), key, context)
        while part := reader.read(1000):
            released += part
        pytest.fail("the damaged message opened")
    except IntegrityError:
        with pytest.raises((IntegrityError, UnboundLocalError)):
            reader.read(1)
    except ValueError:
        assert "InvalidKeySize" in test["flags"]
    assert len(released) <= test.get("msgLength", 0)
    if len(released) == test.get("msgLength"):
        assert hashlib.sha512(released).hexdigest() == test["msgSha512"]


@pytest.mark.parametrize(
    "test", [t for t in TESTS if "aeadKey" in t and "ct" in t], ids=lambda t: f"{t['tcId']}"
)
def test_key_schedule_gives_the_vector_keys(test):
    salt, context = ciphertext(test)[:24], bytes.fromhex(test["ctx"])
    schedule = Schedule.derive(bytes.fromhex(test["key"]), salt, context)
    assert schedule.base_nonce == int(test["baseNonce"], 16)
    sample = AESGCM(bytes.fromhex(test["aeadKey"])).encrypt(bytes(12), b"x", None)
    assert schedule.aead.decrypt(bytes(12), sample, None) == b"x"


def slow_open(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """The specification, read aloud."""
    salt, commitment, body = sealed[:24], sealed[24:56], sealed[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    material = HKDFExpand(hashes.SHA512(), 76, info).derive(key)
    assert material[44:] == commitment
    out, chunk = b"", 0
    while True:
        piece, body = body[: CHUNK_BYTES + 16], body[CHUNK_BYTES + 16 :]
        nonce = (int.from_bytes(material[32:44], "big") ^ chunk).to_bytes(12, "big")
        out += AESGCM(material[:32]).decrypt(nonce, piece, None)
        if len(piece) < CHUNK_BYTES + 16:
            assert not body
            return out
        chunk += 1


@pytest.mark.parametrize("size", SIZES)
def test_the_slow_twin_opens_what_was_sealed(size):
    data = os.urandom(size)
    sealed = seal(KEY, b"context", data)
    assert slow_open(KEY, b"context", sealed) == data
    assert open_(KEY, b"context", sealed) == data
    assert len(sealed) == sealed_bytes(size)


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.integers(0, 40_000), max_size=8), data=st.data())
def test_random_writes_and_reads_agree_with_plain_bytes(parts, data):
    sink, plain = io.BytesIO(), b""
    with SealingWriter(sink, KEY, b"") as writer:
        for size in parts:
            piece = os.urandom(size)
            plain += piece
            assert writer.write(piece) == size
        assert writer.tell() == len(plain)
    reader = OpeningReader(io.BytesIO(sink.getvalue()), KEY, b"")
    assert (reader.header, reader.digest()) == (writer.header, writer.digest())
    for _ in range(5):
        at = data.draw(st.integers(0, len(plain) + 10))
        size = data.draw(st.integers(0, 60_000))
        reader.seek(at)
        assert reader.read(size) == plain[at : at + size]
        assert reader.tell() == max(at, min(at + size, len(plain))) or at > len(plain)
    assert reader.seek(-min(3, len(plain)), io.SEEK_END) == len(plain) - min(3, len(plain))
    assert reader.read() == plain[-3:]


@settings(max_examples=150, deadline=None)
@given(
    size=st.sampled_from([0, 5, CHUNK_BYTES, CHUNK_BYTES + 7]),
    where=st.floats(0, 1),
    bit=st.integers(0, 7),
)
def test_any_flipped_bit_is_refused(size, where, bit):
    sealed = bytearray(seal(KEY, b"c", bytes(size)))
    sealed[int(where * (len(sealed) - 1))] ^= 1 << bit
    with pytest.raises(IntegrityError):
        open_(KEY, b"c", bytes(sealed))


@settings(max_examples=80, deadline=None)
@given(cut=st.integers(1, 2 * CHUNK_BYTES + 100))
def test_any_truncation_is_refused_before_a_byte_is_read(cut):
    sealed = seal(KEY, b"c", bytes(2 * CHUNK_BYTES + 30))
    with pytest.raises(IntegrityError):
        OpeningReader(io.BytesIO(sealed[:-cut]), KEY, b"c")


def test_chunks_of_two_messages_do_not_mix():
    one, other = (seal(KEY, b"c", bytes(2 * CHUNK_BYTES)) for _ in range(2))
    mixed = one[: HEADER_BYTES + CHUNK_BYTES + 16] + other[HEADER_BYTES + CHUNK_BYTES + 16 :]
    with pytest.raises(IntegrityError):
        open_(KEY, b"c", mixed)


def test_another_key_or_context_is_refused():
    sealed = seal(KEY, b"c", b"x")
    for key, context in ((bytes(32), b"c"), (KEY, b"d"), (KEY, b"")):
        with pytest.raises(IntegrityError):
            open_(key, context, sealed)


def test_a_message_whose_block_raised_never_opens():
    sink = io.BytesIO()
    with pytest.raises(ZeroDivisionError), SealingWriter(sink, KEY, b"") as writer:
        writer.write(bytes(100_000)) / 0
    with pytest.raises(IntegrityError):
        open_(KEY, b"", sink.getvalue())


def test_a_forgotten_writer_does_not_complete_its_message():
    sink = io.BytesIO()
    writer = SealingWriter(sink, KEY, b"")
    writer.write(b"half")
    del writer
    with pytest.raises(IntegrityError):
        open_(KEY, b"", sink.getvalue())


def test_two_seals_of_one_message_share_no_bytes():
    one, other = seal(KEY, b"", bytes(1000)), seal(KEY, b"", bytes(1000))
    assert one[:HEADER_BYTES] != other[:HEADER_BYTES]
    assert one[HEADER_BYTES:] != other[HEADER_BYTES:]


def test_a_failed_read_leaves_no_unauthenticated_plaintext_in_the_buffer():
    sealed = bytearray(seal(KEY, b"", b"\x55" * (2 * CHUNK_BYTES)))
    sealed[HEADER_BYTES + CHUNK_BYTES + 8] ^= 1
    reader = OpeningReader(io.BytesIO(bytes(sealed)), KEY, b"")
    buffer = bytearray(CHUNK_BYTES)
    with pytest.raises(IntegrityError):
        reader.readinto(buffer)
    assert buffer == bytes(CHUNK_BYTES)
