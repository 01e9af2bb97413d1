"""`appliance verify`: check a released bundle, offline, without torch or a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, json_option


@click.command()
@click.argument("bundle", type=PATH)
@click.option("--key", "public_key", type=PATH, required=True, help="The release's public key.")
@click.option("--roles-key", type=PATH, help="The root of roles, where it is not the release key.")
@json_option
def verify(bundle: Path, *, public_key: Path, roles_key: Path | None, as_json: bool) -> None:
    """Check a released bundle, and say what that proves and what it does not."""
    from appliance.gate import decide
    from appliance.release.verify import verify as verify_bundle

    result = verify_bundle(bundle, public_key=public_key, decide=decide, roles_key=roles_key)
    lines = [f"{'ok  ' if c.passed else 'FAIL'} {c.name}: {c.detail}" for c in result.checks]
    lines += ["", "proved:", *(f"  - {p}" for p in result.proved)]
    lines += ["not proved:", *(f"  - {p}" for p in result.not_proved)]
    emit(
        {
            "verified": True,
            "bundle": str(bundle),
            "checks": [
                {"name": c.name, "passed": c.passed, "detail": c.detail} for c in result.checks
            ],
            "proved": list(result.proved),
            "not_proved": list(result.not_proved),
        },
        as_json=as_json,
        text="\n".join(lines),
    )
