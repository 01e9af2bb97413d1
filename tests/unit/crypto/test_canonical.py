"""Canonical bytes and digests."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file, keyed_digest

KEY = bytes(32)


def test_canonical_json_is_the_rfc_8785_example():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, {1: 2}, b"x", object()])
def test_what_json_cannot_say_is_refused_without_quoting_it(value):
    with pytest.raises(ValueError, match="no canonical JSON") as caught:
        canonical_json({"k": value})
    assert caught.value.__cause__ is None


def test_digests_are_plain_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    expected = "sha256:" + hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert digest_bytes(b"abc" * 100_000) == digest_file(tmp_path / "f") == expected


@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_different_parts_have_different_keyed_digests(one, other):
    assert (keyed_digest(KEY, *one) == keyed_digest(KEY, *other)) == (one == other)


def test_another_key_gives_another_keyed_digest():
    assert keyed_digest(KEY, b"x") != keyed_digest(b"\x01" * 32, b"x")
    with pytest.raises(ValueError, match="32 bytes"):
        keyed_digest(b"short", b"x")
