"""`model.sig` against the reference tool, which knows nothing of our code."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.signing import SigningKey, dsse_sign
from appliance.errors import IntegrityError
from appliance.release.model_sig import PAYLOAD_TYPE, open_signature, sign_files
from tests.unit.release.conftest import Released

TOOL = Path(sys.executable).with_name("model_signing")
KEY = SigningKey.generate()
CONTENT = {"a": b"1", "a.txt": b"2", "sub/b.txt": b"3", "sub.txt": b"4"}


def reference_tool(bundle: Path, public_key: Path) -> subprocess.CompletedProcess[str]:
    if not TOOL.is_file():
        pytest.skip("the model_signing command is not installed")
    command = [TOOL, "verify", "key", bundle, "--public_key", public_key]
    return subprocess.run(
        [*map(str, command), "--signature", str(bundle / "model.sig")],
        capture_output=True,
        text=True,
        check=False,
    )


def payload_of(raw: bytes) -> dict[str, object]:
    return json.loads(base64.b64decode(json.loads(raw)["dsseEnvelope"]["payload"]))


def resigned(raw: bytes, change) -> bytes:
    """The same bundle with a changed statement, signed again by the same key."""
    bundle, statement = json.loads(raw), payload_of(raw)
    change(statement)
    payload = json.dumps(statement).encode()
    bundle["dsseEnvelope"] = dsse_sign(payload, PAYLOAD_TYPE, [KEY])
    return json.dumps(bundle).encode()


@pytest.fixture
def raw() -> bytes:
    return sign_files({n: digest_bytes(d) for n, d in CONTENT.items()}, name="m", key=KEY)


def test_the_reference_tool_accepts_a_release(original: Released) -> None:
    result = reference_tool(original.bundle, original.public_key)
    assert result.returncode == 0, result.stderr
    assert "Verification succeeded" in result.stdout


def test_the_reference_tool_refuses_a_changed_byte(released: Released) -> None:
    card = released.bundle / "README.md"
    card.write_bytes(card.read_bytes() + b" ")
    assert reference_tool(released.bundle, released.public_key).returncode != 0


def test_the_root_digest_is_that_of_the_digests_in_path_order(raw: bytes) -> None:
    digests = [hashlib.sha256(CONTENT[n]).digest() for n in ("a", "a.txt", "sub/b.txt", "sub.txt")]
    expected = hashlib.sha256(b"".join(digests)).hexdigest()
    (subject,) = payload_of(raw)["subject"]
    assert subject["digest"] == {"sha256": expected}


def test_what_was_signed_comes_back(raw: bytes) -> None:
    signed = open_signature(raw, key=KEY.public, where="model.sig")
    assert signed.digests == {n: digest_bytes(d) for n, d in CONTENT.items()}
    assert signed.name == "m"


def test_another_key_is_refused(raw: bytes) -> None:
    with pytest.raises(IntegrityError, match="another key"):
        open_signature(raw, key=SigningKey.generate().public, where="model.sig")


def test_another_key_behind_the_right_hint_is_refused(raw: bytes) -> None:
    bundle = json.loads(raw)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"] = dsse_sign(payload, PAYLOAD_TYPE, [SigningKey.generate()])
    with pytest.raises(IntegrityError, match="signed by 0 of the trusted keys"):
        open_signature(json.dumps(bundle).encode(), key=KEY.public, where="model.sig")


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["predicate"]["resources"].pop(),
        lambda s: s["predicate"]["resources"].append(dict(s["predicate"]["resources"][0])),
        lambda s: s["predicate"]["resources"][0].update(name="../evil"),
        lambda s: s["predicate"]["resources"][0].update(name="/etc/passwd"),
        lambda s: s["predicate"]["resources"][0].update(algorithm="md5"),
        lambda s: s["predicate"]["resources"][0].update(digest="zz"),
        lambda s: s["predicate"]["serialization"].update(ignore_paths=["model.sig", "README.md"]),
        lambda s: s["predicate"]["serialization"].update(allow_symlinks=True),
        lambda s: s.update(predicateType="https://example.invalid/v1"),
        lambda s: s.update(subject=[]),
        lambda s: s.pop("predicate"),
    ],
)
def test_a_statement_of_another_shape_is_refused(raw: bytes, change) -> None:
    with pytest.raises(IntegrityError):
        open_signature(resigned(raw, change), key=KEY.public, where="model.sig")


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"mediaType": 1}'])
def test_garbage_is_refused_in_one_line(garbage: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"model\.sig: is not a model signature bundle"):
        open_signature(garbage, key=KEY.public, where="model.sig")


def test_any_flipped_bit_is_refused(raw: bytes) -> None:
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1 << (position * 5 % 8)
        with pytest.raises(IntegrityError):
            open_signature(bytes(changed), key=KEY.public, where="model.sig")


@pytest.mark.parametrize("extra", [b" ", b"\n", b"{}"])
def test_bytes_after_the_bundle_are_refused(raw: bytes, extra: bytes) -> None:
    with pytest.raises(IntegrityError):
        open_signature(raw + extra, key=KEY.public, where="model.sig")
