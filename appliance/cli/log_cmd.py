"""`appliance log`: show, verify, export, anchor.

With `--public-key` an auditor needs no secret: the log is in clear, and its checkpoints verify
against the release key's public half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.log import AuditLog

_public_key = click.option(
    "--public-key", type=PATH, help="Read the log with this public key alone, unlocking nothing."
)


@click.group()
def log() -> None:
    """Show, verify, export or anchor the audit log."""


@log.command()
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True)
@_public_key
@home_options
@json_option
def show(*, last: int, public_key: Path | None, unlocking: Unlocking, as_json: bool) -> None:
    """Show the newest events."""
    from appliance.log import export_lines

    with _opened(unlocking, public_key) as book:
        events = list(book.events())[-last:]
    emit({"events": events}, as_json=as_json, text="\n".join(export_lines(events, "jsonl")))


@log.command()
@click.option(
    "--since", type=PATH, help="A checkpoint kept elsewhere, or a report.json that holds one."
)
@_public_key
@home_options
@json_option
def verify(
    *, since: Path | None, public_key: Path | None, unlocking: Unlocking, as_json: bool
) -> None:
    """Check every line, the chain, the checkpoints, and an older checkpoint if given.

    Tells apart: bad hash, gap, fork, truncation, unsigned tail.
    """
    from appliance.workspace.holder import held
    from appliance.workspace.layout import require_workspace

    require_workspace(unlocking.path)
    note = None if since is None else _note_in(since)
    running = held(unlocking.path)
    # The log itself first: what is wrong with it is told more exactly than by the unlocking.
    report = _public_log(unlocking.path, public_key).verify(since=note, tail=running)
    if public_key is None:
        with unlocking.open(exclusive=False):
            pass  # the public key is this workspace's, and the vault knows this very log
    emit(
        {
            "events": report.events,
            "checkpoints": report.checkpoints,
            "root": report.root,
            "still_running": running,
        },
        as_json=as_json,
        text=f"{report.events} events and {report.checkpoints} checkpoints are as written\n"
        f"root {report.root}" + ("\na command is running and signs at its end" if running else ""),
    )


@log.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "syslog", "cef"]), default="jsonl")
@_public_key
@home_options
@json_option
def export(*, form: str, public_key: Path | None, unlocking: Unlocking, as_json: bool) -> None:
    """Write all events to stdout in another system's format."""
    from appliance.log.export import ExportFormat, export_lines

    with _opened(unlocking, public_key) as book:
        lines = list(export_lines(book.events(), cast(ExportFormat, form)))
    emit({"format": form, "lines": lines}, as_json=as_json, text="\n".join(lines))


@log.command()
@_public_key
@home_options
@json_option
def checkpoint(*, public_key: Path | None, unlocking: Unlocking, as_json: bool) -> None:
    """Print the newest signed checkpoint, to be kept elsewhere for `log verify --since`."""
    from appliance.errors import IntegrityError

    with _opened(unlocking, public_key) as book:
        last = book.last_checkpoint()
    if last is None:
        raise IntegrityError(
            str(unlocking.path / "log"), "holds no checkpoint", hint="appliance log verify"
        )
    emit(
        {"events": last.size, "root": last.root.hex(), "note": last.note},
        as_json=as_json,
        text=last.note.rstrip("\n"),
    )


@contextmanager
def _opened(unlocking: Unlocking, public_key: Path | None) -> Iterator[AuditLog]:
    """Open the log: with the workspace, or by a public key alone."""
    if public_key is not None:
        yield _public_log(unlocking.path, public_key)
        return
    with unlocking.open(exclusive=False) as home:
        yield home.log


def _public_log(home: Path, public_key: Path | None) -> AuditLog:
    """Return the log as anyone can read it."""
    from appliance.crypto.signing import VerifyingKey
    from appliance.files import machine_errors
    from appliance.log import AuditLog

    path = public_key or home / "keys" / "release.pub.pem"
    with machine_errors(str(path)):
        return AuditLog(home / "log", key=VerifyingKey.from_file(path))


def _note_in(path: Path) -> str:
    """Read a checkpoint's note, or the one a report holds."""
    from appliance.errors import UsageError
    from appliance.files import machine_errors

    with machine_errors(str(path)):
        text = path.read_text(encoding="utf-8", errors="replace")
    if not text.lstrip().startswith("{"):
        return text
    try:
        note = json.loads(text)["environment"]["log_checkpoint"]
    except (ValueError, KeyError, TypeError, RecursionError):
        note = None
    if not isinstance(note, str):
        raise UsageError(
            str(path), "holds no checkpoint", hint="appliance log checkpoint, for a new one"
        )
    return note
