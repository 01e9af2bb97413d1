"""The log and the vaults vouch for each other: who is older than the other knows, was put back."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.errors import IntegrityError
from appliance.log import AuditLog
from appliance.vault import Vault, VaultHead

HOME_SCOPE = "home"

_RUN_SCOPE = "run/"
_HINT_BACKUP = "restore the workspace from a backup"


def run_scope(run_id: str) -> str:
    """Return the scope of a run's vault."""
    return _RUN_SCOPE + run_id


def run_of(scope: str) -> str | None:
    """Return the run whose vault has this scope, if it is a run's."""
    return scope.removeprefix(_RUN_SCOPE) if scope.startswith(_RUN_SCOPE) else None


def check_head(vault: Vault, heads: Mapping[str, VaultHead]) -> None:
    """Compare a vault with the head the log keeps of it.

    Raises:
        IntegrityError: the vault is older than the log says, or another one.
    """
    known = heads.get(vault.scope)
    head = vault.head
    if known is None or head.epoch > known.epoch:
        return
    if head.epoch < known.epoch or head.digest != known.digest:
        raise IntegrityError(
            str(vault.path / "index.sealed"),
            f"put back to an older state: change {head.epoch}, the log knows {known.epoch}",
            hint=_HINT_BACKUP,
        )


def logged_heads(log: AuditLog) -> dict[str, VaultHead]:
    """Return the vaults' heads as the log knows them."""
    return {
        scope: VaultHead(epoch=fields["epoch"], digest=fields["digest"])
        for scope, fields in log.latest("vault.head", "scope").items()
    }


def destroyed_scopes(log: AuditLog) -> set[str]:
    """Return the scopes of vaults that were destroyed on purpose."""
    return set(log.latest("vault.destroying", "scope"))
