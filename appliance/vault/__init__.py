"""The vault: the only way a stage writes private bytes."""

from appliance.vault.disk import burn_keys, destroy_vault
from appliance.vault.index import Entry, VaultHead
from appliance.vault.reseal import Resealed, reseal
from appliance.vault.store import Vault

__all__ = ["Entry", "Resealed", "Vault", "VaultHead", "burn_keys", "destroy_vault", "reseal"]
