"""Everything a workspace holds, compared with what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.manifest import Manifest
from appliance.workspace.anchors import destroyed_scopes, run_scope
from appliance.workspace.holder import held
from appliance.workspace.layout import MANIFEST_FILE, check_tree, run_folders
from appliance.workspace.public_files import check_public

if TYPE_CHECKING:
    from appliance.workspace.home import Home


def verify_all(home: Home) -> dict[str, int]:
    """Open every sealed byte and compare every file with what is known of it.

    Returns:
        Numbers of vaults, sealed files, receipts, public files and events checked.

    Raises:
        IntegrityError: naming the first file that is not as it was written.

    Guarantees:
        A change of any byte of any file is found, those of the lock and of HOME/tmp aside, which
        nothing is read from.
    """
    check_tree(home.path)
    if home.exclusive:
        home.log.checkpoint(home.signing_key())
    # A reader signs nothing first: cut checkpoints look like what a killed command left.
    report = home.log.verify(tail=not home.exclusive and held(home.path))
    files, receipts = home.vault.verify(), 0
    public = check_public(home.vault, home.path)
    gone = destroyed_scopes(home.log)
    runs = [folder for folder in run_folders(home.path) if run_scope(folder.name) not in gone]
    for folder in runs:
        vault = home.run_vault(folder.name)
        files += vault.verify()
        receipts += Manifest(folder / MANIFEST_FILE, vault).verify()
    return {
        "vaults": len(runs) + 1,
        "files": files,
        "receipts": receipts,
        "public_files": public,
        "events": report.events,
    }
