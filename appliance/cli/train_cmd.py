"""`appliance train`: the whole pipeline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit, progress
from appliance.cli.locking import lock_process
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.cli.processes import (
    dismiss_helpers,
    help_first_process,
    launch,
    meet_helpers,
    rank,
    world_size,
)
from appliance.errors import EXIT_DONE, EXIT_REFUSED, UsageError

if TYPE_CHECKING:
    from appliance.locks import LockReport
    from appliance.policy import LoadedPolicy, Policy
    from appliance.run import Run
    from appliance.workspace import Home


@click.command()
@click.option("--policy", "policy_path", type=PATH, help="The policy: what is allowed, how safe.")
@click.option("--data", type=PATH, help="The raw records: a file, or a folder of files.")
@click.option("--base-model", help="A registered base model; absent: the policy's.")
@click.option("--resume", "resume_id", metavar="RUN", help="Pick up a run that stopped.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that train together on this machine.",
)
@home_options
@json_option
@click.pass_context
def train(
    ctx: click.Context,
    *,
    policy_path: Path | None,
    data: Path | None,
    base_model: str | None,
    resume_id: str | None,
    processes: int,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Take raw records to a released adapter, or refuse and say why.

    Exit 0: released. Exit 10: the gate refused, or the run waits for people's signatures; the
    report says why.
    """
    from appliance.cli.summary import as_object, summary
    from appliance.people.release_key import verifying_path
    from appliance.policy import load_policy

    if resume_id is None and (policy_path is None or data is None):
        raise UsageError(
            "appliance train",
            "expected --policy and --data, or --resume",
            hint="appliance train --policy policies/hipaa.yaml --data notes.jsonl",
        )
    peers = world_size()
    if processes > 1 and peers == 1:
        ctx.exit(launch(processes, sys.argv[1:], unlocks_itself=_by_file(unlocking)))
    if rank() > 0:
        help_first_process(unlocking)
        return
    inputs = [p for p in (policy_path, data) if p is not None]
    with unlocking.open(exclusive=True) as home:
        loaded = None if policy_path is None else load_policy(policy_path)
        policy, source = _to_lock_for(home, loaded, data, resume_id)
        report = lock_process(
            policy,
            home=home,
            readable=[*inputs, source],
            profile="strict" if peers == 1 else "shared-loopback",
        )
        run = _begin(home, loaded, data, base_model, resume_id, quiet=as_json)
        from appliance.pipeline import execute

        if peers > 1:
            meet_helpers()
        if not as_json:
            click.echo(f"run {run.id}", err=True)
        outcome = execute(run, locks=in_words(report))
        if peers > 1:
            dismiss_helpers()
        key = verifying_path(home)
    emit(as_object(outcome), as_json=as_json, text=summary(outcome, key))
    ctx.exit(EXIT_DONE if outcome.bundle is not None else EXIT_REFUSED)


def _by_file(unlocking: Unlocking) -> bool:
    """Whether each of several processes can unlock by itself."""
    return (unlocking.passphrase_file or unlocking.key_file) is not None


def _to_lock_for(
    home: Home, loaded: LoadedPolicy | None, data: Path | None, resume_id: str | None
) -> tuple[Policy, Path]:
    """Return what the locks depend on, before any record, raw or sealed, is opened."""
    from appliance.run import Run, begun

    if resume_id is not None:
        if not begun(home, resume_id):
            Run.resume(home, resume_id, progress=progress(quiet=True))  # says what is wrong with it
        run = Run.attach(home, resume_id)
        return run.policy.policy, run.source
    if loaded is None or data is None:  # checked by the caller; narrows the types
        raise UsageError("appliance train", "expected --policy and --data", hint="--help")
    if not data.exists():
        raise_missing(data)
    return loaded.policy, data


def _begin(
    home: Home,
    loaded: LoadedPolicy | None,
    data: Path | None,
    base_model: str | None,
    resume_id: str | None,
    *,
    quiet: bool,
) -> Run:
    from appliance.model.registry import Registry
    from appliance.run import Run

    bars = progress(quiet=quiet)
    if resume_id is not None:
        run = Run.resume(home, resume_id, progress=bars)
        if loaded is not None and loaded.digest != run.policy.digest:
            raise UsageError(
                f"run {resume_id}",
                "was begun under another policy than the one given",
                hint=f"appliance train --resume {resume_id}",
            )
        return run
    if loaded is None or data is None:  # checked by the caller; narrows the types
        raise UsageError("appliance train", "expected --policy and --data", hint="--help")
    base = Registry(home.path / "models").get(base_model or loaded.policy.training.base_model)
    return Run.create(home, loaded, base, data, progress=bars)


def raise_missing(data: Path) -> None:
    """Say that the data is not there."""
    from appliance.errors import DataError

    raise DataError(str(data), "no such file or folder", hint=f"ls -l {data.parent}")


def in_words(report: LockReport) -> dict[str, str | bool | int | float]:
    """Return the locks as the report shows them."""
    return {
        lock.name: f"in force: {lock.detail}" if lock.in_force else f"NOT in force: {lock.detail}"
        for lock in report.locks
    }
