"""Turn any failure into two lines and an exit code; content never gets through.

The message of an unforeseen exception may hold a record, so only its type and place are shown.
"""

from __future__ import annotations

import errno
import json
import sys
import traceback

import click

from appliance.errors import EXIT_BUG, ApplianceError

EXIT_USAGE = 2
EXIT_MACHINE = 4
EXIT_INTERRUPTED = 130


def report_failure(error: BaseException, *, as_json: bool, debug: bool = False) -> int:
    """Print a failure and return the exit code.

    Args:
        error: what was raised.
        as_json: one JSON object on stdout instead of two lines on stderr.
        debug: also print the frames it came through, without values or messages.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else EXIT_BUG
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    where, what, hint, code = _describe(error)
    if debug:
        _frames(error)
    if as_json:
        row = {"where": where, "what": what, "hint": hint, "exit_code": code}
        click.echo(json.dumps({"error": row}))
    else:
        click.echo(f"appliance: error: {_one_line(where)}: {_one_line(what)}", err=True)
        click.echo(f"appliance: hint: {_one_line(hint)}", err=True)
    return code


def _describe(error: BaseException) -> tuple[str, str, str, int]:
    if isinstance(error, ApplianceError):
        return error.where, error.what, error.hint, error.exit_code
    if isinstance(error, click.UsageError):
        context = error.ctx
        command = context.command_path if context is not None else "appliance"
        what = error.format_message().rstrip(".").replace("\n", " ")
        return command, what[:1].lower() + what[1:], f"{command} --help", EXIT_USAGE
    if isinstance(error, click.ClickException):
        return "appliance", error.format_message().rstrip("."), "appliance --help", EXIT_USAGE
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "interrupted", "stopped before it was done", "appliance runs list", EXIT_INTERRUPTED
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk", "is full", "df -h", EXIT_MACHINE
    if isinstance(error, MemoryError):
        return "memory", "is exhausted", "free -h", EXIT_MACHINE
    if isinstance(error, BrokenPipeError):
        return "output", "was closed by its reader", "appliance --help", EXIT_BUG
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "unknown"
    return (
        "internal",
        f"unforeseen {type(error).__name__} in {place}",
        "repeat the command with --debug and report the frames it prints",
        EXIT_BUG,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _frames(error: BaseException) -> None:
    for frame in traceback.extract_tb(error.__traceback__):
        sys.stderr.write(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
    sys.stderr.write(f"  {type(error).__name__}\n")
