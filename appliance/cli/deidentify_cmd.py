"""`appliance deidentify`: a de-identified copy in the clear."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.console import emit, progress
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.errors import EXIT_DONE, EXIT_REFUSED, DataError, UsageError


@click.command()
@click.option("--policy", "policy_path", type=PATH, required=True, help="The policy.")
@click.option("--export", "exporting", is_flag=True, help="Write the copy in the clear.")
@click.argument("source", metavar="IN", type=PATH)
@click.argument("out", metavar="OUT", type=PATH)
@home_options
@json_option
@click.pass_context
def deidentify(
    ctx: click.Context,
    *,
    policy_path: Path,
    exporting: bool,
    source: Path,
    out: Path,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Write a de-identified copy of IN to OUT (.jsonl or .csv), where the policy allows it.

    The copy leaves the workspace in the clear, so --export has to say it; the log keeps what left.
    Exit 10: the gate's rules on de-identification refused, and nothing was written.
    """
    from appliance.policy import load_policy

    loaded = load_policy(policy_path)
    if not exporting:
        raise UsageError(
            "--export",
            "is needed: the copy leaves the workspace in the clear",
            hint="appliance deidentify --policy P --export IN OUT",
        )
    if not source.exists():
        raise DataError(str(source), "no such file or folder", hint=f"ls -l {source.parent}")
    if not out.absolute().parent.is_dir():
        # Found out now, not after an hour's work.
        raise UsageError(str(out), "its folder is not there", hint=f"mkdir -p {out.parent}")
    with unlocking.open(exclusive=True) as home:
        lock_process(loaded.policy, home=home, readable=[source], writable=[out.absolute().parent])
        from appliance.steward.export import export

        done = export(home, loaded, source, out, progress=progress(quiet=as_json))
    section = done.section
    result = {
        "out": str(out) if done.passed else None,
        "records": done.records,
        "records_changed": section.records_changed,
        "entities": section.entities,
        "digest": done.digest,
        "findings": [f.model_dump(mode="json") for f in done.findings],
    }
    lines = [
        f"refused: {f.rule}: measured {f.measured}, threshold {f.threshold}; {f.detail}"
        for f in done.findings
        if not f.passed
    ]
    replaced = sum(section.entities.values())
    lines.append(
        f"{out}: {done.records} records, {replaced} pieces replaced"
        if done.passed
        else "nothing was written"
    )
    emit(result, as_json=as_json, text="\n".join(lines))
    ctx.exit(EXIT_DONE if done.passed else EXIT_REFUSED)
