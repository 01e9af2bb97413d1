"""A person's key: sealed in its own file, or on a device that signs and never gives it away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.crypto.keys import make_key_file
from appliance.crypto.signer_file import make_signer, read_signer
from appliance.crypto.signing import SigningKey, dsse_sign, dsse_verify
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError, MachineError, UsageError


def phrase(text: str) -> Unlock:
    return Unlock(passphrase=bytearray(text.encode()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signer") / "ana"
    make_signer(path, phrase("right"))
    return path


def test_a_key_in_a_file_signs_for_who_knows_the_passphrase(made: Path) -> None:
    found = read_signer(made)
    key = found.open(phrase("right"))
    assert dsse_verify(dsse_sign(b"x", "t", [key]), [found.public]) == b"x"
    with pytest.raises(IntegrityError):
        found.open(phrase("wrong"))


def test_the_private_half_lies_nowhere_in_clear_and_the_file_is_private(made: Path) -> None:
    assert b"PRIVATE" not in made.read_bytes()
    assert made.stat().st_mode & 0o077 == 0


def test_a_key_file_opens_it_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    public = make_signer(tmp_path / "s", Unlock(key_file=tmp_path / "key"))
    assert read_signer(tmp_path / "s").open(Unlock(key_file=tmp_path / "key")).key_id == (
        public.key_id
    )


def test_any_flipped_byte_is_refused(tmp_path: Path) -> None:
    """Opened by a key file, which costs nothing to try."""
    make_key_file(tmp_path / "key")
    unlock = Unlock(key_file=tmp_path / "key")
    make_signer(tmp_path / "sound", unlock)
    raw = (tmp_path / "sound").read_bytes()
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1 << (position % 8)
        (tmp_path / "s").write_bytes(changed)
        with pytest.raises((IntegrityError, UsageError)):
            read_signer(tmp_path / "s").open(unlock)


def test_another_public_half_does_not_open(made: Path, tmp_path: Path) -> None:
    body = json.loads(made.read_bytes())
    body["public"] = SigningKey.generate().public.pem().decode()
    from appliance.crypto.canonical import canonical_json

    (tmp_path / "s").write_bytes(canonical_json(body) + b"\n")
    with pytest.raises(IntegrityError):
        read_signer(tmp_path / "s").open(phrase("right"))


def test_a_file_is_never_overwritten_and_a_missing_one_is_said(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists"):
        make_signer(made, phrase("x"))
    with pytest.raises(MachineError, match="no such file"):
        read_signer(tmp_path / "nowhere")
