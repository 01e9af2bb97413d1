"""Digests of public files: reports, releases and models are read by others, and must not change.

They lie in clear by intent. Their digests lie in the workspace's vault, so a change is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from appliance.crypto.canonical import digest_file
from appliance.errors import IntegrityError
from appliance.files import machine_errors
from appliance.vault import Vault

_NAME = "custody/public.json"


def record_public(vault: Vault, home: Path, paths: Sequence[Path]) -> None:
    """Keep the digests of final files below the workspace."""
    known = dict(vault.read_json(_NAME)) if vault.exists(_NAME) else {}
    for path in paths:
        with machine_errors(str(path)):
            known[str(path.absolute().relative_to(home.absolute()))] = digest_file(path)
    vault.write_json(_NAME, known)


def check_public(vault: Vault, home: Path) -> None:
    """Compare every recorded file with its digest.

    Raises:
        IntegrityError: naming the first that is altered or missing.
    """
    if not vault.exists(_NAME):
        return
    for name, digest in sorted(vault.read_json(_NAME).items()):
        path = home / name
        if not path.is_file() or digest_file(path) != digest:
            raise IntegrityError(
                str(path), "altered or missing", hint="appliance report, to render it again"
            )
