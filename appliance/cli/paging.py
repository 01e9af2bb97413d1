"""The page of `appliance detect --html`: made, sealed, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.detection import logged
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
    from appliance.steward import pages

    with machine_errors(str(source)):
        sealed = pages.is_sealed(source)
    if sealed and not opened:
        raise UsageError(str(source), "is sealed already", hint="appliance detect --html --open")

    def shown(home: Home | None) -> str:
        if sealed and home is not None:
            return pages.open_page(home, source)
        if policy is None:
            hint = "appliance detect --policy P --html IN OUT"
            raise UsageError("--policy", "is needed", hint=hint)
        return pages.page_of(source, policy.policy, document=document, languages=languages)

    if sealed or not opened:
        with unlocking.open(exclusive=False) as home:
            made = shown(home)
            data = made.encode() if opened else pages.seal_page(home, made)
            home.log.append("detect.page", sealed=not opened)
    else:
        with logged(unlocking) as perhaps:
            data = shown(perhaps).encode()
            if perhaps is not None:
                perhaps.log.append("detect.page", sealed=False)
    write_atomic(out, data)
    return {"out": str(out), "sealed": not opened}
