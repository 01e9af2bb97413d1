"""A release signed by a key that never leaves a PKCS#11 device, against ours and another's check."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.crypto.device_signer import Device
from appliance.crypto.signer_file import make_device_signer, read_signer
from appliance.crypto.signing import SigningKey, sign_note
from appliance.crypto.unlock import Unlock
from appliance.errors import IntegrityError
from appliance.gate import decide
from appliance.release.bundle import release
from appliance.release.verify import verify
from tests.support.pkcs11 import PIN, soft_token
from tests.unit.release.conftest import CHECKPOINT_TEXT, ORIGIN, approval
from tests.unit.release.sample_adapter import adapter_files
from tests.unit.release.test_model_sig import reference_tool
from tests.unit.report import sample_report


def test_a_release_signed_on_a_device_is_verified_by_both_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = soft_token(tmp_path, monkeypatch, label="site")

    def device(*_: str) -> Device:
        return Device(
            module=module, token_label="site", key_label="release", pin=bytearray(PIN.encode())
        )

    public = make_device_signer(tmp_path / "signer", device())
    signer = read_signer(tmp_path / "signer").open(Unlock(), device)
    workspace = SigningKey.generate()  # signs the log on the machine that ran; the device does not
    key, bundle = tmp_path / "release.pub.pem", tmp_path / "bundle"
    key.write_bytes(public.pem())
    release(
        approval(),
        report=sample_report.released_report(),
        adapter_files=adapter_files(),
        policy=sample_report.policy(),
        signing_key=signer,
        log_checkpoint=sign_note(CHECKPOINT_TEXT, name=ORIGIN, key=workspace),
        log_key=workspace.public,
        out=bundle,
    )
    assert verify(bundle, public_key=key, decide=decide).proved
    done = reference_tool(bundle, key)
    assert done.returncode == 0, done.stderr
    key.write_bytes(SigningKey.generate().public.pem())
    with pytest.raises(IntegrityError):
        verify(bundle, public_key=key, decide=decide)
