"""The vault: the only way a stage writes private bytes."""

from appliance.vault.disk import destroy_vault
from appliance.vault.index import Entry, VaultHead
from appliance.vault.store import Vault

__all__ = ["Entry", "Vault", "VaultHead", "destroy_vault"]
