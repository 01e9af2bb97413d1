"""The vault: the only way a stage writes private bytes."""

from appliance.vault.index import Entry
from appliance.vault.store import Vault, VaultHead, destroy_vault

__all__ = ["Entry", "Vault", "VaultHead", "destroy_vault"]
