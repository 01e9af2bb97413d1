"""`appliance keys set-apart`: let releases be signed by a key that lies elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, Unlocking, home_options, json_option


@click.command(name="set-apart")
@click.argument("signer", type=PATH)
@home_options
@json_option
def set_apart(signer: Path, *, unlocking: Unlocking, as_json: bool) -> None:
    """Let releases be signed by the key that SIGNER names: on a device, or in its holder's file.

    SIGNER is what `appliance roles keygen` wrote; only its public half is read. From then on every
    run that passes the gate waits for `appliance release RUN --signer SIGNER`. The workspace's own
    key goes on signing the log.
    """
    from appliance.crypto.signer_file import read_signer
    from appliance.people.release_key import set_apart as keep_apart

    public = read_signer(signer).public
    with unlocking.open(exclusive=True) as home:
        path = keep_apart(home, public)
    emit(
        {"release_key": {"id": public.key_id, "public_key": str(path)}},
        as_json=as_json,
        text=f"releases are signed by key {public.key_id[:16]}\npublic half {path}",
    )
