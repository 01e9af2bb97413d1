"""The page of `appliance detect --html`: made, sealed, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.detection import logged
from appliance.cli.locking import lock_process
from appliance.cli.options import Unlocking
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.policy import LoadedPolicy
    from appliance.workspace import Home


def page(
    source: Path,
    out: Path,
    *,
    policy: LoadedPolicy | None,
    document: str | None,
    opened: bool,
    languages: tuple[str, ...] | None,
    unlocking: Unlocking,
) -> dict[str, Any]:
    """Write the page; see `steward.pages`."""
    from appliance.files import machine_errors, write_atomic

    with machine_errors(str(source)):
        sealed = is_sealed(source)
    if sealed and not opened:
        raise UsageError(str(source), "is sealed already", hint="appliance detect --html --open")

    def shown(home: Home | None) -> str:
        from appliance.steward import pages

        if sealed and home is not None:
            return pages.open_page(home, source)
        if policy is None:
            hint = "appliance detect --policy P --html IN OUT"
            raise UsageError("--policy", "is needed", hint=hint)
        return pages.page_of(source, policy.policy, document=document, languages=languages)

    rules = None if policy is None else policy.policy
    folder = out.absolute().parent
    if sealed or not opened:
        with unlocking.open(exclusive=False) as home:
            lock_process(rules, home=home, readable=[source], writable=[folder])
            made = shown(home)
            data = made.encode() if opened else _sealed(home, made)
            home.log.append("detect.page", sealed=not opened)
    else:
        with logged(unlocking) as perhaps:
            lock_process(rules, home=perhaps, readable=[source], writable=[folder])
            data = shown(perhaps).encode()
            if perhaps is not None:
                perhaps.log.append("detect.page", sealed=False)
    write_atomic(out, data)
    return {"out": str(out), "sealed": not opened}


def is_sealed(path: Path) -> bool:
    """Tell whether a file is a page sealed by a workspace; nothing of numpy is imported for it."""
    with path.open("rb") as handle:
        return handle.readline(64) == b"appliance sealed page 1\n"


def _sealed(home: Home, page: str) -> bytes:
    from appliance.steward.pages import seal_page

    return seal_page(home, page)
