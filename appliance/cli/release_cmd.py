"""`appliance release`: release a run that waits for people's signatures."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit, progress
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.cli.signer_options import Signing, signer_option, signer_options
from appliance.errors import EXIT_DONE, EXIT_REFUSED, MachineError

_MAX_BYTES = 1024 * 1024


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--approval",
    "approvals",
    type=PATH,
    multiple=True,
    help="A signed word of a person, as `appliance approve` wrote it; may be repeated.",
)
@click.option("--merged", is_flag=True, help="Also the base model with the adapter merged into it.")
@signer_option
@signer_options
@home_options
@json_option
@click.pass_context
def release(
    ctx: click.Context,
    run_id: str,
    *,
    approvals: tuple[Path, ...],
    merged: bool,
    signing: Signing,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Release RUN if the gate and the people say so; words given before still count.

    With --merged, a run that is released already gets a second release that holds the merged
    model too. --signer is the release key, where it lies apart. Exit 0: released. Exit 10: not yet,
    or rejected; the report says why.
    """
    from appliance.cli.summary import as_object, summary
    from appliance.people.release_key import verifying_path

    votes = {str(path): _read(path) for path in approvals}
    with unlocking.open(exclusive=True) as home:
        signer = signing.signer()
        if signing.module is None:  # a device's library needs paths of its own
            lock_process(None, home=home)
        from appliance.run import status, utc_now
        from appliance.settlement.releasing import release_candidate, release_merged

        bars = progress(quiet=as_json)
        if merged and status(home, run_id).verdict == "released":
            outcome = release_merged(home, run_id, signer=signer, progress=bars)
        else:
            outcome = release_candidate(
                home,
                run_id,
                votes=votes,
                signer=signer,
                merged=merged,
                progress=bars,
                clock=utc_now,
            )
        key = verifying_path(home)
    emit(as_object(outcome), as_json=as_json, text=summary(outcome, key))
    ctx.exit(EXIT_DONE if outcome.bundle is not None else EXIT_REFUSED)


def _read(path: Path) -> bytes:
    from appliance.files import read_regular

    try:
        return read_regular(path, limit_bytes=_MAX_BYTES)
    except FileNotFoundError:
        raise MachineError(str(path), "no such file", hint="appliance approve RUN") from None
