"""Full re-encryption: every vault sealed anew under new data keys, one after the other.

Rules:
- Each vault is copied beside itself, and the copy takes its name in one step (RENAME_EXCHANGE);
  then the old data keys are burned. A crash leaves old or new vaults, each whole.
- It is in the log when it begins and when all is done; in between `keys status` says so, and
  doing it again goes on to the end.
- A run's manifest moves with its vault: its receipts name the files by their new digests.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files import TEMPORARY, exchange, machine_errors, make_private_folder
from appliance.manifest import Manifest
from appliance.vault import Resealed, Vault, burn_keys, reseal
from appliance.workspace.layout import MANIFEST_FILE, run_folders

if TYPE_CHECKING:
    from appliance.log import AuditLog
    from appliance.workspace.home import Home

_BEGUN, _DONE = "keys.resealing", "keys.resealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResealReport:
    """What was sealed anew.

    Attributes:
        vaults: how many vaults.
        files: how many sealed files.
        plain_bytes: how many bytes were in them.
    """

    vaults: int
    files: int
    plain_bytes: int


def reseal_all(home: Home) -> ResealReport:
    """Seal everything anew under new data keys and burn the old ones.

    Raises:
        IntegrityError: a sealed byte was altered; what was copied until then stays.
        MachineError: no room for a copy of the largest vault, or it cannot be written.

    Guarantees:
        No data key from before opens a byte of the workspace; what was sealed reads as before.
        After a crash at any point everything opens.
    """
    home.require_exclusive()
    runs = run_folders(home.path)
    home.log.append(_BEGUN, vaults=len(runs) + 1)
    done = [_reseal_run(home, folder) for folder in runs]
    done.append(_reseal_own(home))
    report = ResealReport(
        vaults=len(done),
        files=sum(len(one.digests) for one in done),
        plain_bytes=sum(one.plain_bytes for one in done),
    )
    home.log.append(_DONE, vaults=report.vaults, files=report.files, bytes=report.plain_bytes)
    return report


def reseal_run(home: Home, run_id: str) -> None:
    """Seal one run anew under new data keys and burn the old ones.

    Raises:
        IntegrityError: a sealed byte was altered.
        MachineError: no room for a copy, or it cannot be written.

    Guarantees:
        What was deleted or replaced in the run before this opens no more, whoever kept its bytes.
    """
    home.require_exclusive()
    _reseal_run(home, home.path / "runs" / run_id)


def reseal_own(home: Home) -> None:
    """Seal the workspace's own vault anew under new data keys and burn the old ones."""
    home.require_exclusive()
    _reseal_own(home)


def unfinished(log: AuditLog) -> bool:
    """Say whether a full re-encryption began and did not end."""
    last = [e["event"] for e in log.events() if e["event"] in (_BEGUN, _DONE)]
    return bool(last) and last[-1] == _BEGUN


def burn_leftovers(path: Path) -> None:
    """Burn and remove copies of vaults that a crash left beside the ones in force."""
    for folder in (path, path / "runs"):
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith(TEMPORARY) and entry.is_dir():
                _burn(entry)


def _reseal_run(home: Home, folder: Path) -> Resealed:
    """Seal one run's vault anew, its manifest with it."""
    old = home.run_vault(folder.name)
    staging = folder.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        make_private_folder(staging)
        copied = reseal(old, staging / "vault", home._root)
        Manifest(folder / MANIFEST_FILE, old).translate(
            staging / MANIFEST_FILE, copied.vault, copied.digests
        )
        exchange(staging, folder)
    finally:
        _burn(staging)
    old.close()
    copied.vault.close()
    home._runs[folder.name] = Vault.open(folder / "vault", scope=old.scope, root=home._root)
    home._log_head(home._runs[folder.name])
    return copied


def _reseal_own(home: Home) -> Resealed:
    """Seal the workspace's own vault anew."""
    old, folder = home.vault, home.path / "vault"
    staging = folder.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        copied = reseal(old, staging, home._root)
        exchange(staging, folder)
    finally:
        _burn(staging)
    old.close()
    copied.vault.close()
    home.vault = Vault.open(folder, scope=old.scope, root=home._root)
    home._log_head(home.vault)
    return copied


def _burn(folder: Path) -> None:
    """Burn the keys of a vault's copy, or of a run's, and remove it."""
    for vault in (folder, folder / "vault"):
        burn_keys(vault)
    if folder.exists():
        with machine_errors(str(folder)):
            shutil.rmtree(folder)
