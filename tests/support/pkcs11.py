"""A SoftHSM2 token of a test's own; skips loudly where it cannot be had."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODULES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
]
PIN = "4711-0815"


def soft_token(folder: Path, patch: pytest.MonkeyPatch, *, label: str) -> Path:
    """Make a token and return the library that reaches it."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    module = next((path for path in MODULES if path.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed")
    tokens = folder / "tokens"
    tokens.mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    patch.setenv("SOFTHSM2_CONF", str(config))
    command = ["softhsm2-util", "--init-token", "--free", "--label", label]
    subprocess.run(
        [*command, "--so-pin", "12345678", "--pin", PIN], check=True, capture_output=True
    )
    return module
